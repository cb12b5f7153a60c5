import { counter, gauge, type Sample } from '../../metrics.js';
import type { NetworkHost } from '../../network.js';
import { type RenderLog, readRenderLog } from './render-log.js';

/**
 * The rendering client on Windows by its process, registry values and log, through programs that every Windows has; no PowerShell.
 * The values stand in the hive of a user: the agent must run as the one who runs the client.
 */
export const renderingMetrics = {
  client_up: gauge('1', 'Whether the rendering client runs'),
  rendering: gauge('1', 'Whether a frame is being rendered'),
  foreign_gpu_processes: gauge('1', 'Other programs on the GPU, which keep the client from taking jobs'),
  score: gauge('1', 'OctaneBench score'),
  jobs_completed: counter('1', 'Jobs completed'),
  previews_sent: counter('1', 'Previews sent'),
  thumbnails_sent: counter('1', 'Thumbnails sent'),
  wallet_matches: gauge('1', 'Whether the client is paid to a wallet of these settings'),
  usable_gpus: gauge('1', 'GPUs that the client can use'),
  frames_ok: counter('1', 'Frames rendered'),
  frames_failed: counter('1', 'Frames that failed'),
  frames_canceled: counter('1', 'Frames that were canceled'),
  render_time: counter('s', 'Time spent on frames that were rendered', { resolution: 0.01 }),
  failing_streak: gauge('1', 'Frames failed in a row'),
  log_error: gauge('1', 'Whether the log ends in an error'),
  log_age: gauge('s', 'Time since the last line of the log', { resolution: 1 }),
  wedged: gauge('1', 'Whether a frame renders without a word in the log for too long'),
};

export interface RenderNode {
  samples: Sample[];
  /** NODEID of the registry. */
  node: string | null;
}

export interface RenderNeeds {
  host: NetworkHost;
  /** Where the log lies; null: where Windows says. */
  folder: string | null;
  wallets: readonly string[];
  now: number;
  /** Say "down" also on a Windows machine where nothing of the client is found. */
  is_expected: boolean;
}

/** What is there to see; nothing on a machine without the client. */
export const readRendering = async (needs: RenderNeeds): Promise<RenderNode> => {
  const { host, is_expected } = needs;
  const tasks = await host.run('tasklist.exe', ['/FO', 'CSV', '/NH']);
  const values = await registry(host, 'HKCU\\SOFTWARE\\OTOY');
  const log = await readLog(needs);
  if (!log && values.size === 0 && !(tasks && is_expected)) return { samples: [], node: null };
  const gpu = await gpuPrograms(host);
  const idle = values.get('RNDR_IDLE');
  const rendering = idle === undefined ? gpu?.some(isWorker) : idle === '0';
  const samples = [
    ...sample('client_up', tasks && isRunning(tasks.text)),
    ...sample('rendering', rendering),
    ...sample('foreign_gpu_processes', gpu?.filter((path) => !isWorker(path) && !/rndrclient\.exe$/i.test(path)).length),
    ...registrySamples(values, needs.wallets),
    ...(log ? logSamples(log) : []),
    ...(log ? ageSamples({ log, rendering: rendering === true, bias: await timeBias(host), now: needs.now }) : []),
  ];
  return { samples, node: values.get('NODEID') ?? null };
};

const sample = (metric: string, value: number | boolean | null | undefined): Sample[] =>
  value === null || value === undefined || Number.isNaN(value) ? [] : [{ metric, value: Number(value) }];

const isRunning = (tasks: string): boolean => /^"rndrclient\.exe"/im.test(tasks);

/** Windows has a tcpsvcs.exe of its own in System32. */
const isWorker = (path: string): boolean => /tcpsvcs\.exe$/i.test(path) && !/\\system32\\/i.test(path);

const gpuPrograms = async (host: NetworkHost): Promise<string[] | null> => {
  const said = await host.run('nvidia-smi.exe', ['--query-compute-apps=process_name', '--format=csv,noheader']);
  if (said?.code !== 0) return null;
  const names = said.text.split(/\r?\n/).map((line) => line.trim());
  // `[N/A]`, `[Insufficient Permissions]`: a program that is not named is not judged.
  return names.filter((line) => line !== '' && !line.startsWith('['));
};

const VALUE = /^ {4}(\S+) {4}REG_(\w+) {4}(.*)$/;

/** `    SCORE    REG_DWORD    0x1f4`; numbers become decimal texts. */
const registry = async (host: NetworkHost, key: string): Promise<Map<string, string>> => {
  const said = await host.run('reg.exe', ['query', key]);
  const lines = said?.code === 0 ? said.text.split(/\r?\n/) : [];
  const found = lines.flatMap((line): [string, string][] => {
    const [, name, type, text = ''] = VALUE.exec(line) ?? [];
    if (name === undefined) return [];
    return [[name.toUpperCase(), /WORD$/.test(type ?? '') ? BigInt(text.trim()).toString() : text.trim()]];
  });
  return new Map(found);
};

const COUNTED = {
  SCORE: 'score',
  JOBS_COMPLETED: 'jobs_completed',
  PREVIEWS_SENT: 'previews_sent',
  THUMBNAILS_SENT: 'thumbnails_sent',
};

const registrySamples = (values: ReadonlyMap<string, string>, wallets: readonly string[]): Sample[] => {
  const wallet = values.get('WALLETID');
  const counted = Object.entries(COUNTED).flatMap(([name, metric]) => {
    const text = values.get(name);
    return text ? sample(metric, Number(text)) : [];
  });
  return [...counted, ...sample('wallet_matches', wallet && wallets.length > 0 ? wallets.includes(wallet) : null)];
};

/** What is looked for; a log of months does not fit a small file. */
const WORDS = [
  'usable gpus detected',
  'starting a new render job',
  'job completed successfully',
  'job failed',
  'job was canceled',
  'ERROR',
];
/** A file that fills the buffer of a host was cut: its newest lines are missing. */
const CUT_CHARS = 250_000;

const readLog = async ({ host, folder }: RenderNeeds): Promise<RenderLog | null> => {
  const home = folder ?? (await localFolder(host));
  if (home === null) return null;
  const path = `${home}${home.includes('\\') ? '\\' : '/'}rndr_log.txt`;
  const lines = await host.run('findstr.exe', [...WORDS.map((words) => `/C:${words}`), path]);
  const text = lines && lines.code === 0 ? lines.text : host.read(path);
  return text === null || (lines === null && text.length >= CUT_CHARS) ? null : readRenderLog(text);
};

const localFolder = async (host: NetworkHost): Promise<string | null> => {
  const local = (await registry(host, 'HKCU\\Volatile Environment')).get('LOCALAPPDATA');
  return local ? `${local}\\OtoyRndrNetwork` : null;
};

const logSamples = (log: RenderLog): Sample[] => [
  ...sample('usable_gpus', log.usable_gpus),
  ...sample('frames_ok', log.frames_ok),
  ...sample('frames_failed', log.frames_failed),
  ...sample('frames_canceled', log.frames_canceled),
  ...sample('render_time', log.render_seconds),
  ...sample('failing_streak', log.failing_streak),
  ...sample('log_error', log.ends_in_error),
];

const ZONE = 'HKLM\\SYSTEM\\CurrentControlSet\\Control\\TimeZoneInformation';

/** Milliseconds from local time to UTC, summer time included. */
const timeBias = async (host: NetworkHost): Promise<number | null> => {
  const text = (await registry(host, ZONE)).get('ACTIVETIMEBIAS');
  // A signed number of minutes in an unsigned word.
  return text === undefined ? null : (Number(text) | 0) * 60_000;
};

const SILENCE_S = 600;

const ageSamples = (call: { log: RenderLog; rendering: boolean; bias: number | null; now: number }): Sample[] => {
  const { log, rendering, bias, now } = call;
  if (bias === null || log.last_local === null) return [];
  const age = Math.max(0, (now - log.last_local - bias) / 1_000);
  const longest = Math.max(SILENCE_S, 2 * (log.median_seconds ?? 0));
  return [...sample('log_age', age), ...sample('wedged', rendering && age > longest)];
};
