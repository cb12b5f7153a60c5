/** A whole fleet at its usual pace: what a hub with 10,000 devices takes, and how long a PUBACK waits. */
import { loadSettings, setting, wholeNumber } from '@muster/shared/settings';
import * as v from 'valibot';
import { ADMIN_TOKEN, makeFolder, type RunningHub, startHub } from '../testing/processes.js';
import { cpuBetween, cpuOf, median, percentile, rssMib } from './facts.js';
import type { LoadFigures } from './load.js';
import { type Load, startLoad } from './load-process.js';
import type { BenchFigures, BenchOptions } from './main.js';
import { provision } from './provision.js';

export const title = 'processor, memory, PUBACK times and stalls of a hub with 10,000 devices that report every 10 s';

const OPTIONS = {
  devices: setting({ name: 'devices', help: 'Connections', schema: wholeNumber(1, 15_000), default: 10_000 }),
  minutes: setting({ name: 'minutes', help: 'Length', schema: wholeNumber(1, 1_440), default: 10 }),
  interval: setting({
    name: 'interval',
    help: 'Milliseconds between reports of a device',
    schema: wholeNumber(250, 600_000),
    default: 10_000,
  }),
  profile: setting({
    name: 'profile',
    help: 'Folder for CPU profiles of the hub',
    schema: v.nullable(v.pipe(v.string(), v.minLength(1))),
    default: null,
  }),
};

const KEEPALIVE_S = 5;
const CONNECTS_PER_S = 1_000;
const SETTLE_MS = 15_000;
const LOOK_MS = 10_000;

interface Look extends Pick<LoadFigures, 'messages' | 'puback_p50_ms' | 'puback_p99_ms' | 'puback_max_ms' | 'lost' | 'skipped'> {
  cpu_percent: number;
  main_percent: number;
  rss_mib: number;
  stall_ms: number;
}

export const run = async ({ flags, print }: BenchOptions): Promise<BenchFigures> => {
  const { values } = loadSettings(OPTIONS, { flags, env: {}, file: null });
  const folder = makeFolder();
  const profile = values.profile ? ['--cpu-prof', `--cpu-prof-dir=${values.profile}`] : [];
  const hub = await startHub(folder.path, {}, [], profile);
  const load = startLoad();
  try {
    print(`  empty hub: ${rssMib(hub.pid).toFixed(0)} MiB`);
    await bringUp(hub, load, { devices: values.devices, interval_ms: values.interval, print });
    await load.pace(values.interval);
    await sleep(SETTLE_MS);
    await Promise.all([load.figures(), stallMs(hub)]);
    const looks: Look[] = [];
    for (let left = values.minutes * 60_000; left > 0; left -= LOOK_MS) {
      looks.push(await look(hub, load));
      const one = looks.at(-1);
      if (one && looks.length % 6 === 0) print(`  ${looks.length / 6} min: ${lineOf(one)}`);
    }
    return figuresOf(looks, print);
  } finally {
    load.stop();
    await hub.stop();
    folder.remove();
  }
};

const bringUp = async (
  hub: RunningHub,
  load: Load,
  { devices, interval_ms, print }: { devices: number; interval_ms: number; print: BenchOptions['print'] },
) => {
  const [started, cpu] = [performance.now(), cpuOf(hub.pid)];
  const joined = await provision(hub.api, devices);
  const [half, half_cpu] = [performance.now(), cpuOf(hub.pid)];
  const port = Number(new URL(hub.addresses.mqtt).port);
  await load.connect({
    host: '127.0.0.1',
    port,
    keepalive_s: KEEPALIVE_S,
    interval_ms,
    devices: joined,
    connects_per_s: CONNECTS_PER_S,
  });
  const seconds = (ms: number) => (ms / 1_000).toFixed(1);
  const each = (used: number) => ((used * 1_000) / devices).toFixed(2);
  print(
    `  ${devices} joined in ${seconds(half - started)} s (${each(cpuBetween(cpu, half_cpu).total)} ms of processor each), connected and born in ` +
      `${seconds(performance.now() - half)} s (${each(cpuBetween(half_cpu, cpuOf(hub.pid)).total)} ms each): ${rssMib(hub.pid).toFixed(0)} MiB`,
  );
};

const look = async (hub: RunningHub, load: Load): Promise<Look> => {
  const before = { cpu: cpuOf(hub.pid), at: performance.now() };
  await sleep(LOOK_MS);
  const used = cpuBetween(before.cpu, cpuOf(hub.pid));
  const seconds = (performance.now() - before.at) / 1_000;
  const { messages, lost, skipped, puback_p50_ms, puback_p99_ms, puback_max_ms } = await load.figures();
  const shares = { cpu_percent: (100 * used.total) / seconds, main_percent: (100 * used.main) / seconds };
  return {
    messages,
    lost,
    skipped,
    puback_p50_ms,
    puback_p99_ms,
    puback_max_ms,
    ...shares,
    rss_mib: rssMib(hub.pid),
    stall_ms: await stallMs(hub),
  };
};

/** Longest stall of the hub's loop since the last ask; the head of the Prometheus text is enough. */
const stallMs = async (hub: RunningHub): Promise<number> => {
  const reply = await fetch(`${hub.addresses.http}/metrics`, { headers: { authorization: `Bearer ${ADMIN_TOKEN}` } });
  let text = '';
  for await (const piece of reply.body ?? []) {
    text += Buffer.from(piece).toString();
    const found = /^muster_loop_stall_seconds (\S+)$/m.exec(text);
    if (found) return Number(found[1]) * 1_000;
  }
  return Number.NaN;
};

const lineOf = (one: Look): string =>
  `${one.cpu_percent.toFixed(1)} % of a core (main thread ${one.main_percent.toFixed(1)} %), ${one.rss_mib.toFixed(0)} MiB, PUBACK p50 ${one.puback_p50_ms.toFixed(1)} ` +
  `p99 ${one.puback_p99_ms.toFixed(1)} max ${one.puback_max_ms.toFixed(0)} ms, stall ${one.stall_ms.toFixed(0)} ms, ${one.lost} lost, ${one.skipped} skipped`;

const figuresOf = (looks: readonly Look[], print: BenchOptions['print']): BenchFigures => {
  const of = (key: keyof Look) => looks.map((one) => one[key]);
  const tenth = (value: number) => Math.round(value * 10) / 10;
  const last = looks.at(-1);
  print(
    `  ${last?.lost ?? 0} connections lost, ${last?.skipped ?? 0} reports late; PUBACK p99 of the worst 10 s ${Math.max(...of('puback_p99_ms'))} ms`,
  );
  return {
    cpu_percent: tenth(of('cpu_percent').reduce((sum, one) => sum + one, 0) / looks.length),
    rss_mib: Math.round(Math.max(...of('rss_mib'))),
    puback_p50_ms: tenth(median(of('puback_p50_ms'))),
    puback_p99_ms: tenth(percentile(of('puback_p99_ms'), 0.5)),
    max_stall_ms: Math.round(Math.max(...of('stall_ms'))),
  };
};

const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
