import { identityOf, type SpoolItem, type SpoolRow } from './spool.js';

/** Rows that were just made and wait for the live lane; what leaves it waits its turn in the spool. */
export interface Fresh {
  /** A row of the agent, behind which those go that are held. */
  add(row: SpoolRow): void;
  /** A row of a carried device, until the next one of the agent. */
  hold(row: SpoolRow): void;
  has(item: SpoolItem): boolean;
  first(count: number): SpoolRow[];
  remove(items: readonly SpoolItem[]): void;
}

/** Cycles of the agent that wait: of more, back-fill takes the oldest. */
const MAX_CYCLES = 32;
/** An agent that carries a thousand devices makes as many rows in a cycle. */
const MAX_ROWS = 1_500;

export const createFresh = (): Fresh => {
  let cycles: SpoolRow[][] = [];
  let held: SpoolRow[] = [];
  const known = new Set<string>();
  const leave = (rows: readonly SpoolItem[]) => {
    for (const row of rows) known.delete(identityOf(row));
  };
  const trim = () => {
    while (cycles.length > MAX_CYCLES || (known.size > MAX_ROWS && cycles.length > 1)) leave(cycles.shift() ?? []);
  };
  return {
    add(row) {
      known.add(identityOf(row));
      cycles.push([row, ...held]);
      held = [];
      trim();
    },
    hold(row) {
      known.add(identityOf(row));
      held.push(row);
      if (held.length > MAX_ROWS) leave(held.splice(0, 1));
    },
    has: (item) => known.has(identityOf(item)),
    first(count) {
      const rows: SpoolRow[] = [];
      for (const cycle of cycles) {
        if (rows.length >= count) break;
        rows.push(...cycle.slice(0, count - rows.length));
      }
      return rows;
    },
    remove(items) {
      leave(items);
      cycles = cycles.map((cycle) => cycle.filter((row) => known.has(identityOf(row)))).filter(({ length }) => length > 0);
    },
  };
};
