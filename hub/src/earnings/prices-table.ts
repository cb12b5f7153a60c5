import { parseDecimal } from '@muster/shared/money';
import type { Json } from '../store/store.js';
import { DAY_MS } from './daily.js';
import { type Factor, factorOf } from './fiat.js';
import type { PriceLabel, PriceSettings, PriceSource } from './fiat-port.js';
import { sourceOf } from './prices-settings.js';

/** A price as fetched on a UTC day: the first of that day, never changed again. */
export interface StoredPrice {
  price: string;
  currency: string;
  provider: string;
  at: number;
}
export interface FoundPrice extends Omit<StoredPrice, 'at'> {
  at: number | null;
  /** The day it is of. */
  day: number;
  label: PriceLabel;
  factor: Factor;
}
type Token = { network: string; token: string };

/** Days an old price stands in for a missing one, labelled. */
export const EARLIER_DAYS = 3;
export const dayText = (day: number): string => new Date(day * DAY_MS).toISOString().slice(0, 10);

/** Fetched ids are kept by what was asked, so that a token may change its source: `coingecko:helium`. */
export const priceKey = (source: PriceSource): string | null => {
  if (source.provider === 'coingecko') return `coingecko:${source.id}`;
  return source.provider === 'jupiter' ? `jupiter:${source.mint}` : null;
};
const RATES = 'rates';
/** Answers that are remembered: some hundred tokens over the days that are kept. */
const MOST_FOUND = 50_000;

/** Prices and cross rates by day, in memory; finds what a token was worth on a day in the hub's currency. */
export const createPriceTable = (documents: readonly { collection: string; key: string; value: Json }[]) => {
  const prices = new Map<string, Map<number, StoredPrice>>();
  const rates = new Map<number, Record<string, string>>();
  let found = new Map<string, FoundPrice | null>();

  const put = (key: string, day: number, stored: StoredPrice) => {
    const days = prices.get(key) ?? new Map<number, StoredPrice>();
    prices.set(key, days.set(day, stored));
    found = new Map();
  };
  for (const { collection, key, value } of documents) {
    if (collection !== 'prices') continue;
    const at = key.lastIndexOf('/');
    const day = Date.parse(key.slice(at + 1)) / DAY_MS;
    if (key.slice(0, at) === RATES) rates.set(day, value as Record<string, string>);
    else put(key.slice(0, at), day, value as unknown as StoredPrice);
  }

  const look = createLook(prices, rates);
  return {
    find(settings: PriceSettings, of: Token, day: number): FoundPrice | null {
      const key = `${of.network}\n${of.token}\n${day}`;
      const known = found.get(key);
      if (known !== undefined) return known;
      const price = look(settings, of, day);
      if (found.size > MOST_FOUND) found = new Map();
      found.set(key, price);
      return price;
    },
    has: (key: string, day: number) => prices.get(key)?.has(day) === true,
    hasRates: (day: number) => rates.has(day),
    /** Answers the document; a day that has a price keeps it. */
    put(key: string, day: number, stored: StoredPrice) {
      put(key, day, stored);
      return { collection: 'prices', key: `${key}/${dayText(day)}`, value: { ...stored } as Json };
    },
    putRates(day: number, given: Record<string, string>) {
      rates.set(day, given);
      found = new Map();
      return { collection: 'prices', key: `${RATES}/${dayText(day)}`, value: given as Json };
    },
    /** Other settings: what was found may not hold any more. */
    reset() {
      found = new Map();
    },
  };
};
export type PriceTable = ReturnType<typeof createPriceTable>;

type PriceDays = ReadonlyMap<string, ReadonlyMap<number, StoredPrice>>;

/** What the operator stated goes first, then what was fetched on that day, then on a day before. */
const createLook = (prices: PriceDays, rates: ReadonlyMap<number, Record<string, string>>) => {
  /** What one unit of a currency is in the hub's; undefined when that is not known. */
  const rateOn = (settings: PriceSettings, currency: string, day: number) => {
    if (currency === settings.currency) return { rate: null, earlier: false };
    for (let back = 0; back <= EARLIER_DAYS; back++) {
      const of = rates.get(day - back);
      const [to, from] = [of?.[settings.currency], of?.[currency]];
      if (to !== undefined && from !== undefined)
        return { rate: { to: parseDecimal(to), from: parseDecimal(from) }, earlier: back > 0 };
    }
    const [to, from] = [settings.currency, currency].map((code) => (code === 'USD' ? '1' : settings.rates[code]));
    return to !== undefined && from !== undefined
      ? { rate: { to: parseDecimal(to), from: parseDecimal(from) }, earlier: false }
      : undefined;
  };
  const fetched = (key: string | null, day: number) => {
    const days = key === null ? undefined : prices.get(key);
    for (let back = 0; days && back <= EARLIER_DAYS; back++) {
      const stored = days.get(day - back);
      if (stored) return { ...stored, day: day - back, label: back > 0 ? ('earlier' as const) : ('day' as const) };
    }
    return null;
  };
  return (settings: PriceSettings, of: Token, day: number): FoundPrice | null => {
    const source = sourceOf(settings, of);
    const price = statedBy(source, day) ?? fetched(priceKey(source), day);
    const rated = price && rateOn(settings, price.currency, day);
    if (!price || !rated) return null;
    const label = rated.earlier ? 'earlier' : price.label;
    return { ...price, label, factor: factorOf(parseDecimal(price.price), rated.rate) };
  };
};

/** What the operator stated: the newest manual price at or before the day, or the fixed one. */
const statedBy = (source: PriceSource, day: number): Omit<FoundPrice, 'factor'> | null => {
  if (source.provider === 'fixed')
    return { price: source.price, currency: source.currency ?? 'USD', provider: 'fixed', at: null, day, label: 'fixed' };
  if (source.provider !== 'manual') return null;
  const [newest] = source.prices
    .map(({ from, price }) => ({ price, from: Date.parse(from) / DAY_MS }))
    .filter(({ from }) => from <= day)
    .sort((a, b) => b.from - a.from);
  if (!newest) return null;
  return {
    ...{ price: newest.price, currency: source.currency ?? 'USD', provider: 'manual', at: null },
    ...{ day: newest.from, label: 'manual' },
  };
};
