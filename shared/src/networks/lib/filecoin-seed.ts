import * as v from 'valibot';
import type { FilfoxTotal } from './filecoin-filfox.js';
import type { Tipset } from './filecoin-reply.js';
import type { WalkEntry } from './filecoin-walk.js';

/** What was earned before the walk began, from Filfox, less what the walk counts itself: nothing is in both. */
export const seedMemory = v.object({
  total: v.string(),
  /** Until which height the total counts. */
  height: v.number(),
  created: v.number(),
  walked: v.string(),
  done: v.boolean(),
});
export type SeedMemory = v.InferOutput<typeof seedMemory>;

const EPOCH_MS = 30_000;

export const beginSeed = ({ amount, as_of, created }: FilfoxTotal, head: Tipset): SeedMemory => ({
  ...{ total: `${amount}`, created, walked: '0', done: false },
  height: head.height - Math.floor((head.ts - as_of) / EPOCH_MS),
});

/** Follows the walk up to the height of the total; its entry then. An estimate: Filfox may have seen blocks that were orphaned. */
export const continueSeed = (
  seed: SeedMemory,
  { miner, entries, height }: { miner: string; entries: readonly WalkEntry[]; height: number },
): { seed: SeedMemory; entry: WalkEntry | null } => {
  if (seed.done) return { seed, entry: null };
  const counted = entries.filter((one) => one.miner === miner && one.amount > 0n && Number(one.id.split('/')[0]) <= seed.height);
  const walked = counted.reduce((sum, one) => sum + one.amount, BigInt(seed.walked));
  if (height < seed.height) return { seed: { ...seed, walked: `${walked}` }, entry: null };
  const amount = BigInt(seed.total) - walked;
  return {
    seed: { ...seed, walked: `${walked}`, done: true },
    entry: { miner, id: 'seed', ts: seed.created, amount, exact: false },
  };
};
