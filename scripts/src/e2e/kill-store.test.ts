import { expect, it } from 'vitest';
import { killRepeatedly } from '../bench/store/kill.js';
import { createRandom } from '../sim/random.js';
import { makeFolder } from '../testing/processes.js';

/** `npm run bench -- recovery` does the same 100 times. */
const KILLS = 6;
const DAY_MS = 86_400_000;

it(`has every acknowledged row once, with its values, over ${KILLS} kills while it stores, seals and compacts`, {
  timeout: 180_000,
}, async () => {
  const folder = makeFolder();
  try {
    const result = await killRepeatedly({
      file: `${folder.path}/store.db`,
      kills: KILLS,
      devices: 10,
      start: Date.now() - 28 * DAY_MS,
      check_every: 3,
      within_ms: 1_200,
      random: createRandom(20_260_202),
    });
    console.log(
      `figure: ${result.acknowledged} acknowledged rows over ${KILLS} kills: ${result.lost} lost, ${result.twice} twice`,
    );
    expect(result).toMatchObject({ kills: KILLS, lost: 0, twice: 0, wrong: 0, faults: [] });
    expect(result.acknowledged).toBeGreaterThan(KILLS * 100);
    expect(result.sealed_bytes).toBeGreaterThan(0);
    expect(result.merged_bytes).toBeGreaterThan(0);
  } finally {
    folder.remove();
  }
});
