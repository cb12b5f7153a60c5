import { counter, gauge } from '@muster/shared/metrics';
import { WIRE_LIMITS as L } from '@muster/shared/wire/limits';
import type { ColumnList, WireMetric } from '@muster/shared/wire/messages';
import type { Runner } from './runner.js';
import type { SeriesTable } from './series.js';
import type { Spool, SpoolRow } from './spool.js';

/** Makes the rows: reads what is due, cuts a row of the newest values, puts it into the spool. */
export interface Reporter {
  /** Reads once without a row, so that rates have something to start from. */
  prime(): Promise<void>;
  row(): Promise<SpoolRow>;
  /** Column lists and metric declarations that the hub needs for what is in the spool. */
  describe(): { columns: ColumnList[]; metrics: WireMetric[] };
}

export interface ReporterNeeds {
  runner: Runner;
  series: SeriesTable;
  spool: Spool;
  now(): number;
  next_seq(): number;
  memory_bytes(): number;
  device: string;
  boot: string;
  interval_ms: number;
}

const OWN = {
  'muster.agent.spool.length': gauge('1', 'Rows and messages that the hub has not acknowledged'),
  'muster.agent.memory.usage': gauge('By', 'Memory of the agent', { resolution: 65_536 }),
  'muster.agent.dropped': counter('1', 'Rows and messages dropped because the spool was full'),
  'muster.agent.refused': counter('1', 'Samples of probes and sources that were none'),
};

export const createReporter = (needs: ReporterNeeds): Reporter => {
  const { runner, series, spool, device, boot } = needs;
  let dropped = 0;
  spool.dropped.on(() => dropped++);

  const putOwn = () => {
    const own: Record<keyof typeof OWN, number> = {
      'muster.agent.spool.length': spool.length,
      'muster.agent.memory.usage': needs.memory_bytes(),
      'muster.agent.dropped': dropped,
      'muster.agent.refused': series.refused,
    };
    for (const [metric, declaration] of Object.entries(OWN)) {
      series.put({ metric, value: own[metric as keyof typeof OWN] }, declaration, 2 * needs.interval_ms);
    }
  };

  return {
    prime: () => runner.cycle(),
    async row() {
      await runner.cycle();
      putOwn();
      const { columns, values } = series.row();
      const row: SpoolRow = { kind: 'row', device, boot, seq: needs.next_seq(), ts: needs.now(), columns, values };
      spool.add(row);
      if (series.lists().size > 1) series.forget(spool.columns());
      return row;
    },
    describe() {
      const lists = [...series.lists()].map(([id, list]) => ({ id, list: [...list] }));
      const metrics = new Set(lists.flatMap(({ list }) => list.map((key) => key.split('{')[0] ?? key)));
      return { columns: lists, metrics: [...metrics].map((id) => asWireMetric(id, series)) };
    },
  };
};

/** Cut to what the wire allows: a refused birth would leave every report of its columns unreadable. */
const asWireMetric = (id: string, series: SeriesTable): WireMetric => {
  const { kind, unit, title, resolution } = series.declaration(id);
  const step = resolution !== undefined && resolution >= 0 && Number.isFinite(resolution) ? { resolution } : {};
  return { id, kind, unit: unit.slice(0, 32), title: title.slice(0, L.title_chars), ...step };
};
