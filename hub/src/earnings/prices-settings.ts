import { AppError } from '@muster/shared/errors';
import { parseDecimal } from '@muster/shared/money';
import { PRICE_PROVIDERS, type PriceChange, type PriceSettings, type PriceSource } from './fiat-port.js';

/** Prices are known by the ids of CoinGecko where its own page names the token; every address and id is a setting. */
export const DEFAULT_PRICES: PriceSettings = {
  currency: 'USD',
  sources: {
    HNT: { provider: 'coingecko', id: 'helium' },
    IOT: { provider: 'coingecko', id: 'helium-iot' },
    MOBILE: { provider: 'coingecko', id: 'helium-mobile' },
    FIL: { provider: 'coingecko', id: 'filecoin' },
    RENDER: { provider: 'coingecko', id: 'render-token' },
    DIMO: { provider: 'coingecko', id: 'dimo' },
    STORJ: { provider: 'coingecko', id: 'storj' },
    SOL: { provider: 'coingecko', id: 'solana' },
  },
  providers: {
    coingecko: { address: 'https://api.coingecko.com/api/v3', key: null },
    jupiter: { address: 'https://api.jup.ag', key: null },
  },
  rates: {},
  watts_by_tag: {},
};

const CURRENCY = /^[A-Z]{3}$/;

/** The source of a token: of the network first, then of the symbol; an amount in a currency is worth itself. */
export const sourceOf = (settings: PriceSettings, { network, token }: { network: string; token: string }): PriceSource => {
  const own = settings.sources[`${network}/${token}`] ?? settings.sources[token];
  if (own) return own;
  return token === 'USD' || token === 'EUR' ? { provider: 'fixed', price: '1', currency: token } : { provider: 'none' };
};

/** The settings after a change; fields that are not given stay. Another address needs its key again. */
export const changed = (before: PriceSettings, change: PriceChange): PriceSettings => {
  const {
    currency = before.currency,
    sources = before.sources,
    rates = before.rates,
    watts_by_tag = before.watts_by_tag,
  } = change;
  const providers = { ...before.providers };
  for (const id of PRICE_PROVIDERS) {
    const { address = providers[id].address, key } = change.providers?.[id] ?? {};
    if (address !== providers[id].address && providers[id].key !== null && key === undefined)
      throw new AppError('bad_request', `Another address for ${id} needs its key again; give it, or null for none`, {
        path: `providers.${id}.key`,
      });
    providers[id] = { address: address.replace(/\/+$/, ''), key: key === undefined ? providers[id].key : key };
  }
  const after = { currency, sources, providers, rates, watts_by_tag };
  refuseWrong(after);
  return after;
};

const refuseWrong = (settings: PriceSettings) => {
  const wrong = (path: string, sentence: string) => {
    throw new AppError('bad_request', sentence, { path });
  };
  if (!CURRENCY.test(settings.currency)) wrong('currency', 'A currency is three capital letters, such as USD');
  for (const [code, rate] of Object.entries(settings.rates)) {
    if (!CURRENCY.test(code) || !isPositive(rate))
      wrong(`rates.${code}`, 'A rate is what one USD is in that currency, as text, such as {"EUR": "0.92"}');
  }
  for (const [token, source] of Object.entries(settings.sources)) {
    const prices = source.provider === 'manual' ? source.prices.map(({ price }) => price) : [];
    if (source.provider === 'fixed') prices.push(source.price);
    if (!prices.every(isPositive))
      wrong(`sources.${token}`, `The price of ${token} must be a number above 0 as text, such as "0.31"`);
    if ('currency' in source && source.currency !== undefined && !CURRENCY.test(source.currency))
      wrong(`sources.${token}.currency`, 'A currency is three capital letters, such as USD');
  }
};

export const isPositive = (text: string): boolean => {
  try {
    return parseDecimal(text).digits > 0n;
  } catch {
    return false;
  }
};
