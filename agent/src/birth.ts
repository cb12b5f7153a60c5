import { WIRE_LIMITS as L } from '@muster/shared/wire/limits';
import type { About, Birth, ColumnList, WireMetric } from '@muster/shared/wire/messages';

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
