import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { newSink, newSource, written } from './bytes.js';
import { encodeChunk, openChunk } from './chunk.js';
import { newRowReader, newRowState, packRow, unpackRow } from './row.js';

/** Doubles that JSON has no number for are words: "NaN", "-0", "Infinity", "-Infinity"; null: no value. */
type Cell = number | string | null;

interface ChunkCase {
  name: string;
  ts: number[];
  columns: { id: number; values: Cell[] }[];
  hex: string;
}

interface RowCase {
  name: string;
  rows: { ts: number; values: Cell[] }[];
  hex: string;
}

const read = <T>(file: string): T => JSON.parse(readFileSync(new URL(`./golden/${file}.json`, import.meta.url), 'utf8')) as T;

const toDouble = (cell: Cell): number => (cell === null ? Number.NaN : Number(cell));

/** What was once stored must stay readable for ever: change the version byte, never these bytes. */
describe('chunks of version 1', () => {
  it.each(read<ChunkCase[]>('chunks'))('$name', ({ ts, columns, hex }) => {
    const input = {
      ts: Float64Array.from(ts),
      columns: columns.map(({ id, values }) => ({
        id,
        values: Float64Array.from(values, toDouble),
        present: values.includes(null) ? Uint8Array.from(values, (value) => (value === null ? 0 : 1)) : null,
      })),
    };
    const chunk = openChunk(Buffer.from(hex, 'hex'));
    expect(chunk.ts()).toStrictEqual(input.ts);
    expect(input.columns.map(({ id }) => chunk.column(id))).toStrictEqual(input.columns);
    expect(Buffer.from(encodeChunk(input)).toString('hex')).toBe(hex);
  });
});

describe('packed rows', () => {
  it.each(read<RowCase[]>('rows'))('$name', ({ rows, hex }) => {
    const columns = rows[0]?.values.length ?? 0;
    const reader = newRowReader(columns);
    const source = newSource(Buffer.from(hex, 'hex'));
    const state = newRowState(columns);
    const out = newSink();
    for (const { ts, values } of rows) {
      const into = new Float64Array(columns);
      expect(unpackRow(reader, source, into)).toBe(ts);
      expect(into).toStrictEqual(Float64Array.from(values, toDouble));
      packRow(state, ts, Float64Array.from(values, toDouble), out);
    }
    expect(source.at).toBe(source.end);
    expect(Buffer.from(written(out)).toString('hex')).toBe(hex);
  });
});
