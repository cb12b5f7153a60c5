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
type Row = Filling['rows'][number];

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
  const chunks = createChunkWriter(db);
  const put = (device: number, ids: Uint32Array, { slot, rows, where }: { slot: number; rows: Row[]; where: Where }) => {
    const window = windowOfSlot(slot);
    if (where === 'head') heads.set(device, [...(heads.get(device) ?? []), tableOf(ids, rows)]);
    else if (where === 'merged') chunks.merge(device, window, [tableOf(ids, rows)]);
    else for (const half of halves(rows)) chunks.stage(device, slot, mergeTables([tableOf(ids, half)]));
  };
  return {
    queries: createQueries(db, dictionary, {
      tables: (device, wanted, range) => (heads.get(device) ?? []).map((table) => narrow(table, wanted, range)),
    }),
    db,
    fill({ device: name, columns, rows, places }) {
      const device = dictionary.makeDevice(name);
      const list = dictionary.makeList(columns);
      dictionary.join(device, list);
      const pieces = [...bySlot(device, rows)].map(([slot, own]) => ({
        slot,
        rows: own,
        where: places[slot % places.length] ?? 'head',
      }));
      for (const piece of inOrder(pieces)) put(device, dictionary.seriesOf(list), piece);
    },
    compact: chunks.compact,
    dropRaw: () => void db.exec('DELETE FROM archive; DELETE FROM staged; DELETE FROM pending'),
    close: () => db.close(),
  };
};

type Piece = { slot: number; rows: Row[]; where: Where };
/** Late rows are staged once all that is merged was merged. */
const inOrder = (pieces: readonly Piece[]): Piece[] => {
  const split = pieces.filter(({ where }) => where === 'merged and staged late');
  return [
    ...pieces.filter((piece) => !split.includes(piece)),
    ...split.map((piece) => ({ ...piece, where: 'merged' as const, rows: piece.rows.filter((_, i) => i % 2 === 0) })),
    ...split.map((piece) => ({
      ...piece,
      where: 'staged' as const,
      rows: piece.rows.filter((_, i) => i % 3 !== 0 || i % 2 !== 0),
    })),
  ];
};

const halves = (rows: Row[]): Row[][] => [rows.slice(0, Math.ceil(rows.length / 2)), rows.slice(Math.ceil(rows.length / 2))];

const createChunkWriter = (db: Connection) => {
  const rollups = createRollups(db);
  let seals = 0;
  const range = (device: number, slot: number) => [stagedId(device, slot, 0), stagedId(device, slot, 63)] as const;
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
    const parts = db.prepare<[number, number], Uint8Array>('SELECT blob FROM staged WHERE id >= ? AND id <= ? ORDER BY seal');
    const staged = slots.flatMap((slot) => parts.pluck().all(...range(device, slot)));
    merge(
      device,
      window,
      staged.map((blob) => tableOfChunk(openChunk(blob))),
    );
    for (const slot of slots) db.prepare('DELETE FROM staged WHERE id >= ? AND id <= ?').run(...range(device, slot));
    db.prepare('DELETE FROM pending WHERE id = ?').run(archiveId(device, window));
  };
  return {
    merge,
    stage(device: number, slot: number, input: ChunkInput | null) {
      if (!input) return;
      const count = db.prepare<[number, number], number>('SELECT count(*) FROM staged WHERE id >= ? AND id <= ?').pluck();
      const id = stagedId(device, slot, count.get(...range(device, slot)) ?? 0);
      const { length } = input.ts;
      const add = db.prepare('INSERT INTO staged VALUES (?, ?, ?, ?, ?)');
      add.run(id, ++seals, length, length * input.columns.length, encodeChunk(input));
      const mark = db.prepare('INSERT INTO pending VALUES (?, ?) ON CONFLICT DO NOTHING');
      mark.run(archiveId(device, windowOfSlot(slot)), seals - 1);
    },
    compact() {
      for (const id of db.prepare<[], number>('SELECT id FROM pending').pluck().all())
        compact(deviceOfArchive(id), windowOfArchive(id));
    },
  };
};

const bySlot = (device: number, rows: readonly Row[]): Map<number, Row[]> => {
  const slots = new Map<number, Row[]>();
  for (const row of rows) slots.set(slotOf(device, row.ts), [...(slots.get(slotOf(device, row.ts)) ?? []), row]);
  return slots;
};

const tableOf = (ids: ArrayLike<number>, rows: readonly Row[]): Table => ({
  ts: Float64Array.from(rows, ({ ts }) => ts),
  ids,
  columns: Array.from(ids, (_, i) => Float64Array.from(rows, ({ values }) => values[i] ?? Number.NaN)),
});

const narrow = (table: Table, wanted: ReadonlySet<number> | null, { from, to }: { from: number; to: number }): Table => {
  const inside = [...table.ts.keys()].filter((i) => (table.ts[i] as number) >= from && (table.ts[i] as number) < to);
  const columns = [...table.columns.keys()].filter((i) => wanted === null || wanted.has(table.ids[i] as number));
  return {
    ts: Float64Array.from(inside, (i) => table.ts[i] as number),
    ids: columns.map((i) => table.ids[i] as number),
    columns: columns.map((c) => Float64Array.from(inside, (i) => table.columns[c]?.[i] as number)),
  };
};
