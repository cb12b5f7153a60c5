/** Rows put straight where a test wants them: in the head, in staged chunks, merged and rolled up. */

import { type ChunkInput, encodeChunk, openChunk } from '../codec/chunk.js';
import type { Connection } from '../connect.js';
import { createDictionary } from '../dictionary.js';
import { archiveId, deviceOfArchive, slotOf, stagedId, WINDOW_SLOTS, windowOfArchive, windowOfSlot } from '../ids.js';
import { migrations } from '../migrations/index.js';
import { createQueries, type Queries } from '../query.js';
import { createRollups } from '../rollups.js';
import { mergeTables, type Table, tableOfChunk } from '../table.js';

export type Where = 'head' | 'staged' | 'merged' | 'merged and staged late';
export interface Filling {
  device: string;
  columns: readonly string[];
  rows: readonly { ts: number; values: readonly (number | null)[] }[];
  /** Where the slots of the device go, in turn. */
  places: readonly Where[];
}

export interface ReadBench {
  queries: Queries;
  db: Connection;
  fill(filling: Filling): void;
  /** Merges all that is staged. */
  compact(): void;
  /** What retention does: the raw rows go, the roll-ups stay. */
  dropRaw(): void;
  close(): void;
}

export const createReadBench = (db: Connection): ReadBench => {
  for (const { sql, move } of migrations) {
    db.exec(sql);
    move?.(db);
  }
  const dictionary = createDictionary(db, { alone: true });
  const heads = new Map<number, Table[]>();
  const queries = createQueries(db, dictionary, (device, wanted, { from, to }) =>
    (heads.get(device) ?? []).map((table) => narrow(table, wanted, from, to)),
  );
  const rollups = createRollups(db);
  const { stage, merge, compact } = createDisk(db, rollups);

  return {
    queries,
    db,
    fill({ device: name, columns, rows, places }) {
      const device = dictionary.makeDevice(name);
      const list = dictionary.makeList(columns);
      dictionary.join(device, list);
      const ids = dictionary.seriesOf(list);
      const late: Filling['rows'][number][] = [];
      const windows = new Map<number, Filling['rows'][number][]>();
      for (const [slot, own] of bySlot(device, rows)) {
        const where = places[slot % places.length];
        if (where === 'head') heads.set(device, [...(heads.get(device) ?? []), tableOf(ids, own)]);
        else if (where === 'staged') stageAll(device, slot, own);
        else {
          const kept = where === 'merged' ? own : own.filter((_, i) => i % 2 === 0);
          if (where !== 'merged') late.push(...own.filter((_, i) => i % 3 !== 0 || i % 2 !== 0));
          const window = windowOfSlot(slot);
          windows.set(window, [...(windows.get(window) ?? []), ...kept]);
        }
      }
      function stageAll(of: number, slot: number, own: Filling['rows']) {
        const cut = Math.ceil(own.length / 2);
        for (const part of [own.slice(0, cut), own.slice(cut)]) {
          const input = mergeTables([tableOf(ids, part)]);
          if (input) stage(of, slot, input);
        }
      }
      for (const [window, own] of windows) {
        merge(device, window, [tableOf(ids, own)]);
      }
      for (const [slot, own] of bySlot(device, late)) stageAll(device, slot, own);
    },
    compact() {
      for (const id of db.prepare<[], number>('SELECT id FROM pending').pluck().all())
        compact(deviceOfArchive(id), windowOfArchive(id));
    },
    dropRaw: () => void db.exec('DELETE FROM archive; DELETE FROM staged; DELETE FROM pending'),
    close: () => db.close(),
  };
};

/** What the write path does to the tables, at once and by hand. */
const createDisk = (db: Connection, rollups: ReturnType<typeof createRollups>) => {
  let seals = 0;

  const stage = (device: number, slot: number, input: ChunkInput) => {
    const part = db.prepare<[number, number], number>('SELECT count(*) FROM staged WHERE id >= ? AND id <= ?').pluck();
    const own = part.get(stagedId(device, slot, 0), stagedId(device, slot, 63)) ?? 0;
    const { length } = input.ts;
    const add = db.prepare('INSERT INTO staged VALUES (?, ?, ?, ?, ?)');
    add.run(stagedId(device, slot, own), ++seals, length, length * input.columns.length, encodeChunk(input));
    db.prepare('INSERT INTO pending VALUES (?, ?) ON CONFLICT DO NOTHING').run(archiveId(device, windowOfSlot(slot)), seals - 1);
  };
  const merge = (device: number, window: number, fresh: readonly Table[]) => {
    const id = archiveId(device, window);
    const old = db.prepare<[number], Uint8Array>('SELECT blob FROM archive WHERE id = ?').pluck().get(id);
    const input = mergeTables([...(old ? [tableOfChunk(openChunk(old))] : []), ...fresh]);
    if (!input) return;
    const { length } = input.ts;
    const put = db.prepare('INSERT OR REPLACE INTO archive VALUES (?, ?, ?, ?)');
    put.run(id, length, length * input.columns.length, encodeChunk(input));
    rollups.rolled(device, window, input);
  };
  const compact = (device: number, window: number) => {
    const slots = Array.from({ length: WINDOW_SLOTS }, (_, i) => window * WINDOW_SLOTS + i);
    const range = (slot: number) => [stagedId(device, slot, 0), stagedId(device, slot, 63)] as const;
    const parts = db
      .prepare<[number, number], Uint8Array>('SELECT blob FROM staged WHERE id >= ? AND id <= ? ORDER BY seal')
      .pluck();
    const staged = slots.flatMap((slot) => parts.all(...range(slot)).map((blob) => tableOfChunk(openChunk(blob))));
    merge(device, window, staged);
    for (const slot of slots) db.prepare('DELETE FROM staged WHERE id >= ? AND id <= ?').run(...range(slot));
    db.prepare('DELETE FROM pending WHERE id = ?').run(archiveId(device, window));
  };
  return { stage, merge, compact };
};

const bySlot = (device: number, rows: Filling['rows']): Map<number, Filling['rows'][number][]> => {
  const slots = new Map<number, Filling['rows'][number][]>();
  for (const row of rows) {
    const slot = slotOf(device, row.ts);
    slots.set(slot, [...(slots.get(slot) ?? []), row]);
  }
  return slots;
};

const tableOf = (ids: ArrayLike<number>, rows: Filling['rows']): Table => ({
  ts: Float64Array.from(rows, ({ ts }) => ts),
  ids,
  columns: Array.from(ids, (_, i) => Float64Array.from(rows, ({ values }) => values[i] ?? Number.NaN)),
});

const narrow = (table: Table, wanted: ReadonlySet<number> | null, from: number, to: number): Table => {
  const inside = [...table.ts.keys()].filter((i) => (table.ts[i] as number) >= from && (table.ts[i] as number) < to);
  const columns = [...table.columns.keys()].filter((i) => wanted === null || wanted.has(table.ids[i] as number));
  return {
    ts: Float64Array.from(inside, (i) => table.ts[i] as number),
    ids: columns.map((i) => table.ids[i] as number),
    columns: columns.map((c) => Float64Array.from(inside, (i) => table.columns[c]?.[i] as number)),
  };
};
