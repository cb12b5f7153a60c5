/** Rows put straight where a test wants them: in the head, in staged chunks, merged and rolled up. */

import { type ChunkInput, encodeChunk } from '../codec/chunk.js';
import type { Connection } from '../connect.js';
import { createDictionary } from '../dictionary.js';
import { archiveId, slotOf, stagedId, windowOfSlot } from '../ids.js';
import { migrations } from '../migrations/index.js';
import { createQueries, type Queries } from '../query.js';
import { createRollups } from '../rollups.js';
import { mergeTables, type Table } from '../table.js';

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
  let seals = 0;

  const stage = (device: number, slot: number, input: ChunkInput) => {
    const part = db.prepare<[number, number], number>('SELECT count(*) FROM staged WHERE id >= ? AND id <= ?').pluck();
    const own = part.get(stagedId(device, slot, 0), stagedId(device, slot, 63)) ?? 0;
    const { length } = input.ts;
    const add = db.prepare('INSERT INTO staged VALUES (?, ?, ?, ?, ?)');
    add.run(stagedId(device, slot, own), ++seals, length, length * input.columns.length, encodeChunk(input));
    db.prepare('INSERT INTO pending VALUES (?, ?) ON CONFLICT DO NOTHING').run(archiveId(device, windowOfSlot(slot)), seals - 1);
  };
  const merge = (device: number, window: number, input: ChunkInput) => {
    const { length } = input.ts;
    const add = db.prepare('INSERT INTO archive VALUES (?, ?, ?, ?)');
    add.run(archiveId(device, window), length, length * input.columns.length, encodeChunk(input));
    rollups.rolled(device, window, input);
  };

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
        const input = mergeTables([tableOf(ids, own)]);
        if (input) merge(device, window, input);
      }
      for (const [slot, own] of bySlot(device, late)) stageAll(device, slot, own);
    },
    dropRaw: () => void db.exec('DELETE FROM archive; DELETE FROM staged; DELETE FROM pending'),
    close: () => db.close(),
  };
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
