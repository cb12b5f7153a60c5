import { createLatest } from '@muster/hub/ingest/latest';
import { createEngineClient, type EngineClient } from '@muster/hub/store/client';
import type { SeriesQuery, TopQuery } from '@muster/hub/store/store';
import { SERIES } from '../sim/machine.js';
import { createRandom, type Random } from '../sim/random.js';
import { percentile } from './facts.js';
import type { BenchFigures, BenchOptions } from './main.js';
import { runChild } from './store/child.js';
import { benchFolder } from './store/disk.js';
import { changesOf, groupsOf } from './store/feed.js';
import type { Filled, FillTask } from './store/filler.js';
import { amount, readOptions } from './store/options.js';
import { deviceName, reportsOf } from './store/reports.js';

/** The five questions a dashboard asks, hub side: from the call on the engine's client to its answer. */
export const title =
  'p50 and p99 of charts, latest and top 10 (--days --dense --long --devices --hours --latest --rounds --seed)';

const OPTIONS = {
  days: amount('days', 366, 3_660, 'Days of history of the devices that are charted'),
  dense: amount('dense', 62, 3_660, 'The newest of these days have a row every 10 s, the others every minute'),
  long: amount('long', 3, 1_000, 'Devices with that history'),
  devices: amount('devices', 1_000, 100_000, 'Devices of which the top 10 are asked'),
  hours: amount('hours', 7, 1_000, 'Hours that these devices have reported'),
  latest: amount('latest', 10_000, 100_000, 'Devices whose latest values are asked'),
  rounds: amount('rounds', 300, 100_000, 'Questions of each kind'),
  seed: amount('seed', 1, 2 ** 31, 'The same seed gives the same data'),
};
type Options = { [K in keyof typeof OPTIONS]: number };

const EVERY_MS = 10_000;
const MINUTE_MS = 60_000;
/** Charts of years read hourly values, which are as many whatever lies beneath; a sixth of the rows fills quicker. */
const SPARSE_MS = MINUTE_MS;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
const POINTS = 1_000;
/** Raw rows are kept for 30 days: a day's chart within them reads raw rows. */
const RAW_DAYS = 28;
/** First questions fill caches and warm the code; a hub has answered many before. */
const WARM_UP = 20;

export const run = async ({ flags, print }: BenchOptions): Promise<BenchFigures> => {
  const options = readOptions(OPTIONS, flags);
  const folder = benchFolder(4e9);
  const end = Math.floor(Date.now() / MINUTE_MS) * MINUTE_MS;
  try {
    const asking: Asking = { options, end, print, random: createRandom(options.seed) };
    const charts = await askCharts(asking, folder.path('long.db'));
    const latest_10k_p50_ms = await askLatest(asking);
    const top10_p50_ms = await askTop(asking, folder.path('fleet.db'));
    return { ...charts, latest_10k_p50_ms, top10_p50_ms };
  } finally {
    folder.remove();
  }
};

interface Asking {
  options: Options;
  end: number;
  print: BenchOptions['print'];
  random: Random;
}

const askCharts = async (asking: Asking, file: string) => {
  const { options, end } = asking;
  const dense_from = end - Math.min(options.days, options.dense) * DAY_MS;
  const from = end - options.days * DAY_MS;
  await fill(asking, file, { devices: options.long, from, to: dense_from, every_ms: SPARSE_MS, seed: options.seed + 1 });
  await fill(asking, file, { devices: options.long, from: dense_from, to: end, every_ms: EVERY_MS, seed: options.seed });
  return withClient(file, async (client) => {
    const chart = (label: string, span_ms: number) => {
      const next = createCharts(asking, span_ms);
      const ask = () => client.series(next());
      return measure(asking, { label, ask, describe: ({ tier, points }) => `${points.length} points of tier ${tier}` });
    };
    return {
      chart_24h_p50_ms: await chart('24-h chart', DAY_MS),
      chart_30d_p50_ms: await chart('30-day chart', 30 * DAY_MS),
      chart_1y_p50_ms: await chart('1-year chart', 365 * DAY_MS),
    };
  });
};

/** Every device has them; an answer without points would be quick. */
const CHARTED = SERIES.filter(([series]) => !series.includes('gpu')).map(([series, { kind }]) => ({ series, kind }));

/** One series after the other, each from another day on: what was decoded for an answer is not asked again soon. */
const createCharts = ({ end, random, options }: Asking, span_ms: number): (() => SeriesQuery) => {
  let asked = 0;
  const slack_ms = Math.max(HOUR_MS, Math.min(RAW_DAYS, options.days) * DAY_MS - span_ms);
  return () => {
    const chart = CHARTED[asked % CHARTED.length] ?? { series: 'system.uptime', kind: 'gauge' };
    const device = deviceName(Math.floor(asked / CHARTED.length) % options.long);
    asked += 1;
    const to = end - Math.floor(random.next() * slack_ms);
    return { device, ...chart, from: to - span_ms, to, points: POINTS };
  };
};

/** Of the last hour while rows go on coming, as a dashboard asks; then of hours that nobody asked for before. */
const askTop = async (asking: Asking, file: string): Promise<number> => {
  const { devices, hours, seed, rounds } = asking.options;
  const fleet = { devices, every_ms: EVERY_MS };
  await fill(asking, file, { ...fleet, from: asking.end - hours * HOUR_MS, to: asking.end, seed }, 1);
  return withClient(file, async (client) => {
    const plan = { ...fleet, seed: seed + 1, from: asking.end, beats: rounds + WARM_UP };
    const groups = groupsOf(reportsOf({ ...plan, grain: 'rounded', irregular: false }));
    let now = asking.end;
    const p50 = await measure(asking, {
      label: `top 10 of ${devices} devices, last hour`,
      async before() {
        now += EVERY_MS;
        for (let stored = 0; stored < devices; ) {
          const group = groups.next().value ?? [];
          await client.commit(changesOf(group));
          stored += Math.max(1, group.length);
        }
        await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
      },
      ask: () => client.top(topOf(asking, now)),
      describe: found,
    });
    const older = () => asking.end - Math.floor((asking.random.next() * (hours - 1) * HOUR_MS) / MINUTE_MS) * MINUTE_MS;
    const ask = () => client.top(topOf(asking, older()));
    await measure(asking, { label: `top 10 of ${devices} devices, earlier hours`, ask, describe: found });
    return p50;
  });
};

/** Rows of 10 s come at once here; what they set off is long done when a hub is asked. */
const SETTLE_MS = 50;

const found = (answer: readonly unknown[]): string => `${answer.length} found`;

const COUNTERS = ['system.network.io', 'system.disk.io', 'system.disk.io_time'];
const topOf = ({ random }: Asking, to: number): TopQuery => {
  return { metric: random.pick(COUNTERS), from: to - HOUR_MS, to, n: 10, by: 'increase' };
};

/**
 * From memory: one metric over the whole fleet, asked once a second as a dashboard does. A device reports every 10 s, so a tenth of
 * the fleet has newer values each time. Every minute it is another metric: with the first question about it all is looked up.
 */
const askLatest = async (asking: Asking): Promise<number> => {
  const { latest: devices, seed, rounds } = asking.options;
  let now = asking.end - EVERY_MS;
  const keeper = createLatest(() => now);
  const seconds = 2 * (rounds + WARM_UP);
  const plan = { devices, seed, from: now, beats: 1 + Math.ceil(seconds / BEAT_S), every_ms: EVERY_MS } as const;
  const reports = reportsOf({ ...plan, grain: 'rounded', irregular: false });
  const put = async (count: number) => {
    for (let left = count; left > 0; left--) {
      const next = reports.next();
      if (next.done) return;
      const { device, columns, ...row } = next.value;
      now = Math.max(now, row.ts);
      keeper.admit(device, columns);
      keeper.put(device, columns, [row]);
    }
  };
  await put(devices);
  const metrics = [...new Set(SERIES.map(([series]) => series.split('{')[0] ?? series))];
  let asked = 0;
  const before = () => put(Math.ceil(devices / BEAT_S));
  const again = async () => keeper.across(metrics[Math.floor(asked++ / MINUTE_S) % metrics.length] ?? '');
  const label = `latest of ${devices} devices`;
  const p50 = await measure(asking, { label: `${label}, each second`, before, ask: again, describe: found });
  const first = async () => keeper.across(metrics[asked++ % metrics.length] ?? '');
  await measure(asking, { label: `${label}, another metric each second`, before, ask: first, describe: found });
  return p50;
};

const BEAT_S = EVERY_MS / 1_000;
const MINUTE_S = 60;

interface History {
  devices: number;
  from: number;
  to: number;
  every_ms: number;
  seed: number;
}

const fill = async ({ print }: Asking, file: string, { to, ...history }: History, rows_per_change = 500): Promise<void> => {
  const beats = Math.floor((to - history.from) / history.every_ms);
  if (beats <= 0) return;
  const task: FillTask = { file, plan: { ...history, beats, grain: 'rounded', irregular: false }, rows_per_change };
  const started = performance.now();
  const filled = await runChild<Filled>('filler.js', task);
  const seconds = ((performance.now() - started) / 1_000).toFixed(0);
  print(`filled ${history.devices} devices, ${(filled.samples / 1e6).toFixed(1)} M samples in ${seconds} s`);
};

const withClient = async <T>(file: string, use: (client: EngineClient) => Promise<T>): Promise<T> => {
  const client = createEngineClient({ file });
  await client.open();
  try {
    return await use(client);
  } finally {
    await client.close();
  }
};

interface Question<T> {
  label: string;
  /** What happens before each question; not timed. */
  before?: () => Promise<void>;
  ask: () => Promise<T>;
  /** What was found is shown, since an empty answer is quick. */
  describe: (answer: T) => string;
}

/** The p50 in ms. */
const measure = async <T>({ options, print }: Asking, { label, before, ask, describe }: Question<T>): Promise<number> => {
  const times: number[] = [];
  let last = '';
  for (let round = -WARM_UP; round < options.rounds; round++) {
    await before?.();
    const started = performance.now();
    const answer = await ask();
    if (round >= 0) times.push(performance.now() - started);
    last = describe(answer);
  }
  const [p50, p99] = [percentile(times, 0.5), percentile(times, 0.99)];
  print(`${label}: p50 ${p50.toFixed(2)} ms, p99 ${p99.toFixed(2)} ms (${last})`);
  return p50;
};
