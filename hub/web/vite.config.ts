import { defaultClientConditions, defineConfig, type Plugin } from 'vite';

/** What a browser fetches to see every page, compressed; DESIGN §7. */
const BUDGET_BYTES = 120 * 1024;

const gzip = async (content: string | Uint8Array): Promise<Uint8Array> => {
  const stream = new Blob([content as BlobPart]).stream().pipeThrough(new CompressionStream('gzip'));
  return new Uint8Array(await new Response(stream).arrayBuffer());
};

/** Puts a `.gz` beside each file, which the hub serves as it is, and fails when the dashboard has grown too heavy. */
const compressed = (): Plugin => ({
  name: 'compressed',
  apply: 'build',
  generateBundle: {
    order: 'post',
    async handler(_options, bundle) {
      let total = 0;
      for (const [name, file] of Object.entries(bundle)) {
        const source = await gzip(file.type === 'chunk' ? file.code : file.source);
        this.emitFile({ type: 'asset', fileName: `${name}.gz`, source });
        total += source.length;
      }
      this.info(`dashboard: ${(total / 1024).toFixed(1)} KiB compressed, at most ${BUDGET_BYTES / 1024}`);
      if (total > BUDGET_BYTES) this.error(`the dashboard is too heavy: ${total} bytes compressed, at most ${BUDGET_BYTES}`);
    },
  },
});

/** The dashboard: `npx vite build hub/web` writes `hub/dist/web`, which the hub serves. */
export default defineConfig({
  root: import.meta.dirname,
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  resolve: { conditions: ['muster-source', ...defaultClientConditions] },
  plugins: [compressed()],
  build: {
    outDir: '../dist/web',
    emptyOutDir: true,
    target: 'es2022',
    cssTarget: ['chrome111', 'safari16.4', 'firefox114'],
    // Inlined assets would need `data:` in the content security policy.
    assetsInlineLimit: 0,
    // The polyfill is for browsers older than the target.
    modulePreload: { polyfill: false },
  },
});
