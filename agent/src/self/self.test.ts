import { type Log, silentLog } from '@muster/shared/log';
import { gauge, type Sample } from '@muster/shared/metrics';
import { createTestClock } from '@muster/shared/testing/clock';
import { describe, expect, it } from 'vitest';
import { createCarried } from '../carried.js';
import { createOutbox } from '../outbox.js';
import type { ProbeDeclaration } from '../probe.js';
import { createReporter } from '../reporter.js';
import { createRunner } from '../runner.js';
import { createSeriesTable } from '../series.js';
import { createMemorySpool, type Spool } from '../spool.js';
import { createFixtureHost } from '../testing/host.js';
import { createSelf } from './self.js';

const MIB = 1_048_576;
const HOUR = 3_600_000;
const DAY = 24 * HOUR;

const rig = (spool: Spool = createMemorySpool()) => {
  const clock = createTestClock();
  const series = createSeriesTable(clock, () => spool.listsOf('pi-1'));
  const state = { mib: 50, active: 10, connections: 1 };
  const events: string[] = [];
  const warnings: string[] = [];
  const log: Log = { ...silentLog, warn: (sentence) => warnings.push(sentence), error: (sentence) => warnings.push(sentence) };
  const process = {
    memory_bytes: () => state.mib * MIB,
    cpuUsage: () => ({ user: 1_500_000, system: 250_000 }),
    loop: () => ({ utilization: 0.25, active: state.active }),
  };
  const needs = { series, spool, log, now: clock.now, process, connections: () => state.connections, refused: () => 0 };
  const self = createSelf(
    { ...needs, report: (event) => events.push(event), giveUp: (why) => events.push(why) },
    { interval_ms: 10_000, memory_mb: 128 },
  );
  const values = () => {
    const { columns, values: row } = series.row();
    return Object.fromEntries((series.lists().get(columns) ?? []).map((key, index) => [key, row[index]]));
  };
  return { clock, series, spool, self, state, events, warnings, values };
};

describe('the agent', () => {
  it('reports what it takes itself, and what waits for the hub', () => {
    const { self, spool, values, clock, state } = rig();
    createOutbox(spool, 'pi-1', new Uint8Array(8)).row({ ts: clock.now() - 30_000 }, '00000000', [1]);
    state.connections = 3;
    self.look();
    expect(values()).toMatchObject({
      'process.cpu.time': 1.75,
      'process.memory.usage': 50 * MIB,
      'nodejs.eventloop.utilization': 0.25,
      'muster.agent.spool.length': 1,
      'muster.agent.spool.age': 30,
      'muster.agent.reconnects': 2,
      'muster.agent.dropped': 0,
    });
    expect(values()['muster.agent.spool.usage']).not.toBeUndefined();
  });

  it('says once that something holds it up, and nothing of its start', () => {
    const { self, state, warnings } = rig();
    for (const active of [5_000, 10, 3_000, 3_000, 10]) {
      state.active = active;
      self.look();
    }
    expect(warnings).toEqual(['The agent was busy for long; something in it holds it up']);
  });

  it('gives up once when it has been above its memory for a minute, not for a peak', () => {
    const { self, state, events } = rig();
    for (const mib of [...Array(5).fill(200), 50, ...Array(5).fill(200)]) {
      state.mib = mib;
      self.look();
    }
    expect(events).toEqual([]);
    for (let n = 0; n < 20; n++) self.look();
    expect(events).toEqual(['memory_ceiling', 'memory ceiling']);
  });
});

/** A machine whose interfaces come and go, as those of containers do. */
const restless = (clock: { monotonic(): number }): ProbeDeclaration => ({
  id: 'restless',
  title: 'Restless',
  every: 60_000,
  metrics: { io: gauge('By', 'IO') },
  async read(): Promise<Sample[]> {
    const minute = Math.floor(clock.monotonic() / 60_000);
    return Array.from({ length: 5 }, (_, n) => ({ metric: 'io', labels: { interface: `veth${minute + n}` }, value: minute }));
  },
});

const live = async (days: number, hub_is_there: boolean) => {
  const spool = createMemorySpool();
  const { clock, series, self, warnings } = rig(spool);
  const runner = createRunner(
    { probes: [restless(clock)], host: createFixtureHost({}), clock, log: silentLog, series },
    { interval_ms: 60_000 },
  );
  const random = new Uint8Array(8);
  const moment = () => ({ ts: clock.now() });
  const carried = createCarried({ clock, spool, random, moment, hold() {} }, [{ device: 'van', about: {}, interval_ms: 60_000 }]);
  const outbox = createOutbox(spool, 'pi-1', random);
  const offer = () => {
    if (hub_is_there) spool.remove(spool.oldest({ items: 10, bytes: 1_000_000 }));
  };
  const reporter = createReporter({ runner, series, outbox, clock, moment, self, carried, offer }, 60_000);
  let most_lists = 0;
  let most_series = 0;
  for (let ms = 0; ms < days * DAY; ms += 60_000) {
    carried.table('van')?.put({ metric: 'io', labels: { n: `${Math.floor(ms / HOUR)}` }, value: 1 }, undefined, 60_000);
    carried.answered('van', undefined);
    await reporter.task.run();
    clock.advance(60_000);
    const { columns } = reporter.describe();
    most_lists = Math.max(most_lists, spool.listsOf('pi-1'), spool.listsOf('van'));
    most_series = Math.max(most_series, ...columns.map(({ list }) => list.length));
  }
  return { most_lists, most_series, spool, warnings };
};

describe('an agent that runs for months', { timeout: 120_000 }, () => {
  it('holds no more after 30 days than after one, though series come and go', async () => {
    const day = await live(1, true);
    const month = await live(30, true);
    expect(month.most_lists).toBeLessThanOrEqual(day.most_lists + 2);
    expect(month.most_series).toBeLessThanOrEqual(day.most_series);
    expect(month.spool.length).toBe(0);
  });

  it('holds fewer column lists than a hub keeps when the hub is away for 7 days', async () => {
    const { most_lists, spool } = await live(7, false);
    expect(most_lists).toBeLessThan(200);
    expect(spool.length).toBeGreaterThan(7 * 1_440);
  });
});
