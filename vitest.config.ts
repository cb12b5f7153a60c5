import { defineConfig } from 'vitest/config';

const E2E = 'scripts/src/e2e/**/*.test.ts';
const conditions = ['muster-source'];

/** Unit tests first, as many at a time as two cores carry; then whole programs, which mostly wait. */
export default defineConfig({
  test: {
    testTimeout: 90_000,
    hookTimeout: 90_000,
    projects: [
      {
        resolve: { conditions },
        ssr: { resolve: { conditions } },
        extends: true,
        test: {
          name: 'unit',
          include: ['{shared,agent,hub,scripts}/src/**/*.test.ts', 'hub/web/src/**/*.test.ts', 'scripts/*.test.ts'],
          exclude: [E2E],
          maxWorkers: 2,
          sequence: { groupOrder: 0 },
        },
      },
      {
        resolve: { conditions },
        ssr: { resolve: { conditions } },
        extends: true,
        test: { name: 'programs', include: [E2E], maxWorkers: 3, sequence: { groupOrder: 1 } },
      },
    ],
  },
});
