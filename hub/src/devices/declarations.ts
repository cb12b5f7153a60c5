/** What devices declared about their metrics; equal declarations and equal sets of them are held once. */
import { createInterner } from '@muster/shared/intern';
import { type MetricDeclaration, undeclared } from '@muster/shared/metrics';
import { WIRE_LIMITS } from '@muster/shared/wire/limits';
import type { WireMetric } from '@muster/shared/wire/messages';
import { hashOf } from './keys.js';

type Declared = ReadonlyMap<string, MetricDeclaration>;

/** A set as it is looked up and as it is kept: thousands of devices that come at once have one list between them. */
interface Held {
  declared: Declared;
  list: WireMetric[];
}

export interface Declarations {
  of(device: string, metric: string): MetricDeclaration;
  /** Adds to what the device declared; the whole list to keep, null when nothing changed. */
  add(device: string, metrics: readonly WireMetric[]): WireMetric[] | null;
  /** What a start has found; a list that many devices share is looked at once. */
  restore(device: string, metrics: readonly WireMetric[]): void;
  all(): { metric: string; declaration: MetricDeclaration }[];
  forget(device: string): void;
}

export const createDeclarations = (): Declarations => {
  const devices = new Map<string, Held>();
  const single = createInterner<MetricDeclaration>();
  const sets = createInterner<Held>();
  const one = (metric: WireMetric): MetricDeclaration => {
    const { kind, unit, title, resolution } = metric;
    const made = { kind, unit, title, ...(resolution === undefined ? {} : { resolution }) };
    return single.intern(JSON.stringify(made), () => made);
  };
  const seen = new WeakMap<readonly WireMetric[], Held>();
  const add = (device: string, metrics: readonly WireMetric[]): WireMetric[] | null => {
    const next = new Map(devices.get(device)?.declared);
    let changed = false;
    for (const metric of metrics) {
      const declaration = one(metric);
      const fits = next.has(metric.id) || next.size < WIRE_LIMITS.metrics_per_birth;
      if (!fits || next.get(metric.id) === declaration) continue;
      next.set(metric.id, declaration);
      changed = true;
    }
    if (!changed) return null;
    const list = asList(next);
    const held = sets.intern(hashOf(JSON.stringify(list)).toString('base64'), () => ({ declared: next, list }));
    devices.set(device, held);
    return held.list;
  };
  return {
    add,
    restore(device, metrics) {
      const known = seen.get(metrics);
      if (known) devices.set(device, known);
      else add(device, metrics);
      const held = devices.get(device);
      if (held) seen.set(metrics, held);
    },
    of: (device, metric) => devices.get(device)?.declared.get(metric) ?? undeclared(metric),
    all: () => catalogue(new Set(Array.from(devices.values(), ({ declared }) => declared))),
    forget: (device) => void devices.delete(device),
  };
};

const asList = (declared: Declared): WireMetric[] => [...declared].map(([id, declaration]) => ({ id, ...declaration }));

/** The first declaration of a metric wins where devices differ. */
const catalogue = (sets: Iterable<Declared>) => {
  const found = new Map<string, MetricDeclaration>();
  for (const declared of sets)
    for (const [metric, declaration] of declared) if (!found.has(metric)) found.set(metric, declaration);
  return [...found].map(([metric, declaration]) => ({ metric, declaration })).sort((a, b) => (a.metric < b.metric ? -1 : 1));
};
