import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { dress, priceTokens } from '../sim/dress.js';
import { createFleet, type Fleet } from '../sim/fleet.js';
import { PHONE, picture, startBrowser, type TestBrowser } from '../testing/browser.js';
import { makeFolder, type RunningHub, startHub, until } from '../testing/processes.js';

/** The earnings page in a real Chromium, against a real hub whose fleet has a past. */
const folder = makeFolder();
const PASSWORD = 'a long password';
const DEVICES = 24;
const DAYS = 75;
const browser: TestBrowser | null = await startBrowser();
let hub: RunningHub;
let fleet: Fleet;
let page: Page;
let wallet: Server;

/** An account without a device of its own; it earns with every question. */
const startWallet = async (): Promise<Server> => {
  let earned = 5_000_000_000_000_000_000n;
  const server = createServer((_request, response) => {
    earned += 1_000_000_000_000_000_001n;
    response.setHeader('content-type', 'application/json').end(`{"earned":${earned}}`);
  });
  await new Promise<void>((done) => void server.listen(0, '127.0.0.1', done));
  return server;
};

const signIn = async (where: Page, path: string) => {
  await where.goto(`${hub.addresses.http}${path}`);
  await where.getByLabel('Name').fill('operator-one');
  await where.getByLabel('Password').fill(PASSWORD);
  await where.getByRole('button', { name: /sign in/i }).click();
  await where.getByRole('heading', { name: 'Earnings' }).waitFor();
};

const wide = (where: Page) => where.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
const firstName = () => page.locator('.compare tbody tr').first().locator('.e-name a').textContent();

interface Row {
  key: string;
  fiat: string | null;
  streams: { amount: string }[];
}

beforeAll(async () => {
  if (!browser) return;
  wallet = await startWallet();
  hub = await startHub(folder.path, { MUSTER_STORE_COMMIT_MS: '100' });
  await hub.api.post('/users', { name: 'operator-one', password: PASSWORD, role: 'admin' });
  page = await browser.page();
}, 90_000);

afterAll(async () => {
  await browser?.close();
  await fleet?.stop();
  await hub?.stop();
  wallet?.close();
  folder.remove();
});

const startFleet = async () => {
  const pace = { interval_ms: 1_000, keepalive_s: 5, connects_per_s: 100 };
  fleet = createFleet(hub.api, { ...pace, devices: DEVICES, seed: 7, prefix: 'node', faults: [], history_days: DAYS });
  await fleet.start();
  await dress(hub.api, { prefix: 'node', devices: DEVICES });
  await until('five networks to have earned', async () => {
    const { items } = await hub.api.get<{ items: Row[] }>('/earnings?by=network');
    return items.length === 5 && (await hub.api.get<{ items: Row[] }>('/earnings?by=device')).items.length === DEVICES;
  });
};

describe.skipIf(!browser)('the earnings page', { timeout: 90_000 }, () => {
  it('says what to do while nothing is earned', async () => {
    await signIn(page, '/earnings');
    await page.getByText('Nothing earned yet').waitFor();
    await picture(page, 'earnings-empty');
  });

  it('never shows an unknown price as nothing', async () => {
    const { sources } = await hub.api.get<{ sources: Record<string, object> }>('/prices');
    const none = Object.fromEntries(Object.keys(sources).map((token) => [token, { provider: 'none' }]));
    await hub.api.put('/prices', { sources: none });
    await startFleet();
    await page.reload();
    await page.locator('.compare tbody tr').first().waitFor();
    const hotspot = page.locator('.compare tbody tr').filter({ hasText: 'Hotspot 1' });
    expect(await hotspot.locator('.e-fiat').textContent()).toBe('unknown');
    const storage = page.locator('.compare tbody tr').filter({ hasText: 'Storage miner 1' });
    expect(await storage.locator('.e-fiat').textContent()).toContain('incomplete');
    expect(await page.locator('.totals').textContent()).toContain('incomplete');
    await picture(page, 'earnings-unpriced');
  });

  it('compares devices by worth, cost and net, exact on hover', async () => {
    await priceTokens(hub.api, { days: DAYS, now: Date.now(), seed: 7 });
    await page.reload();
    await page.locator('.stack .uplot').waitFor();
    const row = page.locator('.compare tbody tr').filter({ hasText: 'GPU node 1' });
    expect(await row.locator('.e-fiat').textContent()).toMatch(/^≈ \$\d+\.\d\d$/);
    expect(await row.locator('.e-tokens .amounts').getAttribute('title')).toMatch(/^\d+\.\d{6,8} RENDER \(render, estimated\)$/);
    expect(await row.locator('.e-cost .fiat').getAttribute('title')).toMatch(/USD\n210 W \(nameplate\)/);
    expect(await row.locator('.e-cohort span').last().getAttribute('title')).toMatch(/Median of 6 devices/);
    const months = await hub.api.get<{ items: Row[] }>('/earnings?by=device');
    const first = months.items.find(({ key }) => key === 'node-0001');
    const shown = await page
      .locator('.compare tbody tr')
      .filter({ hasText: 'Hotspot 1' })
      .locator('.e-fiat .fiat')
      .getAttribute('title');
    expect(shown?.split('.')[0]).toBe(first?.fiat?.split('.')[0]);
    await picture(page, 'earnings');
  });

  it('sorts, filters and remembers both in its address', async () => {
    await page.getByRole('button', { name: 'Cost', exact: true }).click();
    await page.waitForURL(/sort=cost/);
    await until('the dearest first', async () => (await firstName())?.startsWith('GPU node'));
    await page.getByRole('button', { name: 'Cost', exact: true }).click();
    await until('the cheapest first', async () => (await firstName())?.startsWith('Vehicle'));
    await page.getByLabel('Network').selectOption('filecoin');
    await until('storage miners only', async () => (await page.locator('.compare tbody tr').count()) === DEVICES / 4);
    await page.getByRole('button', { name: '7 d', exact: true }).click();
    expect(page.url()).toMatch(/period=7d/);
    await page.reload();
    await until('the same after a reload', async () => (await page.locator('.compare tbody tr').count()) === DEVICES / 4);
    await page.locator('.stack .uplot canvas').waitFor();
    await picture(page, 'earnings-filtered');
    await page.getByLabel('Network').selectOption('');
  });

  it('exports receipts in four forms', async () => {
    await page.getByText('Export', { exact: true }).click();
    await picture(page, 'earnings-export');
    const [file] = await Promise.all([page.waitForEvent('download'), page.getByText('CSV for Koinly').click()]);
    expect(file.suggestedFilename()).toMatch(/^muster-.*koinly\.csv$/);
    expect(await page.locator('.menu a').count()).toBe(4);
    expect(await page.locator('.menu[open]').count()).toBe(0);
  });

  it('takes a price by hand', async () => {
    await page.getByRole('button', { name: 'Change the price of HNT' }).click();
    await page.getByLabel('Price from today on').fill('4.2');
    await picture(page, 'earnings-price');
    await page.getByRole('button', { name: 'Save' }).click();
    await page.locator('.prices li').filter({ hasText: 'HNT' }).getByText('4.2 USD').waitFor();
    const { sources } = await hub.api.get<{ sources: { HNT: { prices: object[] } } }>('/prices');
    expect(sources.HNT.prices.length).toBeGreaterThan(10);
  });

  it('says whose an account without a device is', async () => {
    const url = `http://127.0.0.1:${(wallet.address() as AddressInfo).port}/`;
    const earnings = { extract: 'earned', token: 'ACME', decimals: 18, account: 'shared-wallet' };
    await hub.api.put('/networks/wallet', { network: 'json', every: 5_000, config: { name: 'acme', url, ...earnings } });
    await until('its first answer', async () => {
      const { items } = await hub.api.get<{ items: { account: string }[] }>('/networks');
      return items.some(({ account }) => account === 'shared-wallet');
    });
    await page.reload();
    await page.getByRole('button', { name: 'Assign' }).click();
    await page.getByLabel('Device', { exact: true }).fill('GPU node 1');
    await page.getByRole('button', { name: 'One more device' }).click();
    await page.getByLabel('Device', { exact: true }).last().fill('node-0001');
    await page.getByLabel('Parts').last().fill('2');
    await picture(page, 'earnings-assign');
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByText('Accounts without a device').waitFor({ state: 'hidden' });
    const { periods } = await hub.api.get<{ periods: { shares: object[] }[] }>('/accounts/acme/shared-wallet');
    expect(periods[0]?.shares).toEqual([
      { device: 'node-0003', parts: 1 },
      { device: 'node-0001', parts: 2 },
    ]);
  });

  it('says what differs in the health of a device', async () => {
    fleet.device(2)?.kill();
    const row = page.locator('.compare tbody tr').filter({ hasText: 'GPU node 1' });
    await until('a reason', async () => {
      await page.reload();
      await row.waitFor();
      return (await row.locator('.chip').count()) > 0;
    });
    await picture(page, 'earnings-why');
  });

  it('says on the page of a device what an hour without it costs', async () => {
    await page.goto(`${hub.addresses.http}/devices/node-0002`);
    await page.getByText('At stake an hour').first().waitFor();
    await page.getByText('Lifetime').first().waitFor();
    await picture(page, 'device-earnings');
  });

  it('works in the dark and on a phone, without sideways scrolling', async () => {
    for (const [name, options] of [
      ['dark', { dark: true }],
      ['phone', { viewport: PHONE }],
      ['phone-dark', { viewport: PHONE, dark: true }],
    ] as const) {
      const other = await browser?.page(options);
      if (!other) return;
      await signIn(other, '/earnings');
      await other.locator('.stack .uplot').waitFor();
      await picture(other, `earnings-${name}`);
      expect(await wide(other)).toBeLessThanOrEqual(0);
      await other.locator('.prices').scrollIntoViewIfNeeded();
      await picture(other, `earnings-${name}-below`);
      await other.goto(`${hub.addresses.http}/devices/node-0002`);
      await other.getByText('At stake an hour').first().scrollIntoViewIfNeeded();
      await picture(other, `device-earnings-${name}`);
      expect(await wide(other)).toBeLessThanOrEqual(0);
    }
  });
});
