/** Which (device, boot, seq) are stored: sets in memory, on disk in the journal and, once that is trimmed, in `sequences`. */
import type { RawRecovered } from '../../recovered.js';
import type { Connection } from './connect.js';
import { addToSpans, decodeSpans, encodeSpans, removeFromSpans } from './spans.js';

export interface BootSet {
  readonly id: number;
  readonly device: number;
  readonly boot: string;
  spans: number[];
  /** When it last grew, by the hub's clock. */
  touched: number;
  /** It knows more than `sequences` does. */
  dirty: boolean;
}

export interface Identities {
  /** Inside a transaction: makes the set when there is none. */
  of(device: number, boot: string): BootSet;
  byId(id: number): BootSet | undefined;
  /** False: stored before. */
  add(set: BootSet, seq: number, now: number): boolean;
  undo(set: BootSet, seq: number): void;
  /** Forgets sets that a failed commit had made. */
  unmake(since: number): void;
  readonly newest: number;
  forget(device: number): void;
  dirty(): BootSet[];
  /** Inside a transaction; passes over those that were forgotten meanwhile. */
  save(sets: readonly BootSet[]): void;
  /** What is older than `before`, and the oldest boots of a device with too many spans. */
  excess(before: number): BootSet[];
  /** Inside a transaction; `drop` follows when it is committed. */
  unsave(sets: readonly BootSet[]): void;
  drop(sets: readonly BootSet[]): void;
  recovered(nameOf: (device: number) => string | undefined): RawRecovered['sequences'];
}

/** As at ingest: beyond, the oldest boots of a device go. */
const SPANS_PER_DEVICE = 4_096;

export const createIdentities = (db: Connection): Identities => {
  const sql = statements(db);
  const devices = new Map<number, BootSet[]>();
  const ids = new Map<number, BootSet>();
  let newest = 0;
  const keep = (set: BootSet) => {
    const own = devices.get(set.device);
    if (own) own.push(set);
    else devices.set(set.device, [set]);
    ids.set(set.id, set);
    newest = Math.max(newest, set.id);
    return set;
  };
  const drop = (set: BootSet) => {
    ids.delete(set.id);
    const left = (devices.get(set.device) ?? []).filter((one) => one !== set);
    if (left.length) devices.set(set.device, left);
    else devices.delete(set.device);
  };
  for (const [id, device, boot, touched, intervals] of sql.load.iterate())
    keep({ id, device, boot, spans: intervals ? decodeSpans(intervals) : [], touched: touched ?? 0, dirty: false });
  return {
    of(device, boot) {
      const known = devices.get(device)?.find((set) => set.boot === boot);
      if (known) return known;
      const id = Number(sql.make.run(device, boot).lastInsertRowid);
      return keep({ id, device, boot, spans: [], touched: 0, dirty: false });
    },
    byId: (id) => ids.get(id),
    add(set, seq, now) {
      if (!addToSpans(set.spans, seq)) return false;
      set.touched = now;
      set.dirty = true;
      return true;
    },
    undo: (set, seq) => removeFromSpans(set.spans, seq),
    unmake(since) {
      for (let id = since + 1; id <= newest; id++) {
        const set = ids.get(id);
        if (set) drop(set);
      }
      newest = Math.min(newest, since);
    },
    get newest() {
      return newest;
    },
    forget(device) {
      for (const set of devices.get(device) ?? []) ids.delete(set.id);
      devices.delete(device);
    },
    dirty: () => [...ids.values()].filter((set) => set.dirty),
    save(sets) {
      for (const set of sets) if (ids.get(set.id) === set) sql.save.run(set.id, set.touched, encodeSpans(set.spans));
    },
    excess: (before) => [...devices.values()].flatMap((own) => tooMany(own, before)),
    unsave(sets) {
      for (const { id } of sets) {
        sql.dropSpans.run(id);
        sql.dropBoot.run(id);
      }
    },
    drop: (sets) => sets.forEach(drop),
    recovered: (nameOf) => recoveredOf(ids.values(), nameOf),
  };
};

function* recoveredOf(sets: Iterable<BootSet>, nameOf: (device: number) => string | undefined) {
  for (const { device: id, boot, spans } of sets) {
    const device = spans.length > 0 ? nameOf(id) : undefined;
    if (device !== undefined) yield { device, boot, spans };
  }
}

const tooMany = (own: readonly BootSet[], before: number): BootSet[] => {
  const byAge = [...own].sort((a, b) => b.touched - a.touched);
  let spans = 0;
  return byAge.filter((set, index) => {
    spans += set.spans.length / 2;
    return index > 0 && (set.touched < before || spans > SPANS_PER_DEVICE);
  });
};

const statements = (db: Connection) => ({
  load: db
    .prepare<[], [id: number, device: number, boot: string, touched: number | null, intervals: Buffer | null]>(
      'SELECT id, device, boots.boot, touched, intervals FROM boots LEFT JOIN sequences ON sequences.boot = boots.id ORDER BY id',
    )
    .raw(),
  make: db.prepare<[number, string]>('INSERT INTO boots (device, boot) VALUES (?, ?)'),
  save: db.prepare<[number, number, Uint8Array]>(
    `INSERT INTO sequences VALUES (?, ?, ?)
     ON CONFLICT (boot) DO UPDATE SET touched = excluded.touched, intervals = excluded.intervals`,
  ),
  dropSpans: db.prepare<[number]>('DELETE FROM sequences WHERE boot = ?'),
  dropBoot: db.prepare<[number]>('DELETE FROM boots WHERE id = ?'),
});
