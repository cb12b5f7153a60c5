/** Pages of a list: `next` is what `after` wants, absent on the last page. */
export interface Page<T> {
  items: T[];
  next?: string | undefined;
}

interface PageQuery {
  limit: number;
  after?: string | undefined;
}

/** Of anything in rising order of its key; an item that went away in between leaves no gap. Stops reading when the page is full. */
export const pageByKey = <T>(ordered: Iterable<T>, keyOf: (item: T) => string, { limit, after }: PageQuery): Page<T> => {
  const items: T[] = [];
  for (const item of ordered) {
    if (after !== undefined && keyOf(item) <= after) continue;
    const last = items.at(-1);
    if (items.length === limit && last !== undefined) return { items, next: keyOf(last) };
    items.push(item);
  }
  return { items };
};

/** The same of many in a list: where the page begins is looked up. */
export const pageOfSorted = <T>(sorted: readonly T[], keyOf: (item: T) => string, { limit, after }: PageQuery): Page<T> => {
  let start = 0;
  for (let end = after === undefined ? 0 : sorted.length; after !== undefined && start < end; ) {
    const middle = (start + end) >> 1;
    if (keyOf(sorted[middle] as T) <= after) start = middle + 1;
    else end = middle;
  }
  const items = sorted.slice(start, start + limit);
  const last = items.at(-1);
  return start + limit < sorted.length && last !== undefined ? { items, next: keyOf(last) } : { items };
};

/** Of a list in its own order (newest first): goes on behind the item whose key is `after`. */
export const pageInOrder = <T>(all: readonly T[], keyOf: (item: T) => string, { limit, after }: PageQuery): Page<T> => {
  const start = after === undefined ? 0 : all.findIndex((item) => keyOf(item) === after) + 1;
  const items = all.slice(start, start + limit);
  const last = items.at(-1);
  return start + limit < all.length && last !== undefined ? { items, next: keyOf(last) } : { items };
};

export const byKey = <T>(items: Iterable<T>, keyOf: (item: T) => string): T[] =>
  [...items].sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : keyOf(a) > keyOf(b) ? 1 : 0));
