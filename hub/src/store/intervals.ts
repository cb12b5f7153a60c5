export type Interval = [from: number, to: number];

/** Closed intervals of whole numbers, sorted, with neighbours and overlaps joined. */
export const joinIntervals = (intervals: readonly Interval[]): Interval[] => {
  const joined: Interval[] = [];
  for (const [from, to] of [...intervals].sort((a, b) => a[0] - b[0])) {
    const last = joined.at(-1);
    if (last && from <= last[1] + 1) last[1] = Math.max(last[1], to);
    else joined.push([from, to]);
  }
  return joined;
};
