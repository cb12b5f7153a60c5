import { parseDecimal } from '@muster/shared/money';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Device, EarningsQuery, Site } from '../parts.js';
import type { LedgerEntry } from '../store/store.js';
import { createCosts } from './cost.js';
import { createTariffs } from './cost-tariff.js';
import { createDaily, DAY_MS } from './daily.js';
import { createAccounts } from './daily-accounts.js';
import { createDayMemo } from './daily-memo.js';
import { earningsRows } from './daily-rows.js';
import { factorOf } from './fiat.js';

const TODAY = 20_500;
const DAYS = 8;
const IDS = ['a', 'b', 'c'];
const NETWORKS = ['helium', 'dimo'];

const deviceOf = (id: string): Device => ({
  ...{ id, name: id, site: 'roof', tags: [id === 'a' ? 'old' : 'new'], about: {}, agent_version: null, interval_ms: null },
  ...{ carried_by: null, created_at: (TODAY - 2) * DAY_MS, watts: 10, purchase_price: null, hosting_share: null },
});
const siteOf = (tariff: string): Site => ({ id: 'roof', name: 'Roof', tariff, time_zone: 'UTC' });

/** Everything that the rows are made of, to be changed at will. */
const createWorld = () => {
  const devices = new Map(IDS.map((id) => [id, deviceOf(id)]));
  const world = { site: siteOf('0.3'), price: '2', watts_by_tag: {} as Record<string, number>, today: TODAY, count: 0 };
  const registry = {
    get: (id: string) => devices.get(id),
    all: () => devices.values(),
    sites: { get: () => world.site } as never,
  };
  const daily = createDaily({
    priceOf: ({ network }, day) =>
      network === 'dimo' && day % 5 === 0 ? null : { factor: factorOf(parseDecimal(world.price), null), earlier: false },
    known: (id) => devices.has(id),
    today: () => world.today,
  });
  const now = () => world.today * DAY_MS + 5e7;
  const costs = createCosts({
    ...{ registry, energy: { of: () => undefined }, tariffs: createTariffs(), now },
    watts_by_tag: () => world.watts_by_tag,
  });
  const memo = createDayMemo(() => [world.today, world.site, world.watts_by_tag]);
  const rows = (query: Partial<EarningsQuery>, kept: boolean) => {
    const span = { from: (TODAY - DAYS) * DAY_MS, to: (TODAY + 2) * DAY_MS, by: 'day' as const };
    const needs = { daily, costs, registry, accounts: createAccounts(), now: now() };
    return earningsRows({ ...needs, memo: kept ? memo : undefined }, { ...span, ...query });
  };
  const earn = (id: string, network: string, day: number) => {
    const entry: LedgerEntry = {
      ...{
        id: `${world.count++}`,
        device: id,
        network,
        account: 'x',
        token: 'T',
        decimals: 2,
        source: 's',
        ts: day * DAY_MS + 5,
      },
      ...{ amount: `${100 + world.count}`, exact: true, kind: 'increase', seen: 0 },
    };
    daily.take([{ kind: 'entry', entry }]);
  };
  return { world, devices, daily, rows, earn };
};
type World = ReturnType<typeof createWorld>;

const pick = fc.record({
  id: fc.constantFrom(...IDS),
  network: fc.constantFrom(...NETWORKS),
  back: fc.integer({ min: 0, max: DAYS + 2 }),
});
type Picked = { id: string; network: string; back: number };
const CHANGES: Record<string, (of: World, picked: Picked) => void> = {
  earn: ({ earn, world }, { id, network, back }) => earn(id, network, world.today - back),
  price({ world, daily }, { back }) {
    world.price = `${back + 1}.5`;
    daily.repriced(null, TODAY - 20);
  },
  tariff({ world }, { back }) {
    world.site = siteOf(`0.${back + 1}`);
  },
  patch({ devices }, { id, back }) {
    const one = devices.get(id);
    if (one)
      devices.set(id, {
        ...one,
        watts: back === 0 ? null : back * 7,
        hosting_share: back % 2 ? 0.25 : null,
        tags: back % 3 ? ['old'] : ['new'],
      });
  },
  birth({ devices }, { id }) {
    const one = devices.get(id);
    if (one) devices.set(id, { ...one, agent_version: 'next' });
  },
  remove({ devices, daily }, { id }) {
    devices.delete(id);
    daily.forget(id);
  },
  join: ({ devices }, { id }) => void devices.set(id, deviceOf(id)),
  plates({ world }, { back }) {
    world.watts_by_tag = { old: back };
  },
  midnight({ world }) {
    world.today = Math.min(world.today + 1, TODAY + 2);
  },
};
const QUERIES: Partial<EarningsQuery>[] = [{}, { network: 'helium' }, { tag: 'old' }, { device: 'b' }];

describe('rows of days that are kept', () => {
  it('are what they would be if they were made anew, whatever happens between two questions', async () => {
    const loaded = async () => {
      const made = createWorld();
      await made.daily.load({ entries: async () => [] }, { from: 0 });
      return made;
    };
    const step = fc.tuple(fc.constantFrom(...Object.keys(CHANGES), 'earn', 'earn'), pick);
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
        const made = await loaded();
        for (const [name, picked] of steps) {
          CHANGES[name]?.(made, picked);
          for (const query of QUERIES) expect(made.rows(query, true)).toEqual(made.rows(query, false));
        }
      }),
      { numRuns: 150 },
    );
  });
});
