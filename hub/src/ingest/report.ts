/** From a checked report to what is stored and what is judged: pure but for the sequence sets and the series that it admits. */
import { canonicalKey } from '@muster/shared/metrics';
import { WIRE_LIMITS } from '@muster/shared/wire/limits';
import type { ColumnarReport, NamedReport, WireRow } from '@muster/shared/wire/messages';
import type { Device, Registry } from '../parts.js';
import type { Change, StoredRow } from '../store/store.js';
import type { LatestKeeper } from './latest.js';
import { INGEST_LIMITS as L } from './limits.js';
import type { QuarantineReason } from './quarantine.js';
import type { Sequences } from './sequence.js';

export interface ReportNeeds {
  registry: Pick<Registry, 'get' | 'columns'>;
  sequences: Sequences;
  latest: LatestKeeper;
  now: () => number;
}

export interface Complaint {
  device: string;
  reason: QuarantineReason;
  detail: string;
}

/** One device's share of a report. */
export interface Part {
  device: string;
  columns: readonly string[];
  rows: readonly StoredRow[];
}

export interface Taken {
  changes: Change[];
  complaints: Complaint[];
  /** What to show and judge: rows new, recent and newer than what was judged; empty when there are none. */
  live: Part[];
  /** Every device that a part was accepted for. */
  heard: string[];
}

interface RawPart {
  device: string;
  columns: string;
  rows: readonly WireRow[];
}

/** Null: a columns id is unknown, the agent must come back with a birth. */
export const takeColumnar = (
  needs: ReportNeeds,
  { device, granted }: { device: string; granted: ReadonlySet<string> },
  report: ColumnarReport,
): Taken | null => {
  const own = report.rows.length > 0 ? [{ device, columns: report.columns, rows: report.rows }] : [];
  const parts: RawPart[] = [...own, ...(report.carried ?? [])];
  const allowed = parts.filter((part) => granted.has(part.device) && needs.registry.get(part.device));
  if (allowed.some((part) => needs.registry.columns(part.device, part.columns) === undefined)) return null;
  const taken: Taken = { changes: [], complaints: [], live: [], heard: [] };
  for (const part of parts) {
    if (allowed.includes(part)) takePart(needs, taken, { boot: report.boot, part });
    else taken.complaints.push(notGranted(part.device));
  }
  return taken;
};

export const notGranted = (device: string): Complaint => ({
  device,
  reason: 'not_granted',
  detail: `"${device}" is not among the devices of this credential; approve it under its agent's carried devices`,
});

const takePart = (needs: ReportNeeds, taken: Taken, { boot, part }: { boot: string; part: RawPart }) => {
  const { device } = part;
  const columns = needs.registry.columns(device, part.columns) ?? [];
  const fitting = part.rows.filter((row) => row.length === columns.length + 2);
  complain(
    taken,
    device,
    'wrong_shape',
    part.rows.length - fitting.length,
    `without ${columns.length} values, as ${part.columns} lists`,
  );
  const rows = fitting.map((row) => ({ boot, seq: row[0] ?? 0, ts: row[1] ?? 0, values: row.slice(2) }));
  store(needs, taken, { device, columns, rows });
};

export const takeNamed = (needs: ReportNeeds, device: string, report: NamedReport): Taken => {
  const taken: Taken = { changes: [], complaints: [], live: [], heard: [] };
  const series = new Map(Object.entries(report.metrics).map(([key, value]) => [canonicalKey(key), value]));
  const identity = report.boot !== undefined && report.seq !== undefined ? report : null;
  const row: StoredRow = {
    boot: identity?.boot ?? null,
    seq: identity?.seq ?? null,
    ts: report.ts ?? needs.now(),
    values: [...series.values()],
  };
  store(needs, taken, { device, columns: [...series.keys()], rows: [row] });
  return taken;
};

/** Clock window, what is stored already, the cap of series; what remains is stored and, when recent, judged. */
const store = (needs: ReportNeeds, taken: Taken, part: Part) => {
  const { device } = part;
  const now = needs.now();
  taken.heard.push(device);
  const timely = part.rows.filter(({ ts }) => ts >= now - WIRE_LIMITS.past_ms && ts <= now + WIRE_LIMITS.future_ms);
  complain(taken, device, 'clock', part.rows.length - timely.length, clockText(part.rows, now));
  const fresh = timely.filter(
    ({ boot, seq }) => boot === null || seq === null || needs.sequences.add(device, boot, seq) === 'new',
  );
  if (fresh.length === 0) return;
  const fits = needs.latest.admit(device, part.columns);
  const { columns, rows } = fits ? project(part.columns, fresh, fits) : { columns: part.columns, rows: fresh };
  if (fits) complain(taken, device, 'too_many_series', part.columns.length - fits.length, SERIES_TEXT);
  if (columns.length === 0) return;
  taken.changes.push({ kind: 'rows', device, columns, rows });
  const live = recent(rows, { now, newest: needs.latest.newest(device) ?? 0, device: needs.registry.get(device) });
  if (live.length) taken.live.push({ device, columns, rows: live });
};

const SERIES_TEXT = `beyond ${WIRE_LIMITS.series_per_device} series of a device; use fewer labels`;

const clockText = (rows: readonly StoredRow[], now: number): string => {
  const off = rows[0] ? Math.round((rows[0].ts - now) / 1000) : 0;
  return `outside of the last 8 days and the next 5 minutes (the first is ${off} s off); check the device's clock`;
};

const complain = (taken: Taken, device: string, reason: QuarantineReason, count: number, detail: string) => {
  if (count > 0) taken.complaints.push({ device, reason, detail: `${count} ${detail}` });
};

const project = (columns: readonly string[], rows: readonly StoredRow[], fits: readonly number[]) => ({
  columns: fits.map((at) => columns[at] ?? ''),
  rows: rows.map((row) => ({ ...row, values: fits.map((at) => row.values[at] ?? null) })),
});

export interface Horizon {
  now: number;
  newest: number;
  device: Device | undefined;
}

/** Not older than the newest judged row and at most 3 intervals (at least 5 min) old, oldest first. Scripts send metrics of one time apart. */
export const recent = (rows: readonly StoredRow[], { now, newest, device }: Horizon): StoredRow[] => {
  const interval_ms = device?.interval_ms ?? L.interval_ms;
  const oldest = now - Math.max(L.live_intervals * interval_ms, L.live_floor_ms);
  const found = rows.filter(({ ts }) => ts >= newest && ts >= oldest);
  return found.length > 1 ? found.sort((a, b) => a.ts - b.ts) : found;
};
