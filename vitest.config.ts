import { defineConfig } from 'vitest/config';

export default defineConfig({
  resolve: { conditions: ['muster-source'] },
  ssr: { resolve: { conditions: ['muster-source'] } },
  test: {
    include: ['{shared,agent,hub,scripts}/src/**/*.test.ts', 'hub/web/src/**/*.test.ts', 'scripts/*.test.ts'],
    testTimeout: 90_000,
    hookTimeout: 90_000,
  },
});
