import type { Clock } from '@muster/shared/clock';
import { WIRE_LIMITS as L } from '@muster/shared/wire/limits';
import type { ColumnList, WireMetric } from '@muster/shared/wire/messages';
import type { Carry } from './birth.js';
import type { Carried } from './carried.js';
import type { Outbox } from './outbox.js';
import type { Runner } from './runner.js';
import type { Task } from './schedule.js';
import type { Self } from './self/self.js';
import type { SeriesTable } from './series.js';
import type { Spool, SpoolRow } from './spool.js';

/** Makes the rows: reads what is due, cuts a row of the newest values, puts it into the spool. */
export interface Reporter {
  task: Task;
  /** Column lists and metric declarations that the hub needs for what is in the spool. */
  describe(): { columns: ColumnList[]; metrics: WireMetric[]; carries: Carry[] };
}

export interface ReporterNeeds {
  runner: Runner;
  series: SeriesTable;
  spool: Spool;
  outbox: Outbox;
  clock: Clock;
  /** The agent's time. */
  now(): number;
  self: Self;
  carried?: Carried;
  /** A row was put into the spool, and those of carried devices behind it. */
  offer(row: SpoolRow, beside?: readonly SpoolRow[]): void;
}

/** The second read of the probes follows the first by this: then rates have a value. */
const PRIME_MS = 1_000;

export const createReporter = (needs: ReporterNeeds, interval_ms: number): Reporter => {
  const { clock, outbox, runner, series, spool } = needs;
  const row = async () => {
    await runner.cycle();
    needs.self.look();
    const { columns, values } = series.row();
    const row = outbox.row(needs.now(), columns, values);
    needs.offer(row, needs.carried?.flush());
    if (series.lists().size > 1) series.forget(spool.columns());
    needs.carried?.forget(spool.columns());
  };

  let due: number | null = null;
  const run = async (): Promise<number> => {
    const now = clock.monotonic();
    if (due === null) {
      due = now + Math.min(PRIME_MS, interval_ms);
      await runner.cycle();
    } else {
      // From due time to due time: rows keep their pace, and a machine that slept does not catch up.
      due = Math.max(due + interval_ms, now);
      await row();
    }
    return due - clock.monotonic();
  };

  return {
    task: { name: 'row', first_ms: 0, run },
    describe() {
      const own: ColumnList[] = [...series.lists()].map(([id, list]) => ({ id, list: [...list] }));
      const { carries = [], columns: others = [] } = needs.carried?.describe() ?? {};
      const columns = [...own, ...others];
      const tables = new Map(columns.flatMap(({ device, list }) => list.map((key) => [metricOf(key), device] as const)));
      const tableOf = (device: string | undefined) => (device === undefined ? series : (needs.carried?.table(device) ?? series));
      const metrics = [...tables].map(([id, device]) => asWireMetric(id, tableOf(device)));
      return { columns, metrics, carries };
    },
  };
};

const metricOf = (key: string): string => key.split('{')[0] ?? key;

/** Cut to what the wire allows: a refused birth would leave every report of its columns unreadable. */
const asWireMetric = (id: string, series: SeriesTable): WireMetric => {
  const { kind, unit, title, resolution } = series.declaration(id);
  const step = resolution !== undefined && resolution >= 0 && Number.isFinite(resolution) ? { resolution } : {};
  return { id, kind, unit: unit.slice(0, 32), title: title.slice(0, L.title_chars), ...step };
};
