import { shareOut } from '@muster/shared/money';
import type { Device, EarningsQuery, EarningsRow, Registry } from '../parts.js';
import type { Costs } from './cost.js';
import { DAY_MS, type Daily, dayOf, type Series } from './daily.js';
import { type Accounts, type Span, spanOf } from './daily-accounts.js';
import type { DayMemo, DayRows } from './daily-memo.js';
import { type Account, accountOf, hostingOf, MoneySum } from './fiat-sum.js';
import { dayText } from './prices-table.js';

export interface RowNeeds {
  daily: Daily;
  costs: Costs;
  registry: Pick<Registry, 'get' | 'all'>;
  accounts: Accounts;
  /** Where the sums in memory are asked. */
  memo?: DayMemo | undefined;
  now: number;
}

/** Devices that earn, and those whose power is known: what costs without earning belongs to the sum. */
export const earners = ({ daily, costs, registry }: RowNeeds): Device[] => {
  return [...registry.all()].filter((one) => daily.has(one.id) || costs.power(one) !== null);
};

/** Since when a device counts: since it is there, or since its first income. */
export const sinceOf = (device: Device, series: readonly Series[]): number => {
  let since = device.created_at;
  for (const { amounts } of series) since = Math.min(since, (amounts.first ?? Number.POSITIVE_INFINITY) * DAY_MS);
  return since;
};

/** Income, cost and net by group; a device counts for each of its tags. */
export const earningsRows = (needs: RowNeeds, query: EarningsQuery): EarningsRow[] => {
  if (query.by === 'day') return rowsByDay(needs, query);
  const { sums, sumOf } = createSums<string>();
  const span = spanOf([dayOf(query.from), dayOf(query.to - 1) + 1], query.network);
  for (const device of earners(needs)) if (fits(device, query)) addDevice(needs, { device, query, sumOf, span });
  return [...sums].sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, sum]) => ({ key, ...sum.row() }));
};

const createSums = <K>() => {
  const sums = new Map<K, MoneySum>();
  const sumOf = (key: K): MoneySum => {
    const known = sums.get(key) ?? new MoneySum();
    sums.set(key, known);
    return known;
  };
  return { sums, sumOf };
};

const rowsByDay = (needs: RowNeeds, query: EarningsQuery): EarningsRow[] => {
  const [first, end] = [dayOf(query.from), Math.ceil(query.to / DAY_MS)];
  const days = Array.from({ length: Math.max(0, end - first) }, (_, index) => first + index);
  const make = (wanted: readonly number[]): DayRows => {
    const { sums, sumOf } = createSums<number>();
    if (wanted.length > 0)
      for (const device of earners(needs)) if (fits(device, query)) addDays(needs, { device, query, sumOf, days: wanted });
    return new Map([...sums].map(([day, sum]) => [day, { key: dayText(day), ...sum.row() }]));
  };
  const rows = needs.memo ? needs.memo(needs, { query, days }, make) : make(days);
  return days.flatMap((day) => rows.get(day) ?? []);
};

const fits = (device: Device, { device: id, site, tag }: EarningsQuery): boolean =>
  (id === undefined || device.id === id) &&
  (site === undefined || device.site === site) &&
  (tag === undefined || device.tags.includes(tag));

interface Adding {
  device: Device;
  query: EarningsQuery;
  sumOf: (key: string) => MoneySum;
  span: Span;
}

const addDevice = (needs: RowNeeds, adding: Adding) => {
  const { device, query, sumOf, span } = adding;
  const series = needs.daily.series(device.id);
  if (query.network !== undefined && !series.some((one) => one.network === query.network)) return;
  const since = sinceOf(device, series);
  const cost = needs.costs.cost(device, { from: query.from, to: query.to, since, now: needs.now });
  if (query.by === 'network') {
    for (const share of byNetwork(series, span.days, cost)) {
      if (query.network === undefined || share.network === query.network) addTo(sumOf(share.network), device, share);
    }
    return;
  }
  const own = query.network === undefined ? cost : costIn(query.network, { series, span: span.days, cost });
  const whole = { account: needs.accounts(series, span), cost: own };
  // Nothing earned in the span and nothing known of its cost: there is nothing to say of it.
  if (whole.account.streams.length === 0 && !whole.cost) return;
  for (const key of keysOf(device, query)) addTo(sumOf(key), device, whole);
};

const addTo = (sum: MoneySum, device: Device, { account, cost }: { account: Account; cost: bigint | null }) => {
  sum.add(account, hostingOf(device, account.fiat));
  sum.addCost({ cost });
};

interface AddingDays extends Pick<Adding, 'device' | 'query'> {
  days: readonly number[];
  sumOf: (day: number) => MoneySum;
}

const addDays = (needs: RowNeeds, { device, query, sumOf, days }: AddingDays) => {
  const series = needs.daily.series(device.id);
  if (query.network !== undefined && !series.some((one) => one.network === query.network)) return;
  const since = sinceOf(device, series);
  for (const day of days) {
    const span = { from: Math.max(query.from, day * DAY_MS), to: Math.min(query.to, (day + 1) * DAY_MS), since, now: needs.now };
    const all = needs.costs.cost(device, span);
    const cost = query.network === undefined ? all : costIn(query.network, { series, span: [day, day + 1], cost: all });
    const account = accountOf(series, [day, day + 1], query.network);
    if (account.streams.length === 0 && !cost) continue;
    addTo(sumOf(day), device, { account, cost });
  }
};

/** '' stands for no site or no tag. */
const keysOf = (device: Device, { by }: EarningsQuery): string[] => {
  if (by === 'device') return [device.id];
  if (by === 'site') return [device.site ?? ''];
  return device.tags.length > 0 ? [...new Set(device.tags)] : [''];
};

/** What of a device's cost goes with one network. */
export const costIn = (
  network: string,
  of: { series: readonly Series[]; span: readonly [number, number]; cost: bigint | null },
): bigint | null => {
  if (of.cost === null || of.series.every((one) => one.network === network)) return of.cost;
  const found = byNetwork(of.series, of.span, of.cost).find((one) => one.network === network);
  return found ? found.cost : 0n;
};

/** A device that earns on several networks: its cost goes with their income, to the last 1e-8 (largest remainder). */
export const byNetwork = (series: readonly Series[], span: readonly [number, number], cost: bigint | null) => {
  const networks = [...new Set(series.map(({ network }) => network))].sort();
  const accounts = networks.map((network) => ({ network, account: accountOf(series, span, network) }));
  const earning = accounts.filter(({ account }) => account.streams.length > 0);
  const unclear = earning.length > 1 && earning.some(({ account }) => account.unknown);
  const weights = earning.map(({ account }) => (account.fiat > 0n ? account.fiat : 0n));
  const parts = cost === null || unclear ? null : shareOut(cost, weights);
  return earning.map((one, index) => ({ ...one, cost: parts ? (parts[index] ?? 0n) : null }));
};
