import { networkInterfaces } from 'node:os';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { dress } from '../sim/dress.js';
import { createFleet, type Fleet } from '../sim/fleet.js';
import { PHONE, picture, startBrowser, type TestBrowser } from '../testing/browser.js';
import { makeFolder, type RunningHub, samePorts, startHub } from '../testing/processes.js';

/** The dashboard in a real Chromium, against a real hub with a simulated fleet. */
const folder = makeFolder();
const PASSWORD = 'a long password';
const outward = Object.values(networkInterfaces())
  .flat()
  .find((address) => address?.family === 'IPv4' && !address.internal)?.address;
const browser: TestBrowser | null = await startBrowser();
let hub: RunningHub;
let fleet: Fleet;
let page: Page;

beforeAll(async () => {
  if (!browser) return;
  hub = await startHub(folder.path, { MUSTER_STORE_COMMIT_MS: '100' }, ['--lan']);
  fleet = createFleet(hub.api, {
    devices: 12,
    seed: 3,
    interval_ms: 500,
    keepalive_s: 5,
    prefix: 'node',
    faults: [],
    connects_per_s: 100,
  });
  await fleet.start();
  const { items } = await hub.api.get<{ items: { rule: string }[] }>('/rules');
  await hub.api.put('/rules', {
    items: items.map((rule) => (rule.rule === 'offline' ? { ...rule, config: { after_ms: 0 } } : rule)),
  });
  page = await browser.page();
}, 90_000);

afterAll(async () => {
  await browser?.close();
  await fleet?.stop();
  await hub?.stop();
  folder.remove();
});

const setupLink = () => /http:[^"\s]+#setup=[\w-]+/.exec(hub.output())?.[0] ?? '';

const signIn = async (where: Page, url: string) => {
  await where.goto(url);
  await where.getByLabel('Name').fill('operator-one');
  await where.getByLabel('Password').fill(PASSWORD);
  await where.getByRole('button', { name: /sign in/i }).click();
  await where.getByText('node-0001').first().waitFor();
};

describe.skipIf(!browser)('the dashboard', { timeout: 90_000 }, () => {
  it('makes the first account by the set-up link and then shows the fleet', async () => {
    await page.goto(setupLink());
    expect(page.url()).not.toContain('setup=');
    await picture(page, 'setup');
    await page.getByLabel('Name').fill('operator-one');
    for (const field of await page.locator('input[type=password]').all()) await field.fill(PASSWORD);
    await page.getByRole('button', { name: 'Create the account' }).click();
    await page.getByText('node-0001').first().waitFor();
    await picture(page, 'fleet');
  });

  it('shows what the hub keeps and what it could not take', async () => {
    await page.getByRole('link', { name: 'Hub', exact: true }).click();
    await page.getByText('takes reports').waitFor();
    await page.getByText(/values in [\d,]+ reports/).waitFor();
    await page.getByText('None: every message was understood.').waitFor();
    await picture(page, 'hub');
    await page.getByRole('link', { name: 'Fleet', exact: true }).click();
  });

  it('shows values that change while one looks', async () => {
    const row = page.locator('a, tr, [role=row], li').filter({ hasText: 'node-0001' }).first();
    const before = await row.textContent();
    await page.waitForFunction(
      ([text, old]) => {
        const rows = [...document.querySelectorAll('a, tr, [role=row], li')].filter((one) =>
          one.textContent?.includes(text ?? ''),
        );
        return rows.length > 0 && rows[0]?.textContent !== old;
      },
      ['node-0001', before] as const,
    );
  });

  it('shows a killed device as lost and its alert', async () => {
    fleet.device(2)?.kill();
    await page.getByText(/lost/i).first().waitFor();
    await picture(page, 'fleet-lost');
    await page
      .getByRole('link', { name: /alerts/i })
      .first()
      .click();
    await page
      .locator('.alerts')
      .getByText(/node-0003/)
      .first()
      .waitFor();
    await picture(page, 'alerts');
  });

  it('shows a device with its charts', async () => {
    await page.goto(`${hub.addresses.http}/devices/node-0001`);
    await page.locator('.uplot').first().waitFor();
    await page.waitForTimeout(1_500);
    await picture(page, 'device');
    expect(await page.locator('.uplot').count()).toBeGreaterThan(2);
  });

  it('gives the command that joins a machine', async () => {
    await page.goto(hub.addresses.http);
    await page
      .getByRole('button', { name: /add a device/i })
      .first()
      .click();
    await page
      .getByText(/--token/)
      .first()
      .waitFor();
    await picture(page, 'add-device');
  });

  it('says so while the hub is away and goes on when it is back', async () => {
    await page.goto(hub.addresses.http);
    await page.getByText('node-0001').first().waitFor();
    await hub.stop();
    await page
      .getByText(/reconnecting/i)
      .first()
      .waitFor();
    await picture(page, 'disconnected');
    hub = await startHub(folder.path, { MUSTER_STORE_COMMIT_MS: '100', ...samePorts(hub) }, ['--lan']);
    await page
      .getByText(/reconnecting/i)
      .first()
      .waitFor({ state: 'hidden' });
  });

  it('works in the dark and on a phone, without sideways scrolling', async () => {
    for (const [name, options] of [
      ['dark', { dark: true }],
      ['phone', { viewport: PHONE }],
      ['phone-dark', { viewport: PHONE, dark: true }],
    ] as const) {
      const other = await browser?.page(options);
      if (!other) return;
      await signIn(other, hub.addresses.http);
      await picture(other, `fleet-${name}`);
      const wide = () => other.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
      expect(await wide()).toBeLessThanOrEqual(0);
      await other.goto(`${hub.addresses.http}/devices/node-0001`);
      await other.locator('.uplot').first().waitFor();
      await other.waitForTimeout(1_000);
      await picture(other, `device-${name}`);
      expect(await wide()).toBeLessThanOrEqual(0);
      await other.goto(`${hub.addresses.http}/alerts`);
      await other.getByRole('heading').first().waitFor();
      await picture(other, `alerts-${name}`);
      expect(await wide()).toBeLessThanOrEqual(0);
    }
  });

  it.skipIf(!outward)('renders over HTTPS at an address of the network under its content security policy', async () => {
    const other = await browser?.page({ ignore_tls: true });
    if (!other) return;
    const faults: string[] = [];
    other.on('console', (message) => message.type() === 'error' && faults.push(message.text()));
    const port = (address: string | null) => new URL(address ?? '').port;
    await signIn(other, `http://${outward}:${port(hub.addresses.http)}`);
    expect(other.url()).toMatch(`https://${outward}:${port(hub.addresses.https)}`);
    await picture(other, 'fleet-https');
    expect(faults.filter((text) => /Content Security Policy|upgrade/.test(text))).toEqual([]);
  });

  it('shows names, sites and earnings as in the README', async () => {
    await dress(hub.api, { prefix: 'node', devices: 12 });
    fleet.device(0)?.stop(Date.now());
    await page.goto(hub.addresses.http);
    await page.getByText('Storage miner 1').first().waitFor();
    await page
      .getByText(/stopped/i)
      .first()
      .waitFor();
    await picture(page, 'readme');
  });
});
