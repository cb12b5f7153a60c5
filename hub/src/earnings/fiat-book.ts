/** Fiat, cost and comparison over the ledger: the part that `parts.money` is. */
import type { Clock } from '@muster/shared/clock';
import { sleep } from '@muster/shared/clock';
import type { Http } from '@muster/shared/http';
import type { Log } from '@muster/shared/log';
import type { AlertsDesk, Latest, MoneyDesk, PresenceKeeper, Registry } from '../parts.js';
import type { Change, Reader, Recovered, Writer } from '../store/store.js';
import { compare, periodOf } from './compare.js';
import { type Capacities, rowOf } from './compare-row.js';
import { createWhy } from './compare-why.js';
import { createCosts } from './cost.js';
import { createEnergy } from './cost-energy.js';
import { createTariffs } from './cost-tariff.js';
import { createDaily, DAY_MS, type Daily, dayOf, KEPT_DAYS } from './daily.js';
import { createAccounts } from './daily-accounts.js';
import { createDayMemo } from './daily-memo.js';
import { earningsRows, type RowNeeds } from './daily-rows.js';
import { exportReceipts } from './export.js';
import type { ComparePage, CompareQuery } from './fiat-port.js';
import { createStakes } from './fiat-stake.js';
import { createPrices } from './prices.js';

export interface FiatNeeds {
  registry: Pick<Registry, 'get' | 'all' | 'sites'>;
  presence: Pick<PresenceKeeper, 'availability'>;
  latest: Pick<Latest, 'of'>;
  alerts: () => Pick<AlertsDesk, 'list'>;
  reader: Pick<Reader, 'entries' | 'series'>;
  writer: Writer;
  http: Http;
  clock: Clock;
  random: () => number;
  log: Log;
  capacities: Capacities;
}

export interface FiatBook extends MoneyDesk {
  /** What is queued for the store: its entries count from now on. */
  take(changes: readonly Change[]): void;
  /** Reads the ledger behind the start; what is asked before it is done waits for it. */
  start(): Promise<void>;
  /** Once a minute or so: prices, yesterday's energy, the turn of the day. */
  tick(): void;
  /** To be queued when a device is removed. */
  forget(device: string): Change[];
  stop(): void;
  /** Bytes of the daily sums. */
  bytes(): number;
}

export const createFiatBook = (needs: FiatNeeds, recovered: Pick<Recovered, 'documents'>): FiatBook => {
  const { registry, clock, reader } = needs;
  const now = () => clock.now();
  const { prices, daily, make, energy, costs, memo } = createMachinery(needs, recovered);
  const accounts = createAccounts();
  const stakes = createStakes(daily);
  const why = createWhy({
    ...needs,
    alerts: { list: (filter) => needs.alerts().list(filter) },
    now,
    after: (ms) => sleep(clock, ms),
  });
  let currency = prices.settings().currency;

  prices.changed.on((day) => {
    daily.repriced(null, day);
    if (currency === prices.settings().currency) return;
    currency = prices.settings().currency;
    energy.rebuild();
  });
  const oldest = () => dayOf(now()) - KEPT_DAYS + 1;
  const start = onceDone(() => daily.load(reader, { from: oldest() * DAY_MS }));
  /** The sums in memory where they hold all of the span, else made of the ledger for this once. */
  const over = async (from: number, to: number): Promise<RowNeeds> => {
    const whole = from % DAY_MS === 0 && to % DAY_MS === 0 && dayOf(from) >= oldest();
    const chosen = whole ? daily : make();
    await (whole ? start() : chosen.load(reader, { from, to }));
    return {
      daily: chosen,
      costs,
      registry,
      accounts: whole ? accounts : createAccounts(),
      memo: whole ? memo : undefined,
      now: now(),
    };
  };
  const compared = async (query: CompareQuery): Promise<ComparePage> => {
    const { before } = periodOf(query, now());
    const { page, period, cohorts, rest } = compare(await over(before[0] * DAY_MS, query.to), query);
    const call = { period, cohorts, latest: needs.latest, capacities: needs.capacities, costs };
    const reasons = await why(page, period);
    const none = { uptime: null, uptime_before: null, temperature: null, temperature_before: null, alerts: 0, notes: [] };
    return { ...rest, currency, items: page.map((one, index) => ({ ...rowOf(one, call), why: reasons[index] ?? none })) };
  };

  return {
    take: (changes) => daily.take(changes),
    start,
    tick() {
      daily.trim(oldest());
      void prices.tick();
      void energy.tick(reader);
    },
    forget(device) {
      daily.forget(device);
      return energy.forget(device);
    },
    stop() {
      prices.stop();
      energy.stop();
    },
    bytes: () => daily.bytes(),
    earnings: async (query) => earningsRows(await over(query.from, query.to), query),
    compare: compared,
    export: (query) => exportReceipts({ reader, registry, prices }, query),
    stake: (device) => stakes(device, { now: now(), currency }),
    prices: prices.view,
    setPrices: prices.set,
  };
};

/** A failure is not the last word: the next call tries again. */
const onceDone = (task: () => Promise<void>): (() => Promise<void>) => {
  let under_way: Promise<void> | null = null;
  return () => {
    under_way ??= task().catch((error: unknown) => {
      under_way = null;
      throw error;
    });
    return under_way;
  };
};

/** Prices, the sums they value, and what electricity costs. */
const createMachinery = (needs: FiatNeeds, recovered: Pick<Recovered, 'documents'>) => {
  const { registry, clock } = needs;
  const now = () => clock.now();
  const prices = createPrices({ ...needs, now, tokens: () => daily.tokens() }, recovered);
  const make = (): Daily =>
    createDaily({ priceOf: prices.priceOf, known: (id) => registry.get(id) !== undefined, today: () => dayOf(now()) });
  const daily: Daily = make();
  const tariffs = createTariffs();
  const energy = createEnergy(
    {
      ...{ ...needs, now, devices: () => registry.all(), currency: () => prices.settings().currency },
      tariff: (device, from, to) => costs.tariff(device, from, to),
    },
    recovered.documents,
  );
  const costs = createCosts({ registry, energy, tariffs, now, watts_by_tag: () => prices.settings().watts_by_tag });
  const memo = createDayMemo(() => {
    const { currency: shown, watts_by_tag } = prices.settings();
    return [dayOf(now()), energy.version(), shown, watts_by_tag, ...registry.sites.all()];
  });
  return { prices, daily, make, energy, costs, memo };
};
