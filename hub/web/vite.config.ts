import { defaultClientConditions, defineConfig } from 'vite';

/** The dashboard: `npx vite build hub/web` writes `hub/dist/web`, which the hub serves. */
export default defineConfig({
  root: import.meta.dirname,
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  resolve: { conditions: ['muster-source', ...defaultClientConditions] },
  build: {
    outDir: '../dist/web',
    emptyOutDir: true,
    target: 'es2022',
    cssTarget: ['chrome111', 'safari16.4', 'firefox114'],
    // Inlined assets would need `data:` in the content security policy.
    assetsInlineLimit: 0,
    // The polyfill is a second request that no browser of the target needs.
    modulePreload: { polyfill: false },
  },
});
