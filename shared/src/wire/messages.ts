import * as v from 'valibot';
import { METRIC_ID, parseSeriesKey } from '../metrics.js';
import { BASE_UNITS } from '../money.js';
import { WIRE_LIMITS as L } from './limits.js';
import { DEVICE_ID } from './topics.js';

/** The schema of every message of wire v1; unknown fields are ignored. `report` has a hand check in `codec`, held equal by a test. */
const text = (max: number) => v.pipe(v.string(), v.maxLength(max));
const whole = (min = 0) => v.pipe(v.number(), v.safeInteger(), v.minValue(min));

export const bootId = v.pipe(v.string(), v.regex(/^[a-z2-7]{8}$/, 'must be 8 base32 characters (a-z, 2-7)'));
export const deviceId = v.pipe(v.string(), v.regex(DEVICE_ID, 'must be 1-63 of a-z, 0-9 and -, not starting with -'));
export const columnsId = v.pipe(v.string(), v.regex(/^[0-9a-f]{8}$/, 'must be 8 hex digits'));
export const seq = whole(1);
export const ts = whole(0);
export const intervalMs = v.pipe(whole(), v.minValue(L.interval_ms_min), v.maxValue(L.interval_ms_max));
export const metricId = v.pipe(v.string(), v.regex(METRIC_ID, 'must start with a-z and hold a-z, 0-9, _, . and -'));
export const seriesKeyText = v.pipe(
  text(L.key_chars),
  v.check((key) => parseSeriesKey(key) !== null, 'must look like metric or metric{label=value}'),
);
const baseUnits = v.pipe(v.string(), v.regex(BASE_UNITS, 'must be a whole decimal number as a string'));
const value = v.nullable(v.pipe(v.number(), v.finite()));

/** Facts about a device: hostname, model, os, arch, cpu, memory_bytes and whatever else its inventory found. */
export const about = v.record(v.string(), v.union([v.string(), v.number(), v.boolean(), v.null()]));

export const metric = v.object({
  id: metricId,
  unit: text(32),
  kind: v.picklist(['gauge', 'counter']),
  title: text(L.title_chars),
  resolution: v.optional(v.pipe(v.number(), v.finite(), v.minValue(0))),
});

export const columnList = v.object({
  id: columnsId,
  device: v.optional(deviceId),
  list: v.pipe(v.array(seriesKeyText), v.minLength(1), v.maxLength(L.columns)),
});

export const birth = v.object({
  boot: bootId,
  session: whole(1),
  agent_version: text(40),
  interval_ms: intervalMs,
  about,
  metrics: v.pipe(v.array(metric), v.maxLength(L.metrics_per_birth)),
  columns: v.pipe(v.array(columnList), v.maxLength(L.column_lists)),
  carries: v.optional(
    v.pipe(
      v.array(v.object({ device: deviceId, about: v.optional(about), interval_ms: v.optional(intervalMs) })),
      v.maxLength(L.carried),
    ),
  ),
});

const row = v.pipe(v.array(value), v.minLength(3), v.maxLength(L.columns + 2));
const anyRows = v.pipe(
  v.array(row),
  v.maxLength(L.backfill_rows),
  v.check(
    (list) =>
      list.every((r) => Number.isSafeInteger(r[0]) && Number.isSafeInteger(r[1]) && (r[0] ?? 0) >= 1 && (r[1] ?? -1) >= 0),
    'each row starts with seq (from 1) and ts (ms)',
  ),
);

const rows = v.pipe(anyRows, v.minLength(1));

/** Without rows of the agent itself where there are carried ones. */
export const columnarReport = v.pipe(
  v.object({
    boot: bootId,
    columns: columnsId,
    rows: anyRows,
    carried: v.optional(v.pipe(v.array(v.object({ device: deviceId, columns: columnsId, rows })), v.maxLength(L.carried))),
  }),
  v.check((report) => report.rows.length > 0 || (report.carried?.length ?? 0) > 0, 'needs at least one row'),
);

/** `record` skips these keys without a word; a metric so named must be refused, not lost. */
const hasOnlyPlainKeys = (map: unknown): boolean =>
  typeof map === 'object' && map !== null && !['__proto__', 'prototype', 'constructor'].some((key) => Object.hasOwn(map, key));

export const namedReport = v.object({
  ts: v.optional(ts),
  boot: v.optional(bootId),
  seq: v.optional(seq),
  metrics: v.pipe(
    v.custom<Record<string, unknown>>(hasOnlyPlainKeys, 'must be an object whose keys are series'),
    v.record(seriesKeyText, v.pipe(v.number(), v.finite())),
    v.check((map) => Object.keys(map).length > 0, 'must hold at least one metric'),
    v.check((map) => Object.keys(map).length <= L.columns, `must hold at most ${L.columns} metrics`),
  ),
});

const stream = {
  device: v.optional(deviceId),
  network: v.pipe(v.string(), v.regex(/^[a-z][a-z0-9_-]{0,39}$/)),
  source: v.pipe(text(80), v.minLength(1)),
  account: v.pipe(text(200), v.minLength(1)),
  token: v.pipe(text(20), v.minLength(1)),
  decimals: v.pipe(whole(), v.maxValue(36)),
  as_of: ts,
  exact: v.boolean(),
};

export const lifetimeReading = v.pipe(
  v.object({
    ...stream,
    kind: v.literal('lifetime'),
    amount: baseUnits,
    resets: v.picklist(['never', 'at_restart']),
    epoch: v.optional(v.pipe(text(80), v.minLength(1))),
  }),
  v.check((r) => r.resets === 'never' || r.epoch !== undefined, 'a counter that resets at_restart needs its epoch'),
);

export const ledgerReading = v.object({
  ...stream,
  kind: v.literal('ledger'),
  entries: v.pipe(
    v.array(v.object({ id: v.pipe(text(200), v.minLength(1)), ts, amount: baseUnits })),
    v.maxLength(L.ledger_entries),
  ),
});

export const reading = v.variant('kind', [lifetimeReading, ledgerReading]);
export const rewards = v.object({
  boot: bootId,
  seq,
  ts,
  readings: v.pipe(v.array(reading), v.minLength(1), v.maxLength(L.readings)),
});
export const event = v.object({
  boot: bootId,
  seq,
  ts,
  event: v.pipe(text(40), v.minLength(1)),
  detail: v.optional(text(L.detail_chars)),
  /** Of a reward source: its id, the network it reads and the accounts it spoke of. */
  of: v.optional(
    v.object({
      source: v.pipe(text(80), v.minLength(1)),
      network: text(40),
      accounts: v.pipe(v.array(text(200)), v.maxLength(100)),
    }),
  ),
});
export const status = v.object({ boot: bootId, session: whole(1), state: v.literal('lost') });
export const command = v.object({ id: text(40), command: text(40), args: v.optional(v.record(v.string(), v.unknown())) });
export const result = v.object({ id: text(40), ok: v.boolean(), detail: v.optional(text(L.detail_chars)) });

export type About = v.InferOutput<typeof about>;
export type WireMetric = v.InferOutput<typeof metric>;
export type ColumnList = v.InferOutput<typeof columnList>;
export type Birth = v.InferOutput<typeof birth>;
/** `[seq, ts, v0, v1, …]`; null = no value. */
export type WireRow = (number | null)[];
export type ColumnarReport = v.InferOutput<typeof columnarReport>;
export type NamedReport = v.InferOutput<typeof namedReport>;
export type Report = ColumnarReport | NamedReport;
export type Reading = v.InferOutput<typeof reading>;
export type LifetimeReading = v.InferOutput<typeof lifetimeReading>;
export type LedgerReading = v.InferOutput<typeof ledgerReading>;
export type Rewards = v.InferOutput<typeof rewards>;
export type DeviceEvent = v.InferOutput<typeof event>;
export type Status = v.InferOutput<typeof status>;
export type Command = v.InferOutput<typeof command>;
export type Result = v.InferOutput<typeof result>;
