import { silentLog } from '@muster/shared/log';
import { gauge, type Sample } from '@muster/shared/metrics';
import { createTestClock, type TestClock } from '@muster/shared/testing/clock';
import * as v from 'valibot';
import { describe, expect, it } from 'vitest';
import { createOutbox } from './outbox.js';
import { defineProbe, type Host, type ProbeDeclaration } from './probe.js';
import cpu from './probes/cpu.js';
import { createReporter } from './reporter.js';
import { createRunner, probesToRead } from './runner.js';
import { createSeriesTable } from './series.js';
import { createMemorySpool } from './spool.js';
import { createFixtureHost } from './testing/host.js';

const HOST: Host = {
  read: () => null,
  list: () => [],
  link: () => null,
  filesystem: async () => null,
  follow: () => null,
  run: async () => null,
  http: async () => null,
  ask: async () => null,
  resolve: async () => null,
  now: () => 0,
  monotonic: () => 0,
};

const probe = (id: string, read: () => Promise<Sample[] | null>, more: Partial<ProbeDeclaration> = {}) =>
  defineProbe({ id, title: id, every: 10_000, metrics: { temperature: gauge('Cel', 'T', { resolution: 0.5 }) }, read, ...more });

const good = probe('good', async () => [{ metric: 'temperature', value: 54.3 }]);

const rig = (probes: ProbeDeclaration[]) => {
  const clock = createTestClock();
  const series = createSeriesTable(clock);
  const runner = createRunner({ probes, host: HOST, clock, log: silentLog, series }, { interval_ms: 10_000 });
  const values = () => {
    const { columns, values: row } = series.row();
    return Object.fromEntries((series.lists().get(columns) ?? []).map((key, index) => [key, row[index]]));
  };
  return { clock, series, runner, values };
};

/** A cycle in which time passes until everything has its answer or its deadline. */
const cycle = async (runner: { cycle(): Promise<void> }, clock: TestClock) => {
  const done = runner.cycle();
  // Answers of probes are promises: they must run before time does.
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
  clock.advance(5_000);
  await done;
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
  clock.advance(5_000);
};

const success = (values: Record<string, unknown>, id: string) => values[`muster.agent.probe.success{probe=${id}}`];

describe('the runner', () => {
  it('rounds at the source and measures each probe', async () => {
    const { runner, clock, values } = rig([good]);
    await cycle(runner, clock);
    expect(values()).toEqual({
      temperature: 54.5,
      'muster.agent.probe.duration{probe=good}': 0,
      'muster.agent.probe.success{probe=good}': 1,
    });
  });

  const bad: [string, () => Promise<Sample[] | null>][] = [
    ['throws', () => Promise.reject(new Error('no'))],
    [
      'throws before it waits',
      () => {
        throw new Error('no');
      },
    ],
    ['answers no list', async () => 'hot' as unknown as Sample[]],
    ['answers undefined', async () => undefined as unknown as null],
    ['answers things that are no samples', async () => [null, 7, { metric: 'Bad Id', value: 1 }] as unknown as Sample[]],
    ['answers NaN', async () => [{ metric: 'temperature', value: Number.NaN }]],
    ['answers labels that are none', async () => [{ metric: 'temperature', labels: { a: 1 } as never, value: 1 }]],
    ['floods', async () => Array.from({ length: 2_001 }, (_, n) => ({ metric: 'temperature', labels: { n: `${n}` }, value: n }))],
  ];
  it.each(bad)('a probe that %s costs only itself', async (_what, read) => {
    const { runner, clock, values } = rig([probe('bad', read), good]);
    await cycle(runner, clock);
    expect(success(values(), 'bad')).toBe(0);
    expect(success(values(), 'good')).toBe(1);
    expect(values()['temperature']).toBe(54.5);
    expect(Object.keys(values())).toHaveLength(5);
  });

  it('does not wait for a probe that hangs, and does not call it again until it has returned', async () => {
    let calls = 0;
    let release: (samples: Sample[]) => void = () => {};
    const hanging = probe('hanging', () => {
      calls++;
      return new Promise((resolve) => {
        release = resolve;
      });
    });
    const { runner, clock, values } = rig([hanging, good]);
    for (let n = 0; n < 3; n++) await cycle(runner, clock);
    expect(calls).toBe(1);
    expect(runner.states()).toContainEqual({ id: 'hanging', title: 'hanging', state: 'hung' });
    expect(success(values(), 'hanging')).toBe(0);
    expect(success(values(), 'good')).toBe(1);
    release([]);
    for (let n = 0; n < 2; n++) await cycle(runner, clock);
    expect(calls).toBe(2);
  });

  it('asks a probe that is not on this machine again after an hour, with fresh memory', async () => {
    const memories: unknown[] = [];
    const closed: unknown[] = [];
    const absent = defineProbe<{ n: number }>({
      id: 'absent',
      title: 'absent',
      every: 10_000,
      metrics: {},
      memory: () => ({ n: memories.length }),
      read: async ({ memory }) => {
        memories.push(memory);
        return null;
      },
      close: (memory) => closed.push(memory),
    });
    const { runner, clock, values } = rig([absent as ProbeDeclaration]);
    for (let n = 0; n < 359; n++) await cycle(runner, clock);
    expect(memories).toHaveLength(1);
    expect(values()).toEqual({});
    for (let n = 0; n < 3; n++) await cycle(runner, clock);
    expect(memories).toEqual([{ n: 0 }, { n: 1 }]);
    expect(closed).toHaveLength(2);
  });

  it('reports a slow probe between its reads, and nothing once its value is stale', async () => {
    let works = true;
    const slow = probe(
      'slow',
      () => (works ? Promise.resolve([{ metric: 'temperature', value: 1 }]) : Promise.reject(new Error('no'))),
      {
        every: 60_000,
      },
    );
    const { runner, clock, values } = rig([slow]);
    const seen: unknown[] = [];
    for (let n = 0; n < 24; n++) {
      await cycle(runner, clock);
      seen.push(values()['temperature']);
      works = n < 6;
    }
    expect(seen.slice(0, 12).every((value) => value === 1)).toBe(true);
    expect(seen.at(-1)).toBeNull();
  });
});

describe('the first row', () => {
  it('comes after a second and holds rates', async () => {
    const clock = createTestClock();
    const host = createFixtureHost({ files: { '/proc/stat': 'cpu  100 0 100 800 0 0 0 0 0 0\ncpu0 1\n' } });
    const series = createSeriesTable(clock);
    const spool = createMemorySpool();
    const outbox = createOutbox(spool, 'pi-1', new Uint8Array(8));
    const probes = [cpu as ProbeDeclaration];
    const runner = createRunner({ probes, host, clock, log: silentLog, series }, { interval_ms: 10_000 });
    const moment = () => ({ ts: clock.now() });
    const needs = { runner, series, outbox, clock, moment, self: { look() {} }, offer: () => {} };
    const { task, describe: lists } = createReporter(needs, 10_000);
    expect(await task.run()).toBe(1_000);
    expect(spool.length).toBe(0);
    clock.advance(1_000);
    host.apply({ at_ms: 1_000, files: { '/proc/stat': 'cpu  125 0 100 875 0 0 0 0 0 0\ncpu0 1\n' } });
    expect(await task.run()).toBe(10_000);
    const [first] = spool.oldest({ items: 1, bytes: 1 });
    const at = lists().columns[0]?.list.indexOf('system.cpu.utilization') ?? -1;
    expect(first?.kind === 'row' && JSON.parse(first.values)[at]).toBe(0.25);
  });
});

describe('the probes to read', () => {
  const all = new Map([good, probe('bad', async () => null)].map((one) => [one.id, one]));

  const choice = { skip_probes: [] as string[], probe_settings: {} };

  it('are all but those that the settings skip', () => {
    expect(probesToRead(all, { ...choice, skip_probes: ['bad'] })).toEqual([good]);
  });

  it('cannot be told by a name that is none', () => {
    expect(() => probesToRead(all, { ...choice, skip_probes: ['bad', 'gpu'] })).toThrow(
      'Setting agent.skip_probes names "gpu", which is not a probe; known are good, bad',
    );
    expect(() => probesToRead(all, { ...choice, probe_settings: { gpu: {} } })).toThrow(
      'Setting probes names "gpu", which is not a probe; known are good, bad',
    );
  });

  it('get their own settings, with defaults; wrong ones are named with their path', async () => {
    const seen: unknown[] = [];
    const watcher: ProbeDeclaration = {
      ...good,
      settings: v.object({ units: v.optional(v.array(v.string('must be a name')), []) }),
      read: async ({ settings }) => {
        seen.push(settings);
        return [];
      },
    };
    const probes = new Map([['good', watcher]]);
    for (const probe_settings of [{}, { good: { units: ['ssh'] } }]) {
      const [bound] = probesToRead(probes, { ...choice, probe_settings });
      await bound?.read({ host: HOST, memory: undefined, settings: undefined });
    }
    expect(seen).toEqual([{ units: [] }, { units: ['ssh'] }]);
    const read = (given: unknown) => probesToRead(probes, { ...choice, probe_settings: { good: given } });
    expect(() => read({ units: [7] })).toThrow('Setting probes.good: field "units.0": must be a name');
    expect(() => probesToRead(all, { ...choice, probe_settings: { good: {} } })).toThrow('this probe has no settings');
  });
});

describe('the columns', () => {
  it('stay the same while the set of series does, and are sorted', async () => {
    const clock = createTestClock();
    const series = createSeriesTable(clock);
    const put = (metric: string) => series.put({ metric, value: 1 }, undefined, 1_000);
    put('b');
    put('a');
    const first = series.row().columns;
    clock.advance(5_000);
    put('a');
    expect(series.row()).toEqual({ columns: first, values: [1, null] });
    put('c');
    expect(series.row().columns).not.toBe(first);
    expect(series.lists().size).toBe(2);
    series.forget();
    expect(series.lists().size).toBe(1);
  });

  it('lose a series that was silent for an hour, and hold at most 2,000', () => {
    const clock = createTestClock();
    const series = createSeriesTable(clock);
    for (let n = 0; n < 2_001; n++) series.put({ metric: 'a', labels: { n: `${n}` }, value: n }, undefined, 1_000);
    expect(series.row().values).toHaveLength(2_000);
    expect(series.refused).toBe(1);
    clock.advance(3_600_001);
    series.put({ metric: 'a', labels: { n: '1' }, value: 1 }, undefined, 1_000);
    expect(series.row().values).toEqual([1]);
  });
});
