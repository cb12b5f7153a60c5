/** The series of a device as a list: devices that report the same series share one, so a value costs 16 bytes. */
import { createInterner } from '@muster/shared/intern';
import { type Labels, parseSeriesKey } from '@muster/shared/metrics';

export interface Shape {
  readonly keys: readonly string[];
  readonly index: ReadonlyMap<string, number>;
  /** Slot of each column of a list; -1 where the series is unknown. Computed once per list. */
  plan(columns: readonly string[]): Int32Array;
  series(slot: number): { metric: string; labels: Labels };
  /** Slots of all series of a metric. */
  slotsOf(metric: string): readonly number[];
}

export interface Shapes {
  of(keys: readonly string[]): Shape;
}

export const createShapes = (): Shapes => {
  const interner = createInterner<Shape>();
  return { of: (keys) => interner.intern(keys.join('\n'), () => createShape(keys)) };
};

const NONE: readonly number[] = [];

const createShape = (keys: readonly string[]): Shape => {
  const index = new Map(keys.map((key, slot) => [key, slot]));
  const plans = new WeakMap<readonly string[], Int32Array>();
  const parsed = keys.map((key) => parseSeriesKey(key) ?? { metric: key, labels: {} });
  const metrics = new Map<string, number[]>();
  for (const [slot, { metric }] of parsed.entries()) metrics.set(metric, [...(metrics.get(metric) ?? []), slot]);
  return {
    keys,
    index,
    plan(columns) {
      const known = plans.get(columns);
      if (known) return known;
      const plan = Int32Array.from(columns, (key) => index.get(key) ?? -1);
      plans.set(columns, plan);
      return plan;
    },
    series: (slot) => parsed[slot] ?? { metric: '', labels: {} },
    slotsOf: (metric) => metrics.get(metric) ?? NONE,
  };
};
