import { parseSeriesKey } from '@muster/shared/metrics';
import type { LiveDevice, PresenceState } from '@muster/shared/wire/live';

/** The fleet list's arithmetic: main values, worst first, filters, merging of deltas. Pure. */

/** What a line is about: its presence, or that it is up with an alert open. */
export type Standing = PresenceState | 'firing' | 'pending';

export const STANDINGS: readonly Standing[] = [
  'lost',
  'firing',
  'quiet',
  'unknown',
  'reconnecting',
  'pending',
  'stopped',
  'never_seen',
  'online',
];
export const STANDING_WORDS: Record<Standing, string> = {
  lost: 'Lost',
  firing: 'Alert',
  quiet: 'Quiet',
  unknown: 'Unknown',
  reconnecting: 'Reconnecting',
  pending: 'Pending',
  stopped: 'Stopped',
  never_seen: 'Never seen',
  online: 'Online',
};
const RANKS = new Map(STANDINGS.map((standing, rank) => [standing, rank]));

export const standingOf = (device: LiveDevice): Standing => {
  if (device.state !== 'online') return device.state;
  if (device.alerts.firing > 0) return 'firing';
  return device.alerts.pending > 0 ? 'pending' : 'online';
};
const rank = (device: LiveDevice): number => RANKS.get(standingOf(device)) ?? 0;

/** Joining makes a device; it is here once it has reported. */
export const heardOf = (devices: Iterable<LiveDevice>): LiveDevice[] =>
  [...devices].filter((device) => device.state !== 'never_seen');

export type MainKey = 'cpu' | 'memory' | 'temperature' | 'gpu' | 'disk';
/** Metrics that feed a column, the best one first; the highest of its series is shown. */
const MAIN_METRICS: Record<MainKey, readonly string[]> = {
  cpu: ['system.cpu.utilization'],
  memory: ['system.memory.utilization'],
  temperature: ['hw.temperature', 'system.temperature'],
  gpu: ['hw.gpu.utilization'],
  disk: ['system.filesystem.utilization'],
};
const REST = new Set(['free', 'idle', 'available']);

export type Mains = Partial<Record<MainKey, number>>;
const mainsCache = new WeakMap<Record<string, number>, Mains>();

/** The worst series of each main metric; remembered by the object that a delta brought. */
export const mainsOf = (device: Pick<LiveDevice, 'main'>): Mains => {
  const known = mainsCache.get(device.main);
  if (known) return known;
  const mains = readMains(device.main);
  mainsCache.set(device.main, mains);
  return mains;
};
const readMains = (main: Record<string, number>): Mains => {
  const highest = new Map<string, number>();
  for (const [key, value] of Object.entries(main)) {
    const series = parseSeriesKey(key);
    if (!series || REST.has(series.labels.state ?? '')) continue;
    highest.set(series.metric, Math.max(highest.get(series.metric) ?? Number.NEGATIVE_INFINITY, value));
  }
  const mains: Mains = {};
  for (const [key, metrics] of Object.entries(MAIN_METRICS) as [MainKey, readonly string[]][]) {
    const metric = metrics.find((id) => highest.has(id));
    const value = metric === undefined ? undefined : highest.get(metric);
    if (value !== undefined) mains[key] = value;
  }
  return mains;
};

export type SortKey = 'worst' | 'name' | 'site' | MainKey | 'earned' | 'seen';
export interface Sort {
  key: SortKey;
  down: boolean;
}

const names = new Intl.Collator('en', { numeric: true, sensitivity: 'base' });
const byName = (a: LiveDevice, b: LiveDevice): number => names.compare(a.name, b.name) || names.compare(a.id, b.id);
export const byWorst = (a: LiveDevice, b: LiveDevice): number =>
  rank(a) - rank(b) || b.alerts.firing - a.alerts.firing || b.alerts.pending - a.alerts.pending || byName(a, b);

/** For ordering only: amounts of different tokens have no common measure, so the first stream counts. */
const earned = (device: LiveDevice): number => {
  const first = device.earnings_today[0];
  return first ? Number(first.amount) / 10 ** first.decimals : Number.NaN;
};
const measure = (device: LiveDevice, key: SortKey): number => {
  if (key === 'earned') return earned(device);
  if (key === 'seen') return device.last_seen ?? Number.NaN;
  return mainsOf(device)[key as MainKey] ?? Number.NaN;
};
/** What has no value goes last in either direction. */
const byMeasure = (a: number, b: number, down: boolean): number => {
  if (Number.isNaN(a) || Number.isNaN(b)) return Number(Number.isNaN(a)) - Number(Number.isNaN(b));
  return down ? b - a : a - b;
};

export const sortDevices = (devices: LiveDevice[], sort: Sort): LiveDevice[] => {
  const turn = sort.down ? -1 : 1;
  if (sort.key === 'worst') return devices.sort((a, b) => turn * byWorst(a, b));
  if (sort.key === 'name') return devices.sort((a, b) => turn * byName(a, b));
  if (sort.key === 'site') return devices.sort((a, b) => turn * names.compare(a.site ?? '~', b.site ?? '~') || byName(a, b));
  const measured = devices.map((device) => ({ device, value: measure(device, sort.key) }));
  measured.sort((a, b) => byMeasure(a.value, b.value, sort.down) || byName(a.device, b.device));
  return measured.map(({ device }) => device);
};

export interface Filter {
  q: string;
  site: string;
  tag: string;
  standing: string;
}
export const NO_FILTER: Filter = { q: '', site: '', tag: '', standing: '' };

export const matches = (device: LiveDevice, filter: Filter): boolean =>
  (filter.standing === '' || standingOf(device) === filter.standing) &&
  (filter.site === '' || device.site === filter.site) &&
  (filter.tag === '' || device.tags.includes(filter.tag)) &&
  wordsOf(filter.q).every((word) => textOf(device).includes(word));

const wordsOf = (q: string): string[] => q.toLowerCase().split(/\s+/).filter(Boolean);
const textOf = (device: LiveDevice): string =>
  `${device.name} ${device.id} ${device.site ?? ''} ${device.tags.join(' ')}`.toLowerCase();

export const countStandings = (devices: Iterable<LiveDevice>): Map<Standing, number> => {
  const counts = new Map<Standing, number>();
  for (const device of devices) {
    const standing = standingOf(device);
    counts.set(standing, (counts.get(standing) ?? 0) + 1);
  }
  return counts;
};

/** Puts a delta into the map; true when lines may have to change places. */
export const mergeDevices = (
  known: Map<string, LiveDevice>,
  devices: readonly LiveDevice[],
  removed: readonly string[] = [],
): boolean => {
  let moved = false;
  for (const device of devices) {
    const before = known.get(device.id);
    moved ||= !before || movesLine(before, device);
    known.set(device.id, device);
  }
  for (const id of removed) moved = known.delete(id) || moved;
  return moved;
};
const movesLine = (a: LiveDevice, b: LiveDevice): boolean =>
  a.name !== b.name ||
  a.site !== b.site ||
  standingOf(a) !== standingOf(b) ||
  a.alerts.firing !== b.alerts.firing ||
  a.alerts.pending !== b.alerts.pending ||
  a.tags.join() !== b.tags.join();

/** Which lines of a list to draw: those in sight and a few beyond, so that scrolling shows no hole. */
export const windowOf = (view: { top: number; height: number; row: number; count: number }): { from: number; to: number } => {
  const spare = 8;
  const from = Math.max(0, Math.floor(view.top / view.row) - spare);
  const to = Math.min(view.count, Math.ceil((view.top + view.height) / view.row) + spare);
  return { from: Math.min(from, to), to };
};
