/** Which chunks there are of all devices, looked up anew only when the file has changed. */
import { archiveId, deviceOfStaged, endOfStaged, SLOT_MS, windowOf } from './ids.js';
import type { Sealed, Shelf } from './query-shelf.js';

export interface Index {
  refresh(span: { from: number; to: number }): void;
  /** Staged chunks of the span that are not merged yet, by time. */
  partsOf(device: number): readonly Sealed[];
  /** By the key of a (device, window). */
  isPending(id: number): boolean;
  /** Tells one state of a blob of five-minute roll-ups from another; null: there is none. */
  tag(id: number): number | null;
}

/** 10,000 devices × 6 days. */
const TAGS_KEPT = 60_000;
const NONE: readonly Sealed[] = [];

export const createIndex = (shelf: Shelf): Index => {
  const tags = new Map<number, { version: number; tag: number | null }>();
  let [version, from, to] = [-1, 0, 0];
  let pending = new Map<number, number>();
  let parts = new Map<number, Sealed[]>();
  return {
    refresh(span) {
      const present = shelf.version();
      if (present === version && from === span.from && to === span.to) return;
      if (present !== version) pending = new Map(shelf.allPending().map(({ id, seal }) => [id, seal]));
      if (tags.size > TAGS_KEPT) tags.clear();
      [version, from, to] = [present, span.from, span.to];
      parts = byDevice(shelf.sealed(from - SLOT_MS, to + SLOT_MS), pending);
    },
    partsOf: (device) => parts.get(device) ?? NONE,
    isPending: (id) => pending.has(id),
    tag(id) {
      const known = tags.get(id);
      if (known?.version === version) return known.tag;
      const tag = shelf.tag(id);
      tags.set(id, { version, tag });
      return tag;
    },
  };
};

const byDevice = (all: readonly Sealed[], pending: ReadonlyMap<number, number>): Map<number, Sealed[]> => {
  const parts = new Map<number, Sealed[]>();
  for (const sealed of all) {
    const device = deviceOfStaged(sealed.id);
    const since = pending.get(archiveId(device, windowOf(device, endOfStaged(sealed.id) - 1)));
    if (since === undefined || sealed.seal <= since) continue;
    const own = parts.get(device);
    if (own) own.push(sealed);
    else parts.set(device, [sealed]);
  }
  return parts;
};
