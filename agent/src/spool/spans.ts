/** A set of byte ranges [from, to), joined where they meet. */
export interface Spans {
  add(from: number, to: number): void;
  has(at: number): boolean;
  /** The first place at or after `at` that is in no range. */
  gapFrom(at: number): number;
  list(): readonly (readonly [number, number])[];
}

export const createSpans = (): Spans => {
  const spans: [number, number][] = [];
  /** Index of the first range that ends at or after `at`. */
  const find = (at: number): number => {
    let low = 0;
    let high = spans.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((spans[middle]?.[1] ?? 0) < at) low = middle + 1;
      else high = middle;
    }
    return low;
  };
  const holding = (at: number): [number, number] | undefined => {
    const index = find(at + 1);
    const span = spans[index];
    return span && span[0] <= at ? span : undefined;
  };
  return {
    add(from, to) {
      if (to <= from) return;
      const first = find(from);
      let last = first;
      const joined: [number, number] = [from, to];
      for (let span = spans[last]; span && span[0] <= to; span = spans[++last]) {
        joined[0] = Math.min(joined[0], span[0]);
        joined[1] = Math.max(joined[1], span[1]);
      }
      spans.splice(first, last - first, joined);
    },
    has: (at) => holding(at) !== undefined,
    gapFrom: (at) => holding(at)?.[1] ?? at,
    list: () => spans,
  };
};
