import type { Clock } from '@muster/shared/clock';
import { counter, gauge } from '@muster/shared/metrics';
import { WIRE_LIMITS as L } from '@muster/shared/wire/limits';
import type { ColumnList, WireMetric } from '@muster/shared/wire/messages';
import type { Outbox } from './outbox.js';
import type { Runner } from './runner.js';
import type { Task } from './schedule.js';
import type { SeriesTable } from './series.js';
import type { ColumnFacts, Spool, SpoolRow } from './spool.js';

/** Makes the rows: reads what is due, cuts a row of the newest values, puts it into the spool. */
export interface Reporter {
  task: Task;
  /** The column lists in use and their metrics. */
  describe(): { columns: ColumnList[]; metrics: WireMetric[] };
  /** One of them; null when it is not in use any more. */
  describeColumns(columns: string): ColumnFacts | null;
}

export interface ReporterNeeds {
  runner: Runner;
  series: SeriesTable;
  spool: Spool;
  outbox: Outbox;
  clock: Clock;
  /** The agent's time. */
  now(): number;
  memory_bytes(): number;
  /** A row was put into the spool. */
  offer(row: SpoolRow): void;
}

const OWN = {
  'muster.agent.spool.length': gauge('1', 'Rows and messages that the hub has not acknowledged'),
  'muster.agent.spool.usage': gauge('By', 'Disk space of those', { resolution: 65_536 }),
  'muster.agent.memory.usage': gauge('By', 'Memory of the agent', { resolution: 65_536 }),
  'muster.agent.dropped': counter('1', 'Rows and messages that were given up: the spool was full or damaged, or they too old'),
  'muster.agent.refused': counter('1', 'Samples of probes and sources that were none'),
};

/** The second read of the probes follows the first by this: then rates have a value. */
const PRIME_MS = 1_000;

export const createReporter = (needs: ReporterNeeds, interval_ms: number): Reporter => {
  const { clock, outbox, runner, series, spool } = needs;
  let dropped = 0;
  spool.dropped.on(({ items }) => {
    dropped += items;
  });

  const metricsOf = (keys: readonly string[]) =>
    [...new Set(keys.map((key) => key.split('{')[0] ?? key))].map((id) => asWireMetric(id, series));
  const putOwn = () => {
    const own: Record<keyof typeof OWN, number> = {
      'muster.agent.spool.length': spool.length,
      'muster.agent.spool.usage': spool.bytes,
      'muster.agent.memory.usage': needs.memory_bytes(),
      'muster.agent.dropped': dropped,
      'muster.agent.refused': series.refused,
    };
    for (const [metric, declaration] of Object.entries(OWN)) {
      series.put({ metric, value: own[metric as keyof typeof OWN] }, declaration, 2 * interval_ms);
    }
  };
  const row = async () => {
    await runner.cycle();
    putOwn();
    const { columns, values } = series.row();
    needs.offer(outbox.row(needs.now(), columns, values));
    // The spool keeps the lists of what it holds.
    if (series.lists().size > 1) series.forget(new Set());
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
      const columns = [...series.lists()].map(([id, list]) => ({ id, list: [...list] }));
      return { columns, metrics: metricsOf(columns.flatMap(({ list }) => list)) };
    },
    describeColumns(id) {
      const list = series.lists().get(id);
      return list ? { list, metrics: metricsOf(list) } : null;
    },
  };
};

/** Cut to what the wire allows: a refused birth would leave every report of its columns unreadable. */
const asWireMetric = (id: string, series: SeriesTable): WireMetric => {
  const { kind, unit, title, resolution } = series.declaration(id);
  const step = resolution !== undefined && resolution >= 0 && Number.isFinite(resolution) ? { resolution } : {};
  return { id, kind, unit: unit.slice(0, 32), title: title.slice(0, L.title_chars), ...step };
};
