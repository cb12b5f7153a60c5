import { newSink, newSource } from '@muster/hub/store/engines/sqlite/codec/bytes';
import { type ChunkColumn, type ChunkInput, encodeChunk, openChunk } from '@muster/hub/store/engines/sqlite/codec/chunk';
import { newRowReader, newRowState, packRow, restartRows, unpackRow } from '@muster/hub/store/engines/sqlite/codec/row';
import type { Grain } from '../sim/machine.js';
import { median } from './facts.js';
import type { BenchFigures, BenchOptions } from './main.js';
import { type Report, reportsOf } from './store/reports.js';

/** The codec alone: no SQLite, one thread. */
export const title = 'bytes per sample and time of chunks and packed rows, without a database';

const DEVICES = 12;
const BEATS = 2_160;
const SPANS = { '15 min': 90, '1 h': 360, '6 h': BEATS };
const SLOT = 90;
const ROUNDS = 5;

export const run = async ({ print }: BenchOptions): Promise<BenchFigures> => {
  const figures: BenchFigures = {};
  for (const grain of ['rounded', 'native'] as const) {
    const fleet = fleetOf(grain);
    for (const [span, rows] of Object.entries(SPANS)) {
      const chunks = fleet.flatMap((reports) => slices(reports, rows).map(toChunk));
      const { each, encode_ns, decode_ns, column_us } = measureChunks(chunks);
      print(
        `${grain}, ${span}: ${each.toFixed(3)} B/sample, encode ${encode_ns.toFixed(0)}, decode ${decode_ns.toFixed(0)} ns/sample`,
      );
      print(`  one column that moves: ${column_us.toFixed(0)} µs`);
      figures[`${grain}_${rows}_bytes_per_sample`] = each;
    }
    const { bytes, pack_ns, unpack_ns } = measureRows(fleet);
    print(
      `${grain}, packed rows: ${bytes.toFixed(1)} B/report, pack ${pack_ns.toFixed(0)}, unpack ${unpack_ns.toFixed(0)} ns/report`,
    );
    figures[`${grain}_bytes_per_report`] = bytes;
    figures[`${grain}_pack_ns`] = pack_ns;
  }
  return figures;
};

const fleetOf = (grain: Grain): Report[][] => {
  const plan = { devices: DEVICES, seed: 1, from: 1_790_000_000_000, beats: BEATS, every_ms: 10_000, grain, irregular: false };
  const fleet: Report[][] = Array.from({ length: DEVICES }, () => []);
  let next = 0;
  // Reports come round after round, devices in order.
  for (const report of reportsOf(plan)) fleet[next++ % DEVICES]?.push(report);
  return fleet;
};

const slices = <T>(items: readonly T[], size: number): T[][] =>
  Array.from({ length: Math.floor(items.length / size) }, (_, i) => items.slice(i * size, (i + 1) * size));

const toChunk = (reports: readonly Report[]): ChunkInput => ({
  ts: Float64Array.from(reports, ({ ts }) => ts),
  columns: (reports[0]?.columns ?? []).map((_, id) => toColumn(reports, id)),
});

const toColumn = (reports: readonly Report[], id: number): ChunkColumn => ({
  id,
  values: Float64Array.from(reports, ({ values }) => values[id] ?? Number.NaN),
  present: Uint8Array.from(reports, ({ values }) => ((values[id] ?? null) === null ? 0 : 1)),
});

const MOVING = 15;

const measureChunks = (inputs: readonly ChunkInput[]) => {
  const blobs = inputs.map(encodeChunk);
  const samples = inputs.flatMap(({ columns }) => columns).reduce((sum, column) => sum + countValues(column), 0);
  const readAll = (blob: Uint8Array) => {
    const chunk = openChunk(blob);
    chunk.ts();
    for (const id of chunk.ids) chunk.column(id);
  };
  return {
    each: blobs.reduce((sum, { length }) => sum + length, 0) / samples,
    encode_ns: nanoseconds(() => inputs.forEach(encodeOnly)) / samples,
    decode_ns: nanoseconds(() => blobs.forEach(readAll)) / samples,
    column_us: nanoseconds(() => blobs.forEach(readOne)) / blobs.length / 1_000,
  };
};

const countValues = ({ values }: ChunkColumn): number => values.reduce((sum, value) => sum + (Number.isNaN(value) ? 0 : 1), 0);

const encodeOnly = (input: ChunkInput): void => void encodeChunk(input);
const readOne = (blob: Uint8Array): void => void openChunk(blob).column(MOVING);

const measureRows = (fleet: readonly Report[][]) => {
  const out = newSink(1 << 20);
  const columns = fleet[0]?.[0]?.columns.length ?? 0;
  const states = fleet.map(() => newRowState(columns));
  const ends = fleet.map(() => 0);
  const pack = () => {
    out.length = 0;
    fleet.forEach((reports, device) => {
      const state = states[device] ?? newRowState(columns);
      for (const [i, { ts, values }] of reports.entries()) {
        if (i % SLOT === 0) restartRows(state);
        packRow(state, ts, values, out);
      }
      ends[device] = out.length;
    });
  };
  const into = new Float64Array(columns);
  const unpack = () => {
    let from = 0;
    for (const end of ends) {
      const source = newSource(out.bytes, from, end);
      const reader = newRowReader(columns);
      while (source.at < end) unpackRow(reader, source, into);
      from = end;
    }
  };
  const count = DEVICES * BEATS;
  return { pack_ns: nanoseconds(pack) / count, unpack_ns: nanoseconds(unpack) / count, bytes: out.length / count };
};

/** Processor time (other programs may run beside), median of some rounds behind one that warms up. */
const nanoseconds = (work: () => void): number => {
  work();
  const times = Array.from({ length: ROUNDS }, () => {
    const before = process.cpuUsage();
    work();
    const { user, system } = process.cpuUsage(before);
    return user + system;
  });
  return median(times) * 1_000;
};
