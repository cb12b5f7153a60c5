import { textOf } from '@muster/shared/json-path';
import { askJson, fieldOf, type PriceProvider } from './prices-provider.js';
import { isPositive } from './prices-settings.js';

/** `/simple/price`; an unknown id is silently left out of its reply, a price may be null. */
const CURRENCIES = 'usd eur gbp chf jpy cad aud nzd cny inr brl mxn krw sek nok dkk pln czk huf try zar sgd hkd thb idr'.split(
  ' ',
);
/** Priced in many currencies: two of them make a cross rate. */
const REFERENCE = 'bitcoin';
/** What has not traded for so long has no price of today. */
const OLD_MS = 12 * 3_600_000;

export const coingecko: PriceProvider = {
  most: 100,
  gives_rates: true,
  async fetch(call) {
    const ids = [...new Set([...call.ids, REFERENCE])].map(encodeURIComponent).join(',');
    const query = `ids=${ids}&vs_currencies=${CURRENCIES.join(',')}&include_last_updated_at=true&precision=full`;
    const header = call.address.includes('//pro-api.') ? 'x-cg-pro-api-key' : 'x-cg-demo-api-key';
    const json = await askJson(call, `${call.address}/simple/price?${query}`, call.key === null ? {} : { [header]: call.key });
    const prices = new Map<string, string>();
    for (const id of call.ids) {
      const found = fieldOf(json, id);
      const price = textOf(fieldOf(found, 'usd'));
      const updated = Number(textOf(fieldOf(found, 'last_updated_at')) ?? Number.NaN) * 1_000;
      if (price !== null && isPositive(price) && !(call.now - updated > OLD_MS)) prices.set(id, price);
    }
    const rates = CURRENCIES.flatMap((code) => {
      const rate = textOf(fieldOf(fieldOf(json, REFERENCE), code));
      return rate !== null && isPositive(rate) ? [[code.toUpperCase(), rate]] : [];
    });
    return { prices, rates: rates.length > 0 ? Object.fromEntries(rates) : undefined };
  },
};
