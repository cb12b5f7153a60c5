import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { AppError } from '@muster/shared/errors';
import { createRandom } from '../sim/random.js';
import { type RunningHub, startHub, until } from '../testing/processes.js';
import { cpuOf, median } from './facts.js';
import type { BenchFigures, BenchOptions } from './main.js';
import { runChild } from './store/child.js';
import { benchFolder, keptFolder } from './store/disk.js';
import type { Filled, FillTask } from './store/filler.js';
import { bear, type Credential, join, restart } from './store/first-puback.js';
import { grow } from './store/grow.js';
import { killRepeatedly } from './store/kill.js';
import { amount, readOptions } from './store/options.js';
import { deviceName, type FleetPlan } from './store/reports.js';

/** A hub that died: how soon it acknowledges again on a large file, and that nothing is missing after many deaths. */
export const title =
  'first PUBACK after a crash, and rows lost or doubled over kills (--gb --devices --minutes --opens --kills --seed --folder)';

const OPTIONS = {
  gb: amount('gb', 10, 1_000, 'Size of the file'),
  devices: amount('devices', 10_000, 100_000, 'Devices whose rows lie in the journal'),
  minutes: amount('minutes', 30, 600, 'Minutes of rows in the journal'),
  opens: amount('opens', 3, 100, 'Crashes and starts on the large file'),
  kills: amount('kills', 100, 10_000, 'SIGKILLs under load'),
  seed: amount('seed', 1, 2 ** 31, 'The same seed gives the same moments'),
};
type Options = { [K in keyof typeof OPTIONS]: number } & {
  /** Keeps the large file, and uses what an earlier run has left there; each start ages it a little. */
  folder: string | null;
};

const EVERY_MS = 10_000;
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
const GB = 1e9;

export const run = async ({ flags, print }: BenchOptions): Promise<BenchFigures> => {
  const { folder = null, ...rest } = flags;
  if (folder === true) throw new AppError('bad_request', '--folder needs the path of a folder to keep the large file in');
  const options = { ...readOptions(OPTIONS, rest), folder };
  const { lost, twice } = options.kills ? await killMany(options, print) : { lost: null, twice: null };
  const first_puback_ms = options.opens ? await openLarge(options, print) : null;
  return { first_puback_ms, lost, twice };
};

const killMany = async ({ kills, seed }: Options, print: BenchOptions['print']) => {
  const folder = benchFolder(2 * GB);
  try {
    const result = await killRepeatedly({
      ...{ file: folder.path('kill.db'), kills, devices: 20, start: Date.now() - 28 * DAY_MS },
      ...{ check_every: 10, within_ms: 1_500, random: createRandom(seed) },
    });
    const { acknowledged, lost, twice, wrong, faults, sealed_bytes, merged_bytes } = result;
    print(`${kills} × SIGKILL: ${acknowledged} rows acknowledged, ${lost} lost, ${twice} twice, ${wrong} wrong`);
    print(
      `  at the end ${(sealed_bytes / 1e6).toFixed(1)} MB of sealed and ${(merged_bytes / 1e6).toFixed(1)} MB of merged chunks`,
    );
    print(faults.length ? `  check found: ${faults.slice(0, 5).join('; ')}` : '  check found nothing');
    return { lost, twice };
  } finally {
    folder.remove();
  }
};

const openLarge = async (options: Options, print: BenchOptions['print']): Promise<number> => {
  const folder = options.folder === null ? benchFolder((options.gb + 3) * GB) : keptFolder(options.folder);
  const file = folder.path('hub/muster.db');
  try {
    const credential = await prepare(folder.path, options, print);
    const times: number[] = [];
    for (let open = 1; open <= options.opens; open++) {
      const cold = dropCache(file) ? ', cold' : '';
      const { hub, first_puback_ms, started_ms } = await restart(folder.path(''), credential);
      try {
        const cpu_s = cpuOf(hub.pid).total.toFixed(2);
        const up = `hub up after ${started_ms.toFixed(0)} ms, ${cpu_s} CPU s`;
        print(`start ${open}${cold}: first PUBACK after ${first_puback_ms.toFixed(0)} ms (${up})`);
        times.push(first_puback_ms);
        if (open === options.opens) await askRecent(hub, print);
      } finally {
        hub.signal('SIGKILL');
        await hub.ended;
      }
    }
    return median(times);
  } finally {
    folder.remove();
  }
};

const prepare = async (path: (name: string) => string, options: Options, print: BenchOptions['print']): Promise<Credential> => {
  const file = path('hub/muster.db');
  const note = path('first.json');
  if (existsSync(note)) return JSON.parse(readFileSync(note, 'utf8')) as Credential;
  const credential = await prepareHub(path(''), options, print);
  await makeLarge(file, options, print);
  await crashWithJournal(file, options, print);
  writeFileSync(note, JSON.stringify(credential), { mode: 0o600 });
  return credential;
};

const JOINS_AT_ONCE = 32;

/** Every device joins and is online when the hub dies, so that the start has a whole fleet to read and to expect. */
const prepareHub = async (data: string, { devices }: Options, print: BenchOptions['print']): Promise<Credential> => {
  const hub = await startHub(data, { MUSTER_STORE_COMMIT_MS: '0' });
  const names = Array.from({ length: devices }, (_, index) => deviceName(index));
  const credential = await join(hub, 'first');
  const clients: { kill(): void }[] = [];
  const work = async () => {
    for (let name = names.pop(); name !== undefined; name = names.pop()) clients.push(await bear(hub, await join(hub, name)));
  };
  await Promise.all(Array.from({ length: JOINS_AT_ONCE }, work));
  hub.signal('SIGKILL');
  await hub.ended;
  for (const client of clients) client.kill();
  print(`joined ${devices} devices`);
  return credential;
};

/** Devices whose sealed chunks are copied. */
const MODELS = 100;

const makeLarge = async (file: string, { gb, seed, devices }: Options, print: BenchOptions['print']): Promise<void> => {
  const hours = 13;
  const beats = (hours * HOUR_MS) / EVERY_MS;
  const from = Date.now() - DAY_MS - hours * HOUR_MS;
  const fleet = { every_ms: EVERY_MS, grain: 'rounded', irregular: false, seed } as const;
  const models: FleetPlan = { ...fleet, from, beats, devices: Math.min(MODELS, devices) };
  await fill({ file, plan: models });
  const { bytes, chunks } = grow(file, gb * GB);
  print(`file of ${(bytes / GB).toFixed(2)} GB with ${chunks} copied chunks`);
};

const crashWithJournal = async (file: string, options: Options, print: BenchOptions['print']): Promise<void> => {
  const { devices, minutes, seed } = options;
  const fleet = { every_ms: EVERY_MS, grain: 'rounded', irregular: false, seed: seed + 1 } as const;
  const beats = (minutes * MINUTE_MS) / EVERY_MS;
  const plan: FleetPlan = { ...fleet, devices, beats, from: Date.now() - minutes * MINUTE_MS };
  const { rows, cpu_s } = await fill({ file, plan, crash: true });
  const wal = existsSync(`${file}-wal`) ? statSync(`${file}-wal`).size : 0;
  print(`crashed after ${rows} rows of ${minutes} min (${cpu_s.toFixed(0)} CPU s); write-ahead log ${(wal / 1e6).toFixed(0)} MB`);
};

const fill = (task: FillTask): Promise<Filled> => runChild<Filled>('filler.js', task);

/** As after a power cut: none of the file is in memory. Needs GNU dd; false where that is not there. */
const dropCache = (file: string): boolean =>
  [file, `${file}-wal`]
    .filter((one) => existsSync(one))
    .every((one) => spawnSync('dd', [`if=${one}`, 'iflag=nocache', 'count=0'], { stdio: 'ignore' }).status === 0);

/** Queries of the last minutes wait for the heads, and the names of series for the newest values. */
const askRecent = async (hub: RunningHub, print: BenchOptions['print']): Promise<void> => {
  const started = performance.now();
  const from = Date.now() - 20 * MINUTE_MS;
  const path = `/devices/${deviceName(0)}/series/system.uptime?from=${from}&to=${Date.now()}&points=500`;
  const ask = () => hub.api.get<{ points: unknown[] }>(path).catch(() => null);
  const { points } = await until('a chart of the last minutes', ask);
  print(`  a chart of the last 20 min: ${(performance.now() - started).toFixed(0)} ms later, ${points.length} points`);
};
