import { shareOut } from '@muster/shared/money';
import type { Device, EarningsQuery, EarningsRow, Registry } from '../parts.js';
import type { Costs } from './cost.js';
import { DAY_MS, type Daily, dayOf, type Series } from './daily.js';
import { type Account, accountOf, hostingOf, MoneySum } from './fiat-sum.js';
import { dayText } from './prices-table.js';

export interface RowNeeds {
  daily: Daily;
  costs: Costs;
  registry: Pick<Registry, 'get' | 'all'>;
}

/** Devices that earn, and those whose power is known: what costs without earning belongs to the sum. */
export const earners = ({ daily, costs, registry }: RowNeeds): Device[] => {
  const earning = new Set(daily.devices());
  return [...registry.all()].filter((one) => earning.has(one.id) || costs.power(one) !== null);
};

/** Since when a device counts: since it is there, or since its first income. */
export const sinceOf = (device: Device, series: readonly Series[]): number =>
  series.reduce((since, { amounts }) => Math.min(since, (amounts.first ?? Number.POSITIVE_INFINITY) * DAY_MS), device.created_at);

/** Income, cost and net by group; a device counts for each of its tags. */
export const earningsRows = (needs: RowNeeds, query: EarningsQuery): EarningsRow[] => {
  const sums = new Map<string, MoneySum>();
  const sumOf = (key: string): MoneySum => {
    const known = sums.get(key) ?? new MoneySum();
    sums.set(key, known);
    return known;
  };
  for (const device of earners(needs)) if (fits(device, query)) addDevice(needs, { device, query, sumOf });
  return [...sums].sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, sum]) => ({ key, ...sum.row() }));
};

const fits = (device: Device, { device: id, site, tag }: EarningsQuery): boolean =>
  (id === undefined || device.id === id) &&
  (site === undefined || device.site === site) &&
  (tag === undefined || device.tags.includes(tag));

interface Adding {
  device: Device;
  query: EarningsQuery;
  sumOf: (key: string) => MoneySum;
}

const addDevice = (needs: RowNeeds, adding: Adding) => {
  const { device, query, sumOf } = adding;
  const series = needs.daily.series(device.id);
  if (query.network !== undefined && !series.some((one) => one.network === query.network)) return;
  if (query.by === 'day') return addDays(needs, series, adding);
  const since = sinceOf(device, series);
  const { cost } = needs.costs.between(device, { ...query, since });
  const spans: readonly [number, number] = [dayOf(query.from), dayOf(query.to - 1) + 1];
  const shares = byNetwork(series, spans, cost);
  if (query.by === 'network') {
    for (const share of shares) {
      if (query.network === undefined || share.network === query.network) addTo(sumOf(share.network), device, share);
    }
    return;
  }
  const share = query.network === undefined ? undefined : shares.find((one) => one.network === query.network);
  const whole = { account: accountOf(series, spans, query.network), cost: query.network === undefined ? cost : (share?.cost ?? 0n) };
  // Nothing earned in the span and nothing known of its cost: there is nothing to say of it.
  if (whole.account.streams.length === 0 && !whole.cost) return;
  for (const key of keysOf(device, query)) addTo(sumOf(key), device, whole);
};

const addTo = (sum: MoneySum, device: Device, { account, cost }: { account: Account; cost: bigint | null }) => {
  sum.add(account, hostingOf(device, account.fiat));
  sum.addCost({ cost });
};

const addDays = (needs: RowNeeds, series: readonly Series[], { device, query, sumOf }: Adding) => {
  const since = sinceOf(device, series);
  for (let day = dayOf(query.from); day < Math.ceil(query.to / DAY_MS); day++) {
    const span = { from: Math.max(query.from, day * DAY_MS), to: Math.min(query.to, (day + 1) * DAY_MS), since };
    const all = needs.costs.between(device, span).cost;
    const of = byNetwork(series, [day, day + 1], all).find(({ network }) => network === query.network);
    const cost = query.network === undefined ? all : (of?.cost ?? 0n);
    const account = accountOf(series, [day, day + 1], query.network);
    if (account.streams.length === 0 && !cost) continue;
    addTo(sumOf(dayText(day)), device, { account, cost });
  }
};

/** '' stands for no site or no tag. */
const keysOf = (device: Device, { by }: EarningsQuery): string[] => {
  if (by === 'device') return [device.id];
  if (by === 'site') return [device.site ?? ''];
  return device.tags.length > 0 ? [...new Set(device.tags)] : [''];
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
