/** Samples of one series out of several sources, put in order. */

/** Values by time; NaN = no value at that time. */
export interface Samples {
  ts: Float64Array;
  values: Float64Array;
}

/** Pieces that follow each other in time; of several values at one time that of the later source holds. */
export const orderSamples = (sources: readonly Samples[]): Samples[] => {
  const sorted = sources.filter(({ ts }) => ts.length > 0).map(rising);
  const byTime = [...sorted].sort((a, b) => first(a) - first(b));
  const disjoint = byTime.every((one, i) => i === 0 || last(byTime[i - 1] as Samples) < first(one));
  return disjoint ? byTime : [sorted.reduce(overlay)];
};

const first = ({ ts }: Samples): number => ts[0] as number;
const last = ({ ts }: Samples): number => ts[ts.length - 1] as number;

/** Rows of the head lie in order of arrival. */
const rising = (samples: Samples): Samples => {
  const { ts, values } = samples;
  let sorted = true;
  for (let i = 1; i < ts.length && sorted; i++) sorted = (ts[i] as number) > (ts[i - 1] as number);
  if (sorted) return samples;
  const held = new Map<number, number>();
  for (let i = 0; i < ts.length; i++) {
    const value = values[i] as number;
    if (!Number.isNaN(value)) held.set(ts[i] as number, value);
  }
  const order = [...held].sort((a, b) => a[0] - b[0]);
  return { ts: Float64Array.from(order, ([time]) => time), values: Float64Array.from(order, ([, value]) => value) };
};

/** Both in order; where both have a value the second holds. */
const overlay = (under: Samples, over: Samples): Samples => {
  const size = under.ts.length + over.ts.length;
  const into = { ts: new Float64Array(size), values: new Float64Array(size) };
  let [a, b, n] = [0, 0, 0];
  while (a < under.ts.length || b < over.ts.length) {
    const [x, y] = [under.ts[a] ?? Number.POSITIVE_INFINITY, over.ts[b] ?? Number.POSITIVE_INFINITY];
    const held = y <= x ? (over.values[b] as number) : Number.NaN;
    into.ts[n] = Math.min(x, y);
    into.values[n++] = Number.isNaN(held) && x <= y ? (under.values[a] as number) : held;
    if (x <= y) a++;
    if (y <= x) b++;
  }
  return { ts: into.ts.subarray(0, n), values: into.values.subarray(0, n) };
};
