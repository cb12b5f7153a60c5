import { WIRE_LIMITS as L } from '@muster/shared/wire/limits';
import type { About, Birth, ColumnList, WireMetric } from '@muster/shared/wire/messages';
import { listKey, type SpooledList } from './spool.js';

/** Everything that a hub must know before the first report; more than fits one message becomes several. */
export interface BirthFacts {
  boot: string;
  session: number;
  agent_version: string;
  interval_ms: number;
  about: About;
  metrics: WireMetric[];
  columns: ColumnList[];
  carries: Carry[];
}

export type Carry = NonNullable<Birth['carries']>[number];

type Lists = Pick<BirthFacts, 'columns' | 'metrics'>;

/** The lists in use, and those that only the spool still knows; `own`: the device whose lists bear no name. */
export const withSpooled = <T extends Lists>(used: T, spooled: readonly SpooledList[], own: string): T => {
  const columns = new Map<string, ColumnList>();
  for (const { device, columns: id, facts } of spooled) {
    const name = device === own ? {} : { device };
    columns.set(listKey({ device, columns: id }), { id, ...name, list: [...facts.list] });
  }
  const metrics = new Map(spooled.flatMap(({ facts }) => facts.metrics.map((metric) => [metric.id, metric] as const)));
  // Last: a hub that must let go of lists keeps those that were named last.
  for (const list of used.columns) {
    const key = listKey({ device: list.device ?? own, columns: list.id });
    columns.delete(key);
    columns.set(key, list);
  }
  for (const metric of used.metrics) metrics.set(metric.id, metric);
  return { ...used, columns: [...columns.values()], metrics: [...metrics.values()] };
};

/** Room for the fixed fields and the brackets between the parts. */
const SPARE_BYTES = 2_000;

export const splitBirth = (facts: BirthFacts): Birth[] => {
  const { carries, ...own } = facts;
  const base: Birth = { ...own, metrics: [], columns: [] };
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
  for (const carry of carries) {
    const birth = part(bytesOf(carry), ({ carries = [] }) => carries.length >= L.carried);
    birth.carries = [...(birth.carries ?? []), carry];
  }
  return births.length > 0 ? births : [base];
};

const bytesOf = (value: unknown): number => Buffer.byteLength(JSON.stringify(value)) + 1;
