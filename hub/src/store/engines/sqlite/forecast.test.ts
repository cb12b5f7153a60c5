import { afterEach, beforeEach, expect, it } from 'vitest';
import { row, rows, START } from '../../conformance/subject.js';
import { createFolder } from '../../testing/folder.js';
import { bytesAfter } from './forecast.js';
import { createSqliteEngine } from './index.js';

let folder: ReturnType<typeof createFolder>;
beforeEach(() => {
  folder = createFolder();
});
afterEach(() => folder.remove());

const DAY_MS = 86_400_000;
const KEPT = { raw_ms: 30 * DAY_MS, five_ms: 365 * DAY_MS, hour_ms: null };

it('counts each tier as long as it is kept', () => {
  const per_day = { raw: 100, five: 10, hour: 1 };
  expect(bytesAfter(per_day, KEPT, 10)).toBe(1_110);
  expect(bytesAfter(per_day, KEPT, 365)).toBe(3_000 + 3_650 + 365);
  expect(bytesAfter(per_day, KEPT, 3_650)).toBe(3_000 + 3_650 + 3_650);
});

it('comes near to what the file grows by, device and day', async () => {
  let now = START;
  const engine = createSqliteEngine({ file: folder.path('store.db') }, () => now);
  await engine.open();
  expect((await engine.stats()).forecast).toBeNull();
  const day = async (number: number): Promise<number> => {
    for (let hour = 0; hour < 24; hour++) {
      for (let device = 0; device < 4; device++) await engine.commit([hourOf(device, number * 24 + hour)]);
      now = START + (number * 24 + hour + 1) * 3_600_000;
      while (engine.work(now));
    }
    return (await engine.stats()).raw_bytes ?? 0;
  };
  const before = await day(0);
  const grown = (await day(1)) - before;
  const { forecast } = await engine.stats();
  await engine.close();
  const raw = forecast?.per_day.raw ?? 0;
  // Whole pages are counted, hence more than the chunks alone.
  expect(raw).toBeGreaterThan(grown * 0.9);
  expect(raw).toBeLessThan(grown * 2);
  expect(forecast?.after.map(({ days }) => days)).toEqual([30, 365, 1_825]);
});

const hourOf = (device: number, hour: number) =>
  rows(
    `pi-${device}`,
    ['a', 'b'],
    Array.from({ length: 360 }, (_, index) => {
      const seq = hour * 360 + index + 1;
      return row(seq, START + seq * 10_000, [(seq * 7_919) % 1_000, Math.sin(seq)]);
    }),
  );
