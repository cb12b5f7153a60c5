import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { defaultClientConditions, defineConfig, type Plugin } from 'vite';

/** What a browser fetches to see every page, compressed; DESIGN §7. */
const BUDGET_BYTES = 120 * 1024;

/** Writes `.br` and `.gz` beside each file, which the hub serves as they are, and fails when the page has grown too heavy. */
const compressed = (): Plugin => ({
  name: 'compressed',
  apply: 'build',
  async writeBundle({ dir = '' }) {
    const names = await readdir(dir, { recursive: true });
    let total = 0;
    for (const name of names.filter((each) => /\.(js|css|html|svg)$/.test(each))) {
      const text = await readFile(join(dir, name));
      const [gzip, brotli] = [gzipSync(text, { level: 9 }), brotliCompressSync(text)];
      await Promise.all([writeFile(join(dir, `${name}.gz`), gzip), writeFile(join(dir, `${name}.br`), brotli)]);
      total += gzip.length;
    }
    this.info(`dashboard: ${(total / 1024).toFixed(1)} KiB compressed, at most ${BUDGET_BYTES / 1024}`);
    if (total > BUDGET_BYTES) this.error(`the dashboard is too heavy: ${total} bytes compressed, at most ${BUDGET_BYTES}`);
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
