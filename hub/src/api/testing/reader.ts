import type { Reader } from '../../store/store.js';
import type { Kept } from './parts.js';

/** Answers with what a test keeps. */
export const readerOf = (kept: Kept, now: number): Reader => ({
  async series(query) {
    if (kept.broken) throw kept.broken;
    kept.asked.push(query);
    return { tier: 'raw', points: [[query.from, 1, 2, 3]] };
  },
  async many(queries) {
    if (kept.broken) throw kept.broken;
    kept.asked.push(...queries);
    return queries.map(({ from }) => ({ tier: 'raw', points: [[from, 1, 2, 3]] }));
  },
  top: async ({ metric }) => [{ device: 'pi-1', series: `${metric}{zone=cpu}`, ts: now, value: 54 }],
  log: async ({ after, limit, newest }) => {
    const wanted = (number: number) => (newest ? after === 0 || number < after : number > after);
    const found = kept.logs.filter((one) => wanted(one.number)).sort((a, b) => (a.number - b.number) * (newest ? -1 : 1));
    return found.slice(0, limit);
  },
  entries: async ({ after, limit }) => kept.entries.filter((one) => after === undefined || one.id > after).slice(0, limit),
  rows: async (_device, after, limit) => kept.rows.filter((row) => row.ts > after).slice(0, limit),
  stats: async () => ({ bytes: 4096, rows: 1, samples: 30 }),
  backup: async () => {},
  verify: async () => [],
});
