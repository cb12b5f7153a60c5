import type { Clock } from '@muster/shared/clock';
import type { About, ColumnList } from '@muster/shared/wire/messages';
import type { Carry } from './birth.js';
import { createOutbox, type Outbox } from './outbox.js';
import { createSeriesTable, type SeriesTable } from './series.js';
import type { Moment, Spool, SpoolRow } from './spool.js';

/**
 * Devices that cannot run an agent: what their sources say becomes rows of their own, with their own counter, that travel with
 * the agent's next row. A device whose sources are silent gets no rows, and the hub judges its silence.
 */
export interface Carried {
  table(device: string): SeriesTable | undefined;
  /** Its source gave samples: they become a row in the spool. `seen_at`: when the source last saw the device, where it knows. */
  answered(device: string, seen_at: number | undefined): void;
  /** The lists in use. */
  describe(): { carries: Carry[]; columns: ColumnList[] };
  refused(): number;
}

export interface CarriedNeeds {
  clock: Clock;
  spool: Pick<Spool, 'add' | 'listsOf'>;
  /** The bytes that the agent's own boot id comes from. */
  random: Uint8Array;
  moment(): Moment;
  /** A row was put into the spool; it travels with the agent's next row. */
  hold(row: SpoolRow): void;
}

export interface CarriedDevice {
  device: string;
  about: About;
  interval_ms: number;
}

interface Entry extends CarriedDevice {
  table: SeriesTable;
  outbox: Outbox;
  seen_at: number;
}

export const createCarried = (needs: CarriedNeeds, devices: readonly CarriedDevice[]): Carried => {
  const entries = new Map(devices.map((one) => [one.device, entryOf(needs, one)]));

  return {
    table: (device) => entries.get(device)?.table,
    answered(device, seen_at) {
      const entry = entries.get(device);
      if (!entry) return;
      const { ts: now, blind = false } = needs.moment();
      const ts = blind || seen_at === undefined ? now : Math.min(seen_at, now);
      // The source tells of the same moment again: nothing was heard of the device since.
      if (!blind && seen_at !== undefined && ts <= entry.seen_at) return;
      if (seen_at !== undefined) entry.seen_at = ts;
      const { columns, values } = entry.table.row();
      if (values.length > 0) needs.hold(entry.outbox.row({ ts, blind }, columns, values));
      entry.table.forget();
    },
    describe: () => ({
      carries: devices.map(({ device, about, interval_ms }) => ({ device, about, interval_ms })),
      columns: [...entries.values()].flatMap(({ device, table }) =>
        [...table.lists()].map(([id, list]) => ({ id, device, list: [...list] })),
      ),
    }),
    refused: () => [...entries.values()].reduce((sum, { table }) => sum + table.refused, 0),
  };
};

const entryOf = ({ clock, spool, random }: CarriedNeeds, one: CarriedDevice): Entry => ({
  ...one,
  table: createSeriesTable(clock, () => spool.listsOf(one.device)),
  outbox: createOutbox(spool, one.device, random),
  seen_at: 0,
});
