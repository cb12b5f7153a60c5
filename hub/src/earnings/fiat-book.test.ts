import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { CompareQuery, EarningsQuery } from '../parts.js';
import type { LedgerEntry } from '../store/store.js';
import { queryEarnings } from './query.js';
import { createFiatHarness, DAY, income, NOON, TODAY } from './testing/fiat.js';

const UNIT = 10n ** 8n;
const month: EarningsQuery = { from: TODAY - 29 * DAY, to: TODAY + DAY, by: 'device' };
const page: CompareQuery = { from: TODAY - 29 * DAY, to: TODAY + DAY, sort: 'fiat', descending: true, limit: 50, skip: 0 };

describe('income in fiat', () => {
  it('is null while the price is not known, never zero, and a part is not told as the whole', async () => {
    const hub = createFiatHarness();
    hub.device('pi');
    hub.earn(income('pi', 5n * UNIT));
    expect(await hub.book.earnings(month)).toMatchObject([{ key: 'pi', fiat: null, cost: null, net: null }]);
    hub.earn(income('pi', 2n * 10n ** 18n, { token: 'FIL', network: 'filecoin', decimals: 18 }));
    await hub.prices({ STORJ: '0.5' });
    const [row] = await hub.book.earnings(month);
    expect(row).toMatchObject({ fiat: null, net: null, incomplete: { fiat: '2.50000000' } });
    await hub.prices({ STORJ: '0.5', FIL: '1e-9' });
    const [whole] = await hub.book.earnings(month);
    expect([whole?.fiat, whole?.incomplete]).toEqual(['2.50000000', undefined]);
  });

  it('adds up to the same by device, network, site, tag and day, to the last place', async () => {
    const hub = createFiatHarness();
    hub.sites.set('roof', { id: 'roof', name: 'Roof', tariff: '0.3', time_zone: 'UTC' });
    for (const id of ['a', 'b', 'c']) hub.device(id, { site: 'roof', tags: ['t'], watts: 7 });
    await hub.prices({ STORJ: '0.123456789', FIL: '3.3333' });
    for (let index = 0; index < 60; index++) {
      const of = index % 3 ? {} : { token: 'FIL', network: 'filecoin', decimals: 18 };
      hub.earn(
        income(['a', 'b', 'c'][index % 3 === 0 ? 0 : index % 2] ?? 'a', 10n ** 9n / BigInt(index + 3), {
          ts: TODAY - (index % 20) * DAY,
          ...of,
        }),
      );
    }
    const sums = [];
    for (const by of ['device', 'network', 'site', 'tag', 'day'] as const) {
      const rows = await hub.book.earnings({ ...month, by });
      sums.push(rows.reduce((sum, { fiat }) => sum + BigInt((fiat ?? '').replace('.', '')), 0n));
    }
    expect(new Set(sums).size).toBe(1);
    expect(sums[0]).toBeGreaterThan(0n);
  });

  it('holds the same amounts as the ledger for any entries, spans and groups', async () => {
    const entry = fc.record({
      device: fc.constantFrom('a', 'b'),
      network: fc.constantFrom('storj', 'filecoin'),
      day: fc.integer({ min: 0, max: 40 }),
      amount: fc.bigInt({ min: -(10n ** 30n), max: 10n ** 30n }),
      exact: fc.boolean(),
      kind: fc.constantFrom('increase' as const, 'opening' as const),
    });
    const span = fc.record({
      from: fc.integer({ min: 0, max: 40 }),
      days: fc.integer({ min: 1, max: 20 }),
      cut: fc.constantFrom(0, 7),
    });
    const by = fc.constantFrom('device' as const, 'network' as const, 'tag' as const, 'day' as const);
    await fc.assert(
      fc.asyncProperty(fc.array(entry, { maxLength: 30 }), span, by, async (list, { from, days, cut }, group) => {
        const hub = createFiatHarness();
        for (const id of ['a', 'b']) hub.device(id, { tags: ['t', id] });
        for (const { day, amount, ...more } of list) {
          const made = income(more.device, amount, { ...more, ts: TODAY - day * DAY + 500 });
          if (day % 2) hub.apply([{ kind: 'entry', entry: made }]);
          else hub.earn(made);
        }
        hub.restart();
        const query = { from: TODAY - from * DAY + cut, to: TODAY + (days - from) * DAY, by: group };
        const sums = async (rows: Promise<{ key: string; streams: { amount: string }[] }[]>) =>
          (await rows).flatMap(({ key, streams }) =>
            streams.filter(({ amount }) => amount !== '0').map((one) => ({ key, ...one })),
          );
        const registry = { get: (id: string) => hub.devices.get(id) };
        expect(await sums(hub.book.earnings(query))).toEqual(await sums(queryEarnings(hub.reader, registry, query)));
      }),
      { numRuns: 60 },
    );
  });

  it('counts an entry once that is booked while the ledger is being read', async () => {
    const hub = createFiatHarness();
    hub.device('pi');
    await hub.prices({ STORJ: '1' });
    hub.earn(income('pi', UNIT));
    hub.restart();
    const open = hub.close();
    const asked = hub.book.earnings(month);
    hub.earn(income('pi', 2n * UNIT));
    open();
    expect(await asked).toMatchObject([{ fiat: '3.00000000' }]);
  });
});

describe('cost and net', () => {
  const at = (hub: ReturnType<typeof createFiatHarness>) =>
    hub.sites.set('roof', { id: 'roof', name: 'Roof', tariff: '0.25', time_zone: 'UTC' });

  it('follow from nameplate watts, the tariff and what the host keeps, up to now', async () => {
    const hub = createFiatHarness();
    at(hub);
    hub.device('pi', { site: 'roof', watts: 100, hosting_share: 0.2, purchase_price: '300' });
    await hub.prices({ STORJ: '1' });
    for (let day = 0; day < 30; day++) hub.earn(income('pi', 10n * UNIT, { ts: TODAY - day * DAY }));
    // 29.5 days × 2.4 kWh × 0.25 = 17.70; 300 − 60 − 17.70.
    expect(await hub.book.earnings(month)).toMatchObject([{ fiat: '300.00000000', cost: '17.70000000', net: '222.30000000' }]);
    const { items } = await hub.book.compare(page);
    expect(items[0]).toMatchObject({ hosting: '60.00000000', watts: '100', watts_from: 'nameplate', cohort: null });
    expect(items[0]?.break_even_tariff).toBe('3.38983051');
    expect(items[0]?.break_even_price).toMatchObject({ token: 'STORJ', price: '0.07375' });
    expect(items[0]?.payback).toEqual({ days: 40, date: new Date(TODAY - 60 * DAY).toISOString().slice(0, 10) });
  });

  it('are unknown without watts or tariff, and a tag can say the watts', async () => {
    const hub = createFiatHarness();
    at(hub);
    hub.device('pi', { site: 'roof', tags: ['hotspot'] });
    hub.device('far', { watts: 5 });
    await hub.prices({ STORJ: '1' });
    hub.earn(income('pi', UNIT));
    hub.earn(income('far', UNIT));
    expect(await hub.book.earnings(month)).toMatchObject([
      { key: 'far', cost: null, net: null },
      { key: 'pi', cost: null },
    ]);
    await hub.book.setPrices({ watts_by_tag: { hotspot: 4.5 } });
    const [, pi] = await hub.book.earnings(month);
    expect(pi?.cost).toBe('0.79650000');
    const [all] = await hub.book.earnings({ ...month, by: 'network' });
    expect(all).toMatchObject({ cost: null, net: null, incomplete: { cost: '0.79650000' } });
  });

  it('go by what was measured, hour by hour, kept as it was at the tariff of its time', async () => {
    const hub = createFiatHarness();
    const night = { days: [1, 2, 3, 4, 5, 6, 7], from: '00:00', to: '12:00', tariff: '0.10' };
    hub.sites.set('roof', { id: 'roof', name: 'Roof', tariff: '0.40', time_zone: 'UTC', tariff_periods: [night] });
    hub.device('pi', { site: 'roof', watts: 1_000 });
    hub.values.set('pi', [{ metric: 'hw.host.power', labels: { source: 'plug' }, value: 50, ts: NOON }]);
    // 100 W in the cheap half of the day, nothing measured in the last six hours.
    hub.points.set('pi', ({ from }) =>
      Array.from({ length: 18 }, (_, hour) => [from + hour * 3_600_000, 0, hour < 12 ? 100 : 70, 200] as const).map((one) => [
        ...one,
      ]),
    );
    hub.book.tick();
    await expect.poll(() => hub.documents.size).toBeGreaterThan(0);
    const day = { from: TODAY - DAY, to: TODAY, by: 'device' as const };
    await expect.poll(async () => (await hub.book.earnings(day))[0]?.cost).toBe('0.50400000');
    hub.sites.set('roof', { id: 'roof', name: 'Roof', tariff: '9', time_zone: 'UTC' });
    hub.restart();
    expect(await hub.book.earnings(day)).toMatchObject([{ cost: '0.50400000' }]);
  });
});

describe('a comparison', () => {
  const fleet = async () => {
    const hub = createFiatHarness();
    await hub.prices({ STORJ: '1' });
    for (let index = 0; index < 9; index++) {
      hub.device(`n-${index}`, { about: { model: 'Pi 4' }, tags: ['green'] });
      for (let day = 0; day < 60; day++) {
        const amount = index === 8 && day < 30 ? 1n : 10n + BigInt((index * 7) % 5);
        hub.earn(income(`n-${index}`, amount * UNIT, { ts: TODAY - day * DAY }));
      }
    }
    return hub;
  };

  it('ranks all devices and describes those of the page against their own past and those like them', async () => {
    const hub = await fleet();
    const { devices, items, totals } = await hub.book.compare({ ...page, limit: 3 });
    expect([devices, items.map(({ rank }) => rank)]).toEqual([9, [1, 2, 3]]);
    expect(totals.streams).toHaveLength(1);
    const last = (await hub.book.compare({ ...page, skip: 8 })).items[0];
    expect(last).toMatchObject({ device: 'n-8', rank: 9, fiat: '30.00000000', previous: { fiat: '330.00000000' } });
    expect(last?.previous.change).toBeLessThan(-0.9);
    expect(last?.cohort).toMatchObject({ by: ['network', 'kind', 'tag'], devices: 9, of: 'fiat' });
    expect(last?.cohort?.z).toBeLessThan(-3.5);
    expect(last?.trend.points).toHaveLength(30);
    expect(last?.why).toMatchObject({ uptime: 1, alerts: 0 });
  });

  it('sorts by what it is asked, unknown last, and takes filters', async () => {
    const hub = await fleet();
    hub.device('odd', { tags: ['red'] });
    hub.earn(income('odd', 5n, { token: 'NEW', network: 'new' }));
    const worst = await hub.book.compare({ ...page, sort: 'z', descending: false });
    expect(worst.items[0]?.device).toBe('n-8');
    expect(worst.items.at(-1)?.device).toBe('odd');
    expect((await hub.book.compare({ ...page, tag: 'red' })).items).toMatchObject([{ device: 'odd', rank: 1, fiat: null }]);
    expect((await hub.book.compare({ ...page, network: 'storj' })).devices).toBe(9);
  });

  it('says what a terabyte earns where the network declares its capacity', async () => {
    const hub = createFiatHarness();
    await hub.prices({ STORJ: '1' });
    hub.device('pi');
    hub.values.set('pi', [{ metric: 'storj.space_used', labels: {}, value: 2.5e12, ts: NOON }]);
    for (let day = 0; day < 30; day++) hub.earn(income('pi', 10n * UNIT, { ts: TODAY - day * DAY }));
    const [row] = (await hub.book.compare({ ...page, to: TODAY })).items;
    expect(row?.per).toEqual([{ network: 'storj', unit: 'TB', fiat: '4.00000000' }]);
  });

  it('counts only the series that the capacity is declared by: two kinds of power are one capacity', async () => {
    const hub = createFiatHarness();
    await hub.prices({ FIL: '1' });
    hub.device('pi');
    const power = (kind: string, tib: number) => ({ metric: 'filecoin.power', labels: { kind }, value: tib * 2 ** 40, ts: NOON });
    hub.values.set('pi', [power('raw', 10), power('quality_adjusted', 100)]);
    for (let day = 0; day < 30; day++)
      hub.earn(income('pi', 10n * UNIT, { ts: TODAY - day * DAY, network: 'filecoin', token: 'FIL' }));
    const [row] = (await hub.book.compare({ ...page, to: TODAY })).items;
    expect(row?.per).toEqual([{ network: 'filecoin', unit: 'TiB', fiat: '1.00000000' }]);
  });

  it('reads the ledger for days beyond those in memory', async () => {
    const hub = createFiatHarness();
    await hub.prices({ STORJ: '1' });
    hub.device('pi', { created_at: 0 });
    hub.apply([{ kind: 'entry', entry: income('pi', UNIT, { ts: TODAY - 300 * DAY }) as LedgerEntry }]);
    const old = await hub.book.compare({ ...page, from: TODAY - 310 * DAY, to: TODAY - 290 * DAY });
    expect(old.items).toMatchObject([{ fiat: '1.00000000' }]);
  });
});

describe('what is at stake', () => {
  it('is the median of the last closed days, an hour of it; nothing to go by is null', async () => {
    const hub = createFiatHarness();
    await hub.prices({ STORJ: '0.5' });
    hub.device('pi');
    expect(hub.book.stake('pi')).toBeNull();
    for (let day = 1; day <= 14; day++) hub.earn(income('pi', (day === 3 ? 900n : 24n) * UNIT, { ts: TODAY - day * DAY }));
    expect(hub.book.stake('pi')).toEqual({
      ...{ currency: 'USD', fiat_per_hour: '0.50000000' },
      tokens: [{ network: 'storj', token: 'STORJ', decimals: 8, amount_per_hour: `${UNIT}` }],
    });
  });
});
