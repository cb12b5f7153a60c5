/** Which chunks there are of all devices; after a change of the file only what is new is looked up. */
import { deviceOfStaged } from './ids.js';
import type { Sealed, Shelf } from './query-shelf.js';

export interface Index {
  /** Once for each question, with the oldest time that it needs staged chunks of. */
  refresh(from: number): void;
  /** Staged chunks, by time; of older ones than were asked for some may be missing, of newer ones none. */
  partsOf(device: number): readonly Sealed[];
  /** Seal up to which the staged chunks of a (device, window) are merged; undefined: all of them are. */
  pending(id: number): number | undefined;
  /** Tells one state of a blob of five-minute roll-ups from another; null: there is none. */
  tag(id: number): number | null;
}

/** 10,000 devices × 6 days. */
const TAGS_KEPT = 60_000;
/** 10,000 devices × 12 hours. */
const PARTS_KEPT = 480_000;
const NONE: readonly Sealed[] = [];

interface Known {
  parts: Map<number, Sealed[]>;
  count: number;
  from: number;
  /** Newest seal that was met. */
  seal: number;
}

export const createIndex = (shelf: Shelf): Index => {
  const tags = new Map<number, { rolled: number; tag: number | null }>();
  let known = nothingFrom(Number.POSITIVE_INFINITY);
  let pending = new Map<number, number>();
  let [version, rolled] = [-1, -1];
  return {
    refresh(from) {
      const present = shelf.version();
      if (present === version && from >= known.from) return;
      if (from < known.from || known.count > PARTS_KEPT) known = nothingFrom(from);
      learn(known, shelf.sealed(known.from, known.seal));
      if (present !== version) pending = new Map(shelf.allPending().map(({ id, seal }) => [id, seal]));
      if (tags.size > TAGS_KEPT) tags.clear();
      rolled = shelf.rolled();
      version = present;
    },
    partsOf: (device) => known.parts.get(device) ?? NONE,
    pending: (id) => pending.get(id),
    tag(id) {
      const found = tags.get(id);
      if (found?.rolled === rolled) return found.tag;
      const tag = shelf.tag(id);
      tags.set(id, { rolled, tag });
      return tag;
    },
  };
};

const nothingFrom = (from: number): Known => ({ parts: new Map(), count: 0, from, seal: -1 });

const learn = (known: Known, fresh: readonly Sealed[]): void => {
  for (const sealed of fresh) {
    const device = deviceOfStaged(sealed.id);
    const own = known.parts.get(device);
    if (own) insert(own, sealed);
    else known.parts.set(device, [sealed]);
    known.seal = Math.max(known.seal, sealed.seal);
    known.count++;
  }
};

/** Nearly always at the end; a key that comes again takes the place of its former chunk. */
const insert = (own: Sealed[], sealed: Sealed): void => {
  let at = own.length;
  while (at > 0 && (own[at - 1] as Sealed).id >= sealed.id) at--;
  own.splice(at, own[at]?.id === sealed.id ? 1 : 0, sealed);
};
