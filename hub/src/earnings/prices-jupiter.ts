import { textOf } from '@muster/shared/json-path';
import { askJson, fieldOf, type PriceProvider } from './prices-provider.js';
import { isPositive } from './prices-settings.js';

/** `/price/v3` by mint: Solana tokens only; what is not traded well is left out of its reply. */
export const jupiter: PriceProvider = {
  most: 50,
  gives_rates: false,
  async fetch(call) {
    const ids = call.ids.map(encodeURIComponent).join(',');
    const json = await askJson(call, `${call.address}/price/v3?ids=${ids}`, call.key === null ? {} : { 'x-api-key': call.key });
    const prices = new Map<string, string>();
    for (const id of call.ids) {
      const price = textOf(fieldOf(fieldOf(json, id), 'usdPrice'));
      if (price !== null && isPositive(price)) prices.set(id, price);
    }
    return { prices };
  },
};
