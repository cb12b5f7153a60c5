/** What tokens are worth: settings, one price a token and UTC day, and the slow collector that gets it. */
import type { Http } from '@muster/shared/http';
import type { Log } from '@muster/shared/log';
import { createSignal, type Signal } from '@muster/shared/signal';
import { documentsOf } from '../shelf.js';
import type { Json, Recovered, Writer } from '../store/store.js';
import { dayOf, type PriceOf } from './daily.js';
import { PRICE_PROVIDERS, type PriceChange, type PriceSettings, type PriceState, type PricesView } from './fiat-port.js';
import { coingecko } from './prices-coingecko.js';
import { createCollector } from './prices-collect.js';
import { jupiter } from './prices-jupiter.js';
import type { PriceReply } from './prices-provider.js';
import { changed as changedSettings, DEFAULT_PRICES, sourceOf } from './prices-settings.js';
import { createPriceTable, dayText, type FoundPrice, priceKey } from './prices-table.js';

export interface PriceNeeds {
  http: Http;
  writer: Writer;
  now: () => number;
  random: () => number;
  log: Log;
  /** Every token in the ledger. */
  tokens: () => { network: string; token: string }[];
}

export interface Prices {
  settings(): PriceSettings;
  find(of: { network: string; token: string }, day: number): FoundPrice | null;
  priceOf: PriceOf;
  view(): PricesView;
  set(change: PriceChange): Promise<PricesView>;
  /** From which day on something is worth another amount. */
  changed: Signal<number>;
  tick(): Promise<unknown>;
  stop(): void;
}

const SETTINGS = 'price_settings';
const PROVIDERS = { coingecko, jupiter };

export const createPrices = (needs: PriceNeeds, { documents }: Pick<Recovered, 'documents'>): Prices => {
  const { writer, now } = needs;
  const table = createPriceTable(documents);
  const changed = createSignal<number>();
  let settings: PriceSettings = { ...DEFAULT_PRICES, ...documentsOf<PriceSettings>(documents, SETTINGS).get('') };

  const wanted = (provider: (typeof PRICE_PROVIDERS)[number]) => {
    const today = dayOf(now());
    const sources = needs.tokens().map((one) => sourceOf(settings, one));
    const ids = sources.flatMap((source) => {
      const key = priceKey(source);
      return key?.startsWith(`${provider}:`) && !table.has(key, today) ? [key.slice(provider.length + 1)] : [];
    });
    const foreign = sources.some(
      (source) => (('currency' in source ? source.currency : undefined) ?? 'USD') !== settings.currency,
    );
    const rates =
      PROVIDERS[provider].gives_rates && foreign && !table.hasRates(today) && settings.rates[settings.currency] === undefined;
    return { ids: [...new Set(ids)], rates };
  };
  const got = (provider: string, { prices, rates }: PriceReply) => {
    const today = dayOf(now());
    const documents = [...prices].flatMap(([id, price]) =>
      table.has(`${provider}:${id}`, today)
        ? []
        : [table.put(`${provider}:${id}`, today, { price, currency: 'USD', provider, at: now() })],
    );
    if (rates && !table.hasRates(today)) documents.push(table.putRates(today, rates));
    if (documents.length === 0) return;
    writer.queue(
      documents.map((document) => ({ kind: 'document', ...document })),
      { bytes: 0 },
    );
    changed.emit(today);
  };
  const collector = createCollector({ ...needs, providers: PROVIDERS, settings: () => settings, wanted, got });

  const find = (of: { network: string; token: string }, day: number) => table.find(settings, of, day);
  const view = (): PricesView => {
    const providers = Object.fromEntries(
      PRICE_PROVIDERS.map((id) => {
        const { address, key } = settings.providers[id];
        return [id, { address, key_set: key !== null, ...collector.state(id) }];
      }),
    ) as PricesView['providers'];
    const state = needs.tokens().map((of) => stateOf(of, sourceOf(settings, of).provider, find(of, dayOf(now()))));
    return { ...settings, providers, state };
  };
  return {
    settings: () => settings,
    find,
    priceOf(of, day) {
      const price = find(of, day);
      return price && { factor: price.factor, earlier: price.label === 'earlier' };
    },
    view,
    async set(change) {
      const after = changedSettings(settings, change);
      await writer.write([{ kind: 'document', collection: SETTINGS, key: '', value: after as unknown as Json }]);
      settings = after;
      table.reset();
      collector.again();
      changed.emit(0);
      return view();
    },
    changed,
    tick: collector.tick,
    stop: collector.stop,
  };
};

const stateOf = (of: { network: string; token: string }, provider: string, price: FoundPrice | null): PriceState => ({
  ...of,
  provider,
  price: price?.price ?? null,
  currency: price?.currency ?? null,
  day: price ? dayText(price.day) : null,
  at: price?.at ?? null,
  label: price?.label ?? null,
});
