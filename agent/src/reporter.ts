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
import type { ColumnFacts, ListUser, Moment, SpoolRow } from './spool.js';

/** Makes the rows: reads what is due, cuts a row of the newest values, puts it into the spool. */
export interface Reporter {
  task: Task;
  /** The column lists in use, of the agent and of carried devices, and their metrics. */
  describe(): { columns: ColumnList[]; metrics: WireMetric[]; carries: Carry[] };
  /** One of them; null when it is not in use any more. */
  describeList(list: ListUser): ColumnFacts | null;
}

export interface ReporterNeeds {
  runner: Runner;
  series: SeriesTable;
  outbox: Outbox;
  clock: Clock;
  moment(): Moment;
  self: Self;
  carried?: Carried;
  /** A row was put into the spool. */
  offer(row: SpoolRow): void;
}

/** The second read of the probes follows the first by this: then rates have a value. */
const PRIME_MS = 1_000;

export const createReporter = (needs: ReporterNeeds, interval_ms: number): Reporter => {
  const { clock, outbox, runner, series } = needs;
  const tableOf = (device: string) => needs.carried?.table(device) ?? series;
  const row = async () => {
    await runner.cycle();
    needs.self.look();
    const { columns, values } = series.row();
    needs.offer(outbox.row(needs.moment(), columns, values));
    series.forget();
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
      const tables = new Map(columns.flatMap(({ device = '', list }) => list.map((key) => [metricOf(key), device] as const)));
      const metrics = [...tables].map(([id, device]) => asWireMetric(id, tableOf(device)));
      return { columns, metrics, carries };
    },
    describeList({ device, columns }) {
      const table = tableOf(device);
      const list = table.lists().get(columns);
      const metrics = new Set(list?.map(metricOf));
      return list ? { list, metrics: [...metrics].map((id) => asWireMetric(id, table)) } : null;
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
