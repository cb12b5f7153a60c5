import { WIRE_LIMITS as L } from '@muster/shared/wire/limits';
import type { About, Birth, ColumnList, WireMetric } from '@muster/shared/wire/messages';
import type { ColumnFacts } from './spool.js';

/** Everything that a hub must know before the first report; more than fits one message becomes several. */
export interface BirthFacts {
  boot: string;
  session: number;
  agent_version: string;
  interval_ms: number;
  about: About;
  metrics: WireMetric[];
  columns: ColumnList[];
}

/** The lists in use, and those that only the spool still knows. */
export const withSpooled = (
  own: { columns: ColumnList[]; metrics: WireMetric[] },
  spooled: ReadonlyMap<string, ColumnFacts>,
): { columns: ColumnList[]; metrics: WireMetric[] } => {
  const columns = new Map<string, ColumnList>([...spooled].map(([id, { list }]) => [id, { id, list: [...list] }]));
  const metrics = new Map([...spooled.values()].flatMap((facts) => facts.metrics.map((metric) => [metric.id, metric] as const)));
  for (const list of own.columns) columns.set(list.id, list);
  for (const metric of own.metrics) metrics.set(metric.id, metric);
  return { columns: [...columns.values()], metrics: [...metrics.values()] };
};

/** Room for the fixed fields and the brackets between the parts. */
const SPARE_BYTES = 2_000;

export const splitBirth = (facts: BirthFacts): Birth[] => {
  const base = { ...facts, metrics: [], columns: [] };
  const room = L.message_bytes - SPARE_BYTES - bytesOf(base);
  const births: Birth[] = [];
  let used = room;
  const part = (bytes: number, isFull: (birth: Birth) => boolean): Birth => {
    let last = births.at(-1);
    if (!last || used + bytes > room || isFull(last)) {
      last = { ...base, metrics: [], columns: [] };
      births.push(last);
      used = 0;
    }
    used += bytes;
    return last;
  };
  for (const metric of facts.metrics)
    part(bytesOf(metric), (birth) => birth.metrics.length >= L.metrics_per_birth).metrics.push(metric);
  for (const list of facts.columns) part(bytesOf(list), (birth) => birth.columns.length >= L.column_lists).columns.push(list);
  return births.length > 0 ? births : [base];
};

const bytesOf = (value: unknown): number => Buffer.byteLength(JSON.stringify(value)) + 1;
