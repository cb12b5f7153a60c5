/** Durable ingest over real MQTT connections: samples acknowledged per CPU second of all threads of the hub. */
import { loadSettings, setting, wholeNumber, word } from '@muster/shared/settings';
import * as v from 'valibot';
import { makeFolder, type RunningHub, startHub } from '../testing/processes.js';
import { cpuBetween, cpuOf, median, threadsOf } from './facts.js';
import type { Mode } from './load-client.js';
import { type Load, startLoad } from './load-process.js';
import type { BenchFigures, BenchOptions } from './main.js';
import { provision } from './provision.js';
import { startSink } from './sink.js';

export const title = 'durable samples per core second: one 30-metric row per PUBLISH, QoS 1, synchronous=FULL';

const PARTS = ['live', 'window', 'backfill', 'ceiling'];
const OPTIONS = {
  connections: setting({ name: 'connections', help: 'Connections', schema: wholeNumber(1, 15_000), default: 1_000 }),
  seconds: setting({ name: 'seconds', help: 'Length of one round', schema: wholeNumber(1, 600), default: 10 }),
  rounds: setting({ name: 'rounds', help: 'Rounds, of which the median holds', schema: wholeNumber(1, 20), default: 3 }),
  only: setting({
    name: 'only',
    help: 'One part: live, window, backfill or ceiling',
    schema: word(['all', ...PARTS]),
    default: 'all',
  }),
  profile: setting({
    name: 'profile',
    help: 'Folder for CPU profiles of the hub',
    schema: v.nullable(v.pipe(v.string(), v.minLength(1))),
    default: null,
  }),
};
type Values = ReturnType<typeof loadSettings<typeof OPTIONS>>['values'];

const METRICS = 30;
const KEEPALIVE_S = 5;
const WARM_UP_MS = 4_000;
const DAY_MS = 86_400_000;
const BACKFILL_ROWS = 100;

const MODES: Record<string, Mode> = {
  live: { window: 2, rows: 1, ago_ms: 0, step_ms: 0 },
  window: { window: 8, rows: 1, ago_ms: 0, step_ms: 0 },
  backfill: { window: 2, rows: BACKFILL_ROWS, ago_ms: 6 * DAY_MS, step_ms: 10_000 },
};

export const run = async ({ flags, print }: BenchOptions): Promise<BenchFigures> => {
  const { values } = loadSettings(OPTIONS, { flags, env: {}, file: null });
  const wanted = (part: string) => values.only === 'all' || values.only === part;
  const figures: BenchFigures = {};
  if (wanted('ceiling')) figures['generator_messages_per_s'] = await measureCeiling(values, print);
  for (const [part, mode] of Object.entries(MODES)) {
    if (!wanted(part)) continue;
    const rate = await measureHub(values, { part, mode, print });
    figures[part === 'live' ? 'samples_per_core_s' : `${part}_samples_per_core_s`] = Math.round(rate);
  }
  return figures;
};

const connect = async (load: Load, to: { port: number; devices: { id: string; key: string }[] }) =>
  load.connect({ host: '127.0.0.1', keepalive_s: KEEPALIVE_S, interval_ms: 1_000, connects_per_s: 2_000, ...to });

/** The same load on a sink that only acknowledges. */
const measureCeiling = async (values: Values, print: BenchOptions['print']): Promise<number> => {
  const sink = await startSink();
  const load = startLoad();
  try {
    const devices = Array.from({ length: values.connections }, (_, index) => ({ id: `sink-${index}`, key: 'none' }));
    await connect(load, { port: sink.port, devices });
    await load.run(MODES['live'] ?? { window: 2, rows: 1, ago_ms: 0, step_ms: 0 });
    await sleep(1_000);
    const before = await load.figures();
    const cpu = cpuOf(sink.pid);
    await sleep(values.seconds * 1_000);
    const after = await load.figures();
    const messages = after.messages - before.messages;
    const per_message = (1e6 * (after.cpu_s - before.cpu_s)) / messages;
    const sink_cost = (1e6 * cpuBetween(cpu, cpuOf(sink.pid)).total) / messages;
    print(
      `  ceiling of the generator on a sink: ${Math.round(messages / values.seconds)} messages/s, ${per_message.toFixed(1)} µs each; the sink itself ${sink_cost.toFixed(1)} µs`,
    );
    return Math.round(messages / values.seconds);
  } finally {
    load.stop();
    sink.stop();
  }
};

interface Part {
  part: string;
  mode: Mode;
  print: BenchOptions['print'];
}

/** A hub of its own for each part: nothing of one part slows the next. */
const measureHub = async (values: Values, { part, mode, print }: Part): Promise<number> => {
  const folder = makeFolder();
  const profile = values.profile ? ['--cpu-prof', `--cpu-prof-dir=${values.profile}`] : [];
  const hub = await startHub(folder.path, {}, [], profile);
  const load = startLoad();
  try {
    const started = performance.now();
    const devices = await provision(hub.api, values.connections);
    const joined = performance.now();
    await connect(load, { port: Number(new URL(hub.addresses.mqtt).port), devices });
    const seconds = (from: number, to: number) => ((to - from) / 1_000).toFixed(1);
    print(
      `  ${part}: ${devices.length} joined in ${seconds(started, joined)} s, connected and born in ${seconds(joined, performance.now())} s`,
    );
    await load.run(mode);
    await sleep(WARM_UP_MS);
    const rates: number[] = [];
    for (let round = 0; round < values.rounds; round++) rates.push(await measureRound(hub, load, { values, part, print }));
    return median(rates);
  } finally {
    load.stop();
    await hub.stop();
    folder.remove();
  }
};

const measureRound = async (hub: RunningHub, load: Load, { values, part, print }: { values: Values } & Omit<Part, 'mode'>) => {
  const before = { load: await load.figures(), cpu: cpuOf(hub.pid), threads: threadsOf(hub.pid), at: performance.now() };
  await sleep(values.seconds * 1_000);
  const after = await load.figures();
  const cpu = cpuBetween(before.cpu, cpuOf(hub.pid));
  const messages = after.messages - before.load.messages;
  const rows = after.rows - before.load.rows;
  const each = (seconds: number) => ((1e6 * seconds) / messages).toFixed(1);
  const others = [...threadsOf(hub.pid)]
    .filter(([thread]) => thread !== String(hub.pid))
    .map(([thread, total]) => total - (before.threads.get(thread) ?? 0))
    .sort((a, b) => b - a);
  const seconds = (performance.now() - before.at) / 1_000;
  const rate = (rows * METRICS) / cpu.total;
  print(
    `  ${part}: ${Math.round(messages / seconds)} messages/s, ${each(cpu.total)} µs each (main thread ${each(cpu.main)}, next ${each(others[0] ?? 0)}, ` +
      `other ${each(cpu.total - cpu.main - (others[0] ?? 0))}; kernel ${each(cpu.system)}), PUBACK p50 ${after.puback_p50_ms.toFixed(0)} p99 ${after.puback_p99_ms.toFixed(0)} ms, ` +
      `${after.lost} connections lost: ${Math.round(rate)} samples per core second`,
  );
  return rate;
};

const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
