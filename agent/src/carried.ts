import type { Clock } from '@muster/shared/clock';
import type { About, ColumnList } from '@muster/shared/wire/messages';
import type { Carry } from './birth.js';
import { createOutbox, type Outbox } from './outbox.js';
import { createSeriesTable, type SeriesTable } from './series.js';
import type { Spool, SpoolItem, SpoolRow } from './spool.js';

/**
 * Devices that cannot run an agent: what their sources say becomes rows of their own, with their own counter, that travel with
 * the agent's next row. A device whose sources are silent gets no rows, and the hub judges its silence.
 */
export interface Carried {
  table(device: string): SeriesTable | undefined;
  /** Its source gave samples: they become a row. `seen_at`: when the source last saw the device, where it knows. */
  answered(device: string, seen_at: number | undefined): void;
  /** Puts the rows that wait into the spool; they travel with the agent's own row. */
  flush(): SpoolRow[];
  describe(): { carries: Carry[]; columns: ColumnList[] };
  /** What to add to a row's stamp that was made before the time was known. */
  shiftOf(item: SpoolItem): number;
  /** Forgets column lists but the current ones and those named. */
  forget(keep: ReadonlySet<string>): void;
  refused(): number;
}

export interface CarriedNeeds {
  clock: Clock;
  spool: Spool;
  /** The bytes that the agent's own boot id comes from. */
  random: Uint8Array;
  now(): number;
  isTimeKnown(): boolean;
  /** By how much stamps were off that were made before the time was known. */
  shift(): number;
}

export interface CarriedDevice {
  device: string;
  about: About;
  interval_ms: number;
}

/** Rows that wait for the agent's next row: a thousand devices at a second for the longest a cycle takes, then the oldest go. */
const MAX_WAITING = 4_000;

interface Entry extends CarriedDevice {
  table: SeriesTable;
  outbox: Outbox;
  seen_at: number;
  /** Rows up to this number were stamped before the time was known. */
  blind_until: number;
}

interface Waiting {
  entry: Entry;
  ts: number;
  blind: boolean;
  columns: string;
  values: (number | null)[];
}

export const createCarried = (needs: CarriedNeeds, devices: readonly CarriedDevice[]): Carried => {
  const entries = new Map(devices.map((one) => [one.device, entryOf(needs, one)]));
  const waiting: Waiting[] = [];

  const put = ({ entry, ts, blind, columns, values }: Waiting): SpoolRow => {
    const still_blind = blind && !needs.isTimeKnown();
    const row = entry.outbox.row(blind && !still_blind ? ts + needs.shift() : ts, columns, values);
    if (still_blind) entry.blind_until = row.seq;
    return row;
  };

  return {
    table: (device) => entries.get(device)?.table,
    answered(device, seen_at) {
      const entry = entries.get(device);
      if (!entry) return;
      const blind = !needs.isTimeKnown();
      const ts = blind || seen_at === undefined ? needs.now() : Math.min(seen_at, needs.now());
      // The source tells of the same moment again: nothing was heard of the device since.
      if (!blind && seen_at !== undefined && ts <= entry.seen_at) return;
      if (seen_at !== undefined) entry.seen_at = ts;
      if (waiting.length >= MAX_WAITING) waiting.shift();
      const { columns, values } = entry.table.row();
      if (values.length > 0) waiting.push({ entry, ts, blind, columns, values });
    },
    flush: () => waiting.splice(0).map(put),
    describe: () => ({
      carries: devices.map(({ device, about, interval_ms }) => ({ device, about, interval_ms })),
      columns: [...entries.values()].flatMap(({ device, table }) =>
        [...table.lists()].map(([id, list]) => ({ id, device, list: [...list] })),
      ),
    }),
    shiftOf(item) {
      const entry = entries.get(item.device);
      const is_blind = entry?.outbox.boot === item.boot && item.seq <= entry.blind_until;
      return is_blind ? needs.shift() : 0;
    },
    forget(keep) {
      for (const { table } of entries.values()) if (table.lists().size > 1) table.forget(keep);
    },
    refused: () => [...entries.values()].reduce((sum, { table }) => sum + table.refused, 0),
  };
};

const entryOf = ({ clock, spool, random }: CarriedNeeds, one: CarriedDevice): Entry => ({
  ...one,
  table: createSeriesTable(clock),
  outbox: createOutbox(spool, one.device, random),
  seen_at: 0,
  blind_until: 0,
});
