/** What waits to be committed, in order of arrival: when a group is due and what goes into it. Pure but for its own list. */
import type { AppError } from '@muster/shared/errors';
import type { Change } from './store.js';

export interface Item {
  changes: readonly Change[];
  bytes: number;
  urgent: boolean;
  /** Monotonic ms of its arrival. */
  at: number;
  /** A `write()`: given back to its caller when the store cannot commit, instead of being kept. */
  returnable: boolean;
  /** Null: on disk. Called once. */
  settle(error: AppError | null): void;
}

export interface GroupLimits {
  /** A group closes at this many items, this many bytes, or this old. */
  group_items: number;
  group_bytes: number;
  commit_ms: number;
  /** What gathered during a commit goes into the next one up to here. */
  commit_items: number;
  commit_bytes: number;
}

export interface Backlog {
  readonly items: number;
  readonly bytes: number;
  push(item: Item): void;
  /** Puts a group back to the front. */
  unshift(items: readonly Item[]): void;
  /** Ms until the group is due: 0 = now, null = nothing waits. */
  dueIn(now: number): number | null;
  /** The next group; at least one item, at most `items` when given. */
  take(items?: number): Item[];
  /** Takes out what is returnable. */
  takeReturnable(): Item[];
}

export const createBacklog = (limits: GroupLimits): Backlog => {
  let waiting: Item[] = [];
  let bytes = 0;
  let urgent = 0;
  const count = (items: readonly Item[], sign: 1 | -1) => {
    for (const item of items) {
      bytes += sign * item.bytes;
      if (item.urgent) urgent += sign;
    }
  };
  const replace = (items: Item[]) => {
    waiting = items;
    bytes = 0;
    urgent = 0;
    count(waiting, 1);
  };
  return {
    get items() {
      return waiting.length;
    },
    get bytes() {
      return bytes;
    },
    push(item) {
      waiting.push(item);
      count([item], 1);
    },
    unshift: (items) => replace([...items, ...waiting]),
    dueIn(now) {
      const [oldest] = waiting;
      if (!oldest) return null;
      const full = urgent > 0 || waiting.length >= limits.group_items || bytes >= limits.group_bytes;
      return full ? 0 : Math.max(0, oldest.at + limits.commit_ms - now);
    },
    take(items = limits.commit_items) {
      const group = waiting.splice(0, fitting(waiting, Math.min(items, limits.commit_items), limits.commit_bytes));
      count(group, -1);
      return group;
    },
    takeReturnable() {
      const found = waiting.filter((item) => item.returnable);
      if (found.length) replace(waiting.filter((item) => !item.returnable));
      return found;
    },
  };
};

const fitting = (waiting: readonly Item[], items: number, bytes: number): number => {
  let sum = 0;
  let fit = 0;
  for (const item of waiting) {
    sum += item.bytes;
    if (fit > 0 && (fit >= items || sum > bytes)) break;
    fit++;
  }
  return fit;
};
