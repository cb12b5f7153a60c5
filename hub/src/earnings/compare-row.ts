import type { Labels } from '@muster/shared/metrics';
import { formatUnits, parseDecimal } from '@muster/shared/money';
import type { NetworkDeclaration } from '@muster/shared/network';
import type { Latest } from '../parts.js';
import { type Compared, type Period, perWatt, textOf } from './compare.js';
import { type Cohorts, perDay } from './compare-cohort.js';
import type { Costs } from './cost.js';
import { DAY_MS } from './daily.js';
import { quotientText } from './fiat.js';
import type { CompareRow } from './fiat-port.js';
import { accountOf, streamsOf } from './fiat-sum.js';
import { dayText } from './prices-table.js';

/** What a network counts its capacity by, and in which unit that is named. */
export type Capacities = ReadonlyMap<string, NonNullable<NetworkDeclaration['per']>>;
export interface RowCall {
  period: Period;
  cohorts: Cohorts;
  latest: Pick<Latest, 'of'>;
  capacities: Capacities;
  costs: Costs;
}

const TREND_POINTS = 30;
/** Beyond a hundred years nothing pays back. */
const LONGEST_DAYS = 36_500n;
/** Base units of a capacity metric in one of what is named; `GPU-hour` counts hours of what the metric counts. */
const UNITS: Record<string, { size: bigint; hours: bigint }> = {
  GB: { size: 10n ** 9n, hours: 1n },
  TB: { size: 10n ** 12n, hours: 1n },
  GiB: { size: 2n ** 30n, hours: 1n },
  TiB: { size: 2n ** 40n, hours: 1n },
  'GPU-hour': { size: 1n, hours: 24n },
};

/** A line of the comparison but for its why, which is read apart. */
export const rowOf = (one: Compared & { rank: number }, call: RowCall): Omit<CompareRow, 'why'> => {
  const { device, account, before, cost, hosting, net, power, change, rate, rank } = one;
  return {
    ...{ device: device.id, name: device.name, site: device.site, tags: device.tags, rank },
    ...{ streams: streamsOf(account.streams), fiat: account.unknown ? null : textOf(account.fiat), cost: textOf(cost) },
    ...{ hosting: account.unknown ? null : textOf(hosting), net: textOf(net) },
    ...(account.unknown && account.valued && { incomplete: { fiat: textOf(account.fiat) ?? undefined } }),
    earlier_prices: account.earlier,
    fiat_per_day: textOf(one.fiat_per_day),
    per_watt: textOf(perWatt(one)),
    per: perCapacity(one, call),
    watts: power ? formatUnits(power.mw, 3) : null,
    watts_from: power?.from ?? null,
    previous: { fiat: before.unknown ? null : textOf(before.fiat), streams: streamsOf(before.streams), change },
    cohort: call.cohorts(rate),
    trend: trendOf(one, call.period),
    ...{ payback: paybackOf(one), break_even_tariff: breakEvenTariff(one, call), break_even_price: breakEvenPrice(one) },
  };
};

/** Fiat per day and unit of capacity, or per GPU-hour, by what the device says of itself now. */
const perCapacity = (one: Compared, { latest, capacities, period }: RowCall): CompareRow['per'] =>
  one.account.streams.flatMap(({ network }, index, all) => {
    const capacity = capacities.get(network);
    if (!capacity || all.findIndex((other) => other.network === network) !== index) return [];
    const wanted = Object.entries(capacity.labels ?? {});
    const isCounted = ({ metric, labels }: { metric: string; labels: Labels }) =>
      metric === `${network}.${capacity.metric}` && wanted.every(([name, value]) => labels[name] === value);
    const values = latest.of(one.device.id).filter(isCounted);
    const total = BigInt(Math.round(values.reduce((sum, { value }) => sum + Math.max(0, value), 0)));
    const account = accountOf(one.series, period.days, network);
    if (total <= 0n || account.unknown) return [];
    const { size, hours } = UNITS[capacity.unit] ?? { size: 1n, hours: 1n };
    const fiat = (perDay(account.fiat, one.elapsed) * size) / (total * hours);
    return [{ network, unit: capacity.unit, fiat: textOf(fiat) ?? '0' }];
  });

/** Daily fiat, or tokens where fiat is not known and there is one token; up to 30 points, null where a part is not known. */
const trendOf = ({ account, series }: Compared, { days: [from, to], now }: Period): CompareRow['trend'] => {
  const of = account.unknown && account.streams.length === 1 ? 'tokens' : 'fiat';
  const networks = new Set(account.streams.map(({ network }) => network));
  const own = series.filter((one) => networks.has(one.network));
  const step = Math.max(1, Math.ceil((to - from) / TREND_POINTS));
  const points: (string | null)[] = [];
  for (let day = from; day < to && day * DAY_MS <= now; day += step) {
    const part = accountOf(own, [day, Math.min(to, day + step)]);
    if (of === 'tokens') points.push(`${part.streams[0]?.amount ?? 0n}`);
    else points.push(part.unknown ? null : textOf(part.fiat));
  }
  return { of, points };
};

/** At the net of this period, counted from when the device was there. */
const paybackOf = ({ device, net, elapsed, since }: Compared): CompareRow['payback'] => {
  if (device.purchase_price === null || net === null || net <= 0n) return null;
  const { digits, places } = parseDecimal(device.purchase_price);
  const price = digits * 10n ** BigInt(8 - places);
  const days = (price * BigInt(Math.round(elapsed)) + net * BigInt(DAY_MS) - 1n) / (net * BigInt(DAY_MS));
  if (days > LONGEST_DAYS) return null;
  return { days: Number(days), date: dayText(Math.floor(since / DAY_MS) + Number(days)) };
};

/** The price of a kWh at which nothing is left. */
const breakEvenTariff = ({ device, since, account, hosting }: Compared, { costs, period }: RowCall): string | null => {
  const { energy } = costs.between(device, { from: period.from, to: period.to, since, now: period.now });
  return account.unknown || !energy ? null : quotientText((account.fiat - hosting) * 10n ** 6n, energy * 10n ** 8n, 8);
};

/** The price of the one token at which nothing is left. */
const breakEvenPrice = ({ device, account, cost }: Compared): CompareRow['break_even_price'] => {
  const [stream, second] = account.streams;
  if (!stream || second || cost === null || stream.amount <= 0n) return null;
  const share = parseDecimal(String(device.hosting_share ?? 0));
  const one = 10n ** BigInt(share.places);
  const under = 10n ** 8n * stream.amount * (one - share.digits);
  if (under <= 0n) return null;
  const price = quotientText(cost * 10n ** BigInt(stream.decimals) * one, under);
  return { network: stream.network, token: stream.token, price };
};
