/** From the publish of a sample that crosses a level to the alert on a WebSocket, and what judging a fleet takes. */
import type { RuleSetting } from '@muster/hub/parts';
import { loadSettings, setting, wholeNumber, word } from '@muster/shared/settings';
import * as v from 'valibot';
import { makeFolder, type RunningHub, startHub } from '../testing/processes.js';
import { measureCost } from './alerts-cost.js';
import { connectProbes, LEVEL_RULE, type Probes } from './alerts-probes.js';
import { mixedRules, RULES } from './alerts-rules.js';
import { cpuBetween, cpuOf, median, percentile } from './facts.js';
import { type Load, startLoad } from './load-process.js';
import type { BenchFigures, BenchOptions } from './main.js';
import { provision } from './provision.js';

export const title = 'sample to alert on a WebSocket at 1,000 reports/s; what judging 10,000 devices by 20 rules takes';

const OPTIONS = {
  devices: setting({ name: 'devices', help: 'Devices', schema: wholeNumber(10, 15_000), default: 10_000 }),
  interval: setting({
    name: 'interval',
    help: 'Milliseconds between reports of a device',
    schema: wholeNumber(250, 600_000),
    default: 10_000,
  }),
  crossings: setting({ name: 'crossings', help: 'Samples that cross the level', schema: wholeNumber(20, 5_000), default: 400 }),
  seconds: setting({
    name: 'seconds',
    help: 'Length of a round of the processor; what is looked at once a minute comes in bursts',
    schema: wholeNumber(1, 600),
    default: 60,
  }),
  rounds: setting({ name: 'rounds', help: 'Rounds with and without rules', schema: wholeNumber(0, 100), default: 1 }),
  only: setting({ name: 'only', help: 'One part: hub or values', schema: word(['all', 'hub', 'values']), default: 'all' }),
  profile: setting({
    name: 'profile',
    help: 'Folder for CPU profiles of the hub',
    schema: v.nullable(v.pipe(v.string(), v.minLength(1))),
    default: null,
  }),
};
type Values = ReturnType<typeof loadSettings<typeof OPTIONS>>['values'];

const KEEPALIVE_S = 5;
const CONNECTS_PER_S = 1_000;
const WARM_UP_MS = 5_000;
/** New settings judge the whole fleet once. */
const SETTLE_MS = 5_000;
const PROBES = 20;

export const run = async ({ flags, print }: BenchOptions): Promise<BenchFigures> => {
  const { values } = loadSettings(OPTIONS, { flags, env: {}, file: null });
  const by_hub = values.only === 'values' ? null : await measureHub(values, print);
  const { devices, interval: interval_ms } = values;
  const by_values = values.only === 'hub' ? 0 : await measureCost({ devices, interval_ms, rounds: 10 }, print);
  // The greater of both: a difference of two shares of a busy hub is no better than half a percent.
  const percent = Math.max(by_values, by_hub?.cpu_percent ?? 0);
  return { sample_to_ws_p99_ms: by_hub?.p99_ms ?? null, cpu_percent: Math.round(percent * 100) / 100 };
};

const measureHub = async (values: Values, print: BenchOptions['print']): Promise<{ p99_ms: number; cpu_percent: number }> => {
  const folder = makeFolder();
  const hub = await startHub(folder.path, {}, [], values.profile ? ['--cpu-prof', `--cpu-prof-dir=${values.profile}`] : []);
  const load = startLoad();
  let probes: Probes | null = null;
  try {
    const port = Number(new URL(hub.addresses.mqtt).port);
    const fleet = await provision(hub.api, values.devices);
    const to = { host: '127.0.0.1', port, keepalive_s: KEEPALIVE_S, interval_ms: values.interval };
    await load.connect({ ...to, devices: fleet, connects_per_s: CONNECTS_PER_S });
    await load.pace(values.interval);
    probes = await connectProbes(hub, await provision(hub.api, PROBES, 'probe'), values.crossings);
    await sleep(WARM_UP_MS);
    const { items: defaults } = await hub.api.get<{ items: RuleSetting[] }>('/rules');
    const p99 = await measureTimes({ hub, load, probes, print }, defaults);
    const cpu_percent = values.rounds > 0 ? await measureShare({ hub, load, print }, { values, rules: mixedRules(defaults) }) : 0;
    return { p99_ms: Math.round(p99 * 10) / 10, cpu_percent };
  } finally {
    probes?.end();
    load.stop();
    await hub.stop();
    folder.remove();
  }
};

interface Measuring {
  hub: RunningHub;
  load: Load;
  print: BenchOptions['print'];
}

const measureTimes = async ({ hub, load, probes, print }: Measuring & { probes: Probes }, defaults: readonly RuleSetting[]) => {
  await hub.api.put('/rules', { items: [...defaults, LEVEL_RULE] });
  await sleep(SETTLE_MS);
  const [before, started] = [await load.figures(), performance.now()];
  const { firing, resolved } = await probes.cross();
  const after = await load.figures();
  const rate = (1_000 * (after.messages - before.messages)) / (performance.now() - started);
  print(
    `  ${Math.round(rate)} reports/s, ${defaults.length} default rules and a level; PUBACK p99 ${after.puback_p99_ms.toFixed(1)} ms, ${after.lost} connections lost`,
  );
  for (const [what, times] of [['starts', firing] as const, ['ends', resolved] as const]) {
    const at = (share: number) => percentile(times, share).toFixed(1);
    const max = Math.max(...times).toFixed(1);
    print(`  sample → alert ${what} on the WebSocket: p50 ${at(0.5)} p99 ${at(0.99)} max ${max} ms (${times.length} of them)`);
  }
  return percentile(firing, 0.99);
};

/** The hub's processor without and with rules, in turns. */
const measureShare = async ({ hub, load, print }: Measuring, { values, rules }: { values: Values; rules: RuleSetting[] }) => {
  const shares: Record<'without' | 'with', number[]> = { without: [], with: [] };
  for (let round = 0; round < values.rounds; round++) {
    for (const kind of round % 2 ? (['with', 'without'] as const) : (['without', 'with'] as const)) {
      await hub.api.put('/rules', { items: kind === 'with' ? rules : [] });
      await sleep(SETTLE_MS);
      const [before, started] = [cpuOf(hub.pid), performance.now()];
      await sleep(values.seconds * 1_000);
      const used = cpuBetween(before, cpuOf(hub.pid));
      shares[kind].push((100_000 * used.total) / (performance.now() - started));
    }
  }
  const text = (list: readonly number[]) => `${median(list).toFixed(1)} % (${list.map((one) => one.toFixed(1)).join(', ')})`;
  const difference = median(shares.with) - median(shares.without);
  const { skipped, lost } = await load.figures();
  print(
    `  hub without rules ${text(shares.without)}, with ${RULES} ${text(shares.with)} of a core: ${difference.toFixed(1)} % by difference; ` +
      `${skipped} reports late, ${lost} connections lost`,
  );
  return difference;
};

const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
