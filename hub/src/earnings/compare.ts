/** How devices compare over a period: every device is summed and ranked, only those of the page are described. */
import { formatFiat } from '@muster/shared/money';
import type { Device } from '../parts.js';
import { type Cohorts, createCohorts, perDay, type Rate } from './compare-cohort.js';
import type { Power } from './cost.js';
import { DAY_MS, dayOf, type Series } from './daily.js';
import { type Span, spanOf } from './daily-accounts.js';
import { costIn, earners, type RowNeeds, sinceOf } from './daily-rows.js';
import type { ComparePage, CompareQuery, CompareSort } from './fiat-port.js';
import { type Account, hostingOf, MoneySum } from './fiat-sum.js';

/** One device over the period and over the one before. */
export interface Compared {
  device: Device;
  series: readonly Series[];
  since: number;
  account: Account;
  before: Account;
  cost: bigint | null;
  power: Power | null;
  hosting: bigint;
  net: bigint | null;
  /** Milliseconds in which it could earn, a day at least: an hour of luck is no rate. */
  elapsed: number;
  fiat_per_day: bigint | null;
  /** Against its own period before, as a share. */
  change: number | null;
  rate: Rate;
}

export interface Period {
  days: readonly [number, number];
  before: readonly [number, number];
  from: number;
  to: number;
  now: number;
}

export const periodOf = ({ from, to }: Pick<CompareQuery, 'from' | 'to'>, now: number): Period => {
  const days = [dayOf(from), dayOf(to - 1) + 1] as const;
  return { days, before: [days[0] - (days[1] - days[0]), days[0]], from, to, now };
};

export interface Chosen {
  period: Period;
  page: (Compared & { rank: number })[];
  cohorts: Cohorts;
  rest: Omit<ComparePage, 'items' | 'currency'>;
}

export const compare = (needs: RowNeeds, query: CompareQuery): Chosen => {
  const period = periodOf(query, needs.now);
  const [span, before] = [spanOf(period.days, query.network), spanOf(period.before, query.network)];
  const all = earners(needs).flatMap((device) => compareOne(needs, { device, period, span, before }) ?? []);
  const cohorts = createCohorts(all.map(({ rate }) => rate));
  const matching = all.filter(({ device }) => isWanted(device, query));
  const total = new MoneySum();
  for (const { account, hosting, cost } of matching) {
    total.add(account, hosting);
    total.addCost({ cost });
  }
  const shown = sorted(matching, query, cohorts).slice(query.skip, query.skip + query.limit);
  const page = shown.map((one, index) => ({ ...one, rank: query.skip + index + 1 }));
  const rest = { from: query.from, to: query.to, devices: matching.length, totals: total.row() };
  return { period, page, cohorts, rest };
};

const isWanted = (device: Device, { device: id, tag, site }: CompareQuery): boolean =>
  (id === undefined || device.id === id) &&
  (tag === undefined || device.tags.includes(tag)) &&
  (site === undefined || device.site === site);

const compareOne = (
  { daily, costs, accounts }: RowNeeds,
  { device, period, span, before: earlier }: { device: Device; period: Period; span: Span; before: Span },
): Compared | null => {
  const { network } = span;
  const series = daily.series(device.id);
  if (network !== undefined && !series.some((one) => one.network === network)) return null;
  const since = sinceOf(device, series);
  const { days, from, to, now } = period;
  const account = accounts(series, span);
  const before = accounts(series, earlier);
  const whole = costs.cost(device, { from, to, since, now });
  const power = costs.power(device);
  const cost = network === undefined ? whole : costIn(network, { series, span: days, cost: whole });
  const hosting = hostingOf(device, account.fiat);
  const elapsed = Math.max(DAY_MS, Math.min(to, now) - Math.max(from, since));
  const fiat_per_day = account.unknown ? null : perDay(account.fiat, elapsed);
  const net = account.unknown || cost === null ? null : account.fiat - hosting - cost;
  const change = changeOf(account, before, { elapsed, elapsed_before: from - Math.max(earlier.days[0] * DAY_MS, since) });
  const rate = rateOf(device, { account, fiat_per_day, elapsed, series, network });
  return { device, series, since, account, before, cost, power, hosting, net, elapsed, fiat_per_day, change, rate };
};

const changeOf = (now: Account, before: Account, of: { elapsed: number; elapsed_before: number }): number | null => {
  const days_before = Math.max(DAY_MS, of.elapsed_before);
  const [after, earlier] = now.unknown || before.unknown || !before.valued ? tokensOf(now, before) : [now.fiat, before.fiat];
  if (earlier <= 0n || of.elapsed_before <= 0) return null;
  const ratio = (perDay(after, of.elapsed) * 1_000_000n) / (perDay(earlier, days_before) || 1n);
  return Math.round(Number(ratio) / 100 - 10_000) / 10_000;
};

/** Of a device that earns the same one token before and after. */
const tokensOf = (now: Account, before: Account): [bigint, bigint] => {
  const [a, b] = [now.streams[0], before.streams[0]];
  const same =
    now.streams.length <= 1 && before.streams.length === 1 && (!a || (a.token === b?.token && a.network === b.network));
  return same ? [a?.amount ?? 0n, b?.amount ?? 0n] : [0n, 0n];
};

const rateOf = (
  device: Device,
  of: Pick<Compared, 'account' | 'fiat_per_day' | 'elapsed' | 'series'> & { network: string | undefined },
): Rate => {
  const { account, fiat_per_day, elapsed, series, network } = of;
  const [first] = series;
  const alone = first !== undefined && series.every((one) => one.network === first.network);
  const networks = network ?? (alone ? first.network : [...new Set(series.map((one) => one.network))].sort().join('+'));
  const token = tokenOf(series, network);
  return {
    networks,
    kind: String(device.about['model'] ?? ''),
    tags: device.tags.length > 1 ? [...device.tags].sort().join('\n') : (device.tags[0] ?? ''),
    fiat: fiat_per_day,
    token,
    ...{ amount: account.streams[0]?.amount ?? 0n, elapsed },
  };
};

/** The one token it earns; null when there are several. */
const tokenOf = (series: readonly Series[], network: string | undefined): string | null => {
  let token: string | null = null;
  for (const one of series) {
    if (network !== undefined && one.network !== network) continue;
    if (token !== null && token !== one.token) return null;
    token = one.token;
  }
  return token;
};

/** What is not known comes last, whichever way. */
const sorted = (list: readonly Compared[], { sort, descending }: CompareQuery, cohorts: Cohorts): Compared[] => {
  const keyed = list.map((one) => ({ one, key: KEYS[sort](one, cohorts) }));
  const way = descending ? -1 : 1;
  keyed.sort((a, b) => {
    if (a.key === null || b.key === null) return a.key === b.key ? byId(a.one, b.one) : a.key === null ? 1 : -1;
    if (a.key === b.key) return byId(a.one, b.one);
    return a.key < b.key ? -way : way;
  });
  return keyed.map(({ one }) => one);
};

const byId = (a: Compared, b: Compared): number => (a.device.id < b.device.id ? -1 : 1);

const KEYS: Record<CompareSort, (one: Compared, cohorts: Cohorts) => bigint | number | string | null> = {
  fiat: ({ account }) => (account.unknown ? null : account.fiat),
  net: ({ net }) => net,
  cost: ({ cost }) => cost,
  per_day: ({ fiat_per_day }) => fiat_per_day,
  per_watt: (one) => perWatt(one),
  change: ({ change }) => change,
  z: ({ rate }, cohorts) => cohorts(rate)?.z ?? null,
  tokens: ({ account }) => account.streams[0]?.amount ?? null,
  device: ({ device }) => device.id,
};

export const perWatt = ({ fiat_per_day, power }: Pick<Compared, 'fiat_per_day' | 'power'>): bigint | null =>
  fiat_per_day === null || !power || power.mw === 0n ? null : (fiat_per_day * 1_000n) / power.mw;

export const textOf = (value: bigint | null): string | null => (value === null ? null : formatFiat(value));
