import type { HttpReply, HttpRequest } from '@muster/shared/http';
import { describe, expect, it } from 'vitest';
import { createFiatHarness, DAY, income, NOON, TODAY } from './testing/fiat.js';

const UNIT = 10n ** 8n;
const month = { from: TODAY - 29 * DAY, to: TODAY + 10 * DAY, by: 'day' as const };

/** A provider whose answers a test chooses; keeps what it was asked. */
const service = () => {
  const asked: HttpRequest[] = [];
  let answer: () => Partial<HttpReply> = () => ({ status: 500 });
  return {
    asked,
    says(next: () => Partial<HttpReply>) {
      answer = next;
    },
    http: {
      async request(request: HttpRequest): Promise<HttpReply> {
        asked.push(request);
        return { status: 200, headers: {}, text: '', ...answer() };
      },
    },
  };
};
const priced = (usd: string) => () => ({ text: `{"storj":{"usd":${usd}},"bitcoin":{"usd":100000,"eur":80000}}` });

const start = () => {
  const gecko = service();
  const hub = createFiatHarness(gecko.http);
  hub.device('pi');
  hub.earn(income('pi', 10n * UNIT));
  /** Ticks until what was asked has been answered. */
  const tick = async () => {
    hub.book.tick();
    for (let turn = 0; turn < 20; turn++) await Promise.resolve();
  };
  const fiat = async () =>
    Object.fromEntries((await hub.book.earnings(month)).map(({ key, fiat: value }) => [key.slice(8), value]));
  return { gecko, hub, tick, fiat };
};

describe('the price of a day', () => {
  it('is the first of that day, asked for once and never changed, also after a restart', async () => {
    const { gecko, hub, tick, fiat } = start();
    gecko.says(priced('0.25'));
    await tick();
    gecko.says(priced('9'));
    hub.clock.advance(6 * 3_600_000);
    await tick();
    expect([gecko.asked.length, await fiat()]).toEqual([1, { 31: '2.50000000' }]);
    hub.restart();
    expect(await fiat()).toEqual({ 31: '2.50000000' });
    expect(hub.book.prices().state).toEqual([
      {
        ...{ network: 'storj', token: 'STORJ', provider: 'coingecko', price: '0.25', currency: 'USD', day: '2026-01-31' },
        ...{ at: NOON, label: 'day' },
      },
    ]);
  });

  it('stands in for the days after it for a while, labelled, until theirs is known', async () => {
    const { gecko, hub, tick, fiat } = start();
    gecko.says(priced('0.25'));
    await tick();
    gecko.says(() => ({ status: 503 }));
    hub.clock.advance(2 * DAY);
    hub.earn(income('pi', 4n * UNIT, { ts: hub.clock.now() }));
    await tick();
    expect(await fiat()).toEqual({ 31: '2.50000000', '02': '1.00000000' });
    const query = { from: TODAY, to: TODAY + 3 * DAY, sort: 'fiat', descending: true, limit: 1, skip: 0 } as const;
    expect((await hub.book.compare(query)).items[0]?.earlier_prices).toBe(true);
    hub.clock.advance(3_600_000);
    gecko.says(priced('3'));
    await tick();
    expect(await fiat()).toEqual({ 31: '2.50000000', '02': '12.00000000' });
    hub.clock.advance(10 * DAY);
    hub.earn(income('pi', UNIT, { ts: hub.clock.now() - 4 * DAY }));
    expect((await fiat())['08']).toBeNull();
  });

  it('is in the currency of the hub by the cross rate of that day', async () => {
    const { gecko, hub, tick, fiat } = start();
    gecko.says(priced('0.25'));
    await tick();
    await hub.book.setPrices({ currency: 'EUR' });
    expect(await fiat()).toEqual({ 31: '2.00000000' });
    await hub.book.setPrices({ currency: 'XAU' });
    expect(await fiat()).toEqual({ 31: null });
    await hub.book.setPrices({ rates: { XAU: '0.0005' } });
    expect(await fiat()).toEqual({ 31: '0.00125000' });
  });

  it('can be stated from a day on, whatever was fetched', async () => {
    const { hub, fiat } = start();
    hub.earn(income('pi', UNIT, { ts: TODAY - 5 * DAY }));
    hub.earn(income('pi', UNIT, { ts: TODAY - 9 * DAY }));
    const prices = [
      { from: '2026-01-30', price: '2' },
      { from: '2026-01-25', price: '1.5' },
    ];
    await hub.book.setPrices({ sources: { STORJ: { provider: 'manual', prices } } });
    expect(await fiat()).toEqual({ 31: '20.00000000', 26: '1.50000000', 22: null });
  });
});

describe('a provider in trouble', () => {
  it('is left alone longer and longer, and as long as it asks for', async () => {
    const { gecko, hub, tick } = start();
    gecko.says(() => ({ status: 429, headers: { 'retry-after': '7200' } }));
    await tick();
    hub.clock.advance(7_100_000);
    await tick();
    expect(gecko.asked).toHaveLength(1);
    expect(hub.book.prices().providers.coingecko).toMatchObject({ last_error: expect.stringContaining('too often') });
    gecko.says(() => ({ text: '<html>' }));
    for (let minute = 0; minute < 24 * 60; minute++) {
      hub.clock.advance(60_000);
      await tick();
    }
    expect(gecko.asked.length).toBeLessThan(25);
  });

  it('that does not know a token is asked again only after an hour, and the token stays unknown', async () => {
    const { gecko, hub, tick, fiat } = start();
    gecko.says(() => ({ text: '{}' }));
    await tick();
    hub.clock.advance(3_500_000);
    await tick();
    expect([gecko.asked.length, await fiat()]).toEqual([1, { 31: null }]);
    expect(hub.book.prices().providers.coingecko.last_error).toBe('no price for storj');
  });
});

describe('the settings', () => {
  it('never show a key, keep it, and want it again for another address', async () => {
    const { gecko, hub, tick } = start();
    const view = await hub.book.setPrices({ providers: { coingecko: { address: 'http://gecko/', key: 'secret-key' } } });
    expect(JSON.stringify(view)).not.toContain('secret-key');
    expect(view.providers.coingecko).toMatchObject({ address: 'http://gecko', key_set: true });
    await tick();
    expect(gecko.asked[0]?.headers?.['x-cg-demo-api-key']).toBe('secret-key');
    await expect(hub.book.setPrices({ providers: { coingecko: { address: 'http://other' } } })).rejects.toMatchObject({
      details: { path: 'providers.coingecko.key' },
    });
    hub.restart();
    expect(hub.book.prices().providers.coingecko.key_set).toBe(true);
    await expect(hub.book.setPrices({ sources: { X: { provider: 'fixed', price: '0' } } })).rejects.toMatchObject({
      code: 'bad_request',
    });
  });
});
