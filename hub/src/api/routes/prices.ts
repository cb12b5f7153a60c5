import { secret, url } from '@muster/shared/schema';
import * as v from 'valibot';
import { defineRoute } from '../route.js';

const number = v.pipe(
  v.string(),
  v.regex(/^\d{1,30}(\.\d{1,40})?([eE][+-]?\d{1,2})?$/, 'must be a number as text, such as "0.31"'),
);
const currency = v.pipe(v.string(), v.regex(/^[A-Z]{3}$/, 'must be three capital letters, such as USD'));
const id = v.pipe(v.string(), v.regex(/^[\w.:-]{1,100}$/, 'must be 1-100 of letters, digits, _, ., : and -'));
const day = v.pipe(v.string(), v.isoDate('must be a day such as 2026-01-31'));

const source = v.variant(
  'provider',
  [
    v.object({ provider: v.literal('coingecko'), id }),
    v.object({ provider: v.literal('jupiter'), mint: id }),
    v.object({
      provider: v.literal('manual'),
      prices: v.pipe(v.array(v.object({ from: day, price: number })), v.minLength(1), v.maxLength(2_000)),
      currency: v.optional(currency),
    }),
    v.object({ provider: v.literal('fixed'), price: number, currency: v.optional(currency) }),
    v.object({ provider: v.literal('none') }),
  ],
  'must have a provider: coingecko, jupiter, manual, fixed or none',
);
const named = (most: number) => v.pipe(v.string(), v.minLength(1), v.maxLength(most));
const settings = {
  currency,
  sources: v.pipe(v.record(named(200), source), v.maxEntries(1_000)),
  rates: v.pipe(v.record(currency, number), v.maxEntries(200)),
  watts_by_tag: v.pipe(v.record(named(60), v.pipe(v.number(), v.minValue(0), v.maxValue(1_000_000))), v.maxEntries(1_000)),
};
const provider = v.object({ address: v.optional(url()), key: v.optional(v.nullable(v.pipe(secret(), v.maxLength(200)))) });

const when = v.nullable(v.number());
const told = v.object({
  ...{ address: v.string(), key_set: v.boolean(), last_error: v.nullable(v.string()), last_try: when, next_try: when },
});
const view = v.object({
  ...settings,
  providers: v.object({ coingecko: told, jupiter: told }),
  state: v.array(
    v.object({
      ...{ network: v.string(), token: v.string(), provider: v.string(), price: v.nullable(v.string()) },
      ...{ currency: v.nullable(v.string()), day: v.nullable(v.string()), at: when },
      label: v.nullable(v.picklist(['day', 'earlier', 'manual', 'fixed'])),
    }),
  ),
});

export const readPrices = defineRoute({
  method: 'GET',
  path: '/api/v1/prices',
  role: 'viewer',
  summary: 'Where prices come from, and what each token in the ledger is worth today; a missing price is null',
  reply: view,
  handle: async ({ parts }) => parts.money.prices(),
});

export const setPrices = defineRoute({
  method: 'PUT',
  path: '/api/v1/prices',
  role: 'operator',
  summary: 'Changes what is given: currency, price sources by token, providers (keys are never shown), rates, watts by tag',
  body: v.object({
    currency: v.optional(settings.currency),
    sources: v.optional(settings.sources),
    rates: v.optional(settings.rates),
    watts_by_tag: v.optional(settings.watts_by_tag),
    providers: v.optional(v.object({ coingecko: v.optional(provider), jupiter: v.optional(provider) })),
  }),
  reply: view,
  audit: ['currency', 'sources', 'rates', 'watts_by_tag'],
  handle: async ({ body, parts }) => parts.money.setPrices(body),
});
