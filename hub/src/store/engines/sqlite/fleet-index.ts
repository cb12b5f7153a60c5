/** Which chunks there are of all devices; after a change of the file only what is new is looked up. */
import { archiveId, deviceOfArchive, deviceOfStaged, endOfStaged, windowOf, windowOfArchive } from './ids.js';
import type { Sealed, Shelf } from './query-shelf.js';
import { rollupId } from './rollups.js';

export interface Index {
  /** Once for each question. */
  refresh(): void;
  /** Staged chunks of a (device, window) that are not merged, by time; null: all of it is merged. */
  pending(id: number): readonly Sealed[] | null;
  /** Tells one state of a blob of five-minute roll-ups from another; null: there is none. */
  tag(id: number): number | null;
}

/** 10,000 devices × 6 days. */
const TAGS_KEPT = 60_000;

interface Window {
  /** Chunks up to this seal are merged. */
  since: number;
  parts: Sealed[];
  /** Version of the file with which it was pending last. */
  met: number;
}

interface Known {
  version: number;
  /** Newest seal that was met. */
  seal: number;
  rolled: number;
  windows: Map<number, Window>;
  tags: Map<number, number | null>;
}

export const createIndex = (shelf: Shelf): Index => {
  const known: Known = { version: -1, seal: -1, rolled: -1, windows: new Map(), tags: new Map() };
  return {
    refresh() {
      const version = shelf.version();
      if (version === known.version) return;
      known.version = version;
      const merged = learnWindows(known, shelf.allPending());
      learnParts(known, shelf.sealed(known.seal));
      forgetTags(known, merged, shelf.rolled());
    },
    pending: (id) => known.windows.get(id)?.parts ?? null,
    tag(id) {
      const found = known.tags.get(id);
      if (found !== undefined) return found;
      const tag = shelf.tag(id);
      known.tags.set(id, tag);
      return tag;
    },
  };
};

/** Answers the keys of those that are pending no more, or anew. */
const learnWindows = ({ windows, version }: Known, pending: readonly Sealed[]): number[] => {
  const merged: number[] = [];
  for (const { id, seal } of pending) {
    const own = windows.get(id);
    if (own?.since === seal) own.met = version;
    else {
      if (own) merged.push(id);
      windows.set(id, { since: seal, parts: [], met: version });
    }
  }
  if (windows.size === pending.length) return merged;
  for (const [id, { met }] of windows) {
    if (met === version) continue;
    windows.delete(id);
    merged.push(id);
  }
  return merged;
};

const learnParts = (known: Known, fresh: readonly Sealed[]): void => {
  for (const sealed of fresh) {
    const device = deviceOfStaged(sealed.id);
    const window = known.windows.get(archiveId(device, windowOf(device, endOfStaged(sealed.id) - 1)));
    if (window && sealed.seal > window.since) insert(window.parts, sealed);
    known.seal = Math.max(known.seal, sealed.seal);
  }
};

/** Nearly always at the end; a key that comes again takes the place of its former chunk. */
const insert = (parts: Sealed[], sealed: Sealed): void => {
  let at = parts.length;
  while (at > 0 && (parts[at - 1] as Sealed).id >= sealed.id) at--;
  parts.splice(at, parts[at]?.id === sealed.id ? 1 : 0, sealed);
};

/** When as many windows were merged as roll-ups have changed, it was those of the windows; else it could be any. */
const forgetTags = (known: Known, merged: readonly number[], rolled: number): void => {
  if (rolled - known.rolled !== merged.length || known.tags.size > TAGS_KEPT) known.tags.clear();
  for (const id of merged) known.tags.delete(rollupId('five', deviceOfArchive(id), windowOfArchive(id)));
  known.rolled = rolled;
};
