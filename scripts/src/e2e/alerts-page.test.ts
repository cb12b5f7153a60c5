import mqtt, { type MqttClient } from 'mqtt';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { dress, priceTokens } from '../sim/dress.js';
import { createFleet, type Fleet } from '../sim/fleet.js';
import { PHONE, picture, startBrowser, type TestBrowser } from '../testing/browser.js';
import { makeFolder, type RunningHub, startHub, until } from '../testing/processes.js';

/** The alerts pages in a real Chromium, against a real hub with a fleet that breaks. */
const folder = makeFolder();
const PASSWORD = 'a long password';
const DEVICES = 24;
/** Scripts that report a level of which the test says how high it is. */
const PROBES = 6;
const browser: TestBrowser | null = await startBrowser();
let hub: RunningHub;
let fleet: Fleet;
let page: Page;
let other: Page;
const probes: MqttClient[] = [];

interface Listed {
  id: string;
  rule: string;
  device: string;
  state: string;
  acknowledged: { by: string; comment: string | null; owner?: string } | null;
}
const listed = async (rule: string) =>
  (await hub.api.get<{ items: Listed[] }>('/alerts')).items.filter((one) => one.rule === rule && one.state !== 'resolved');

const signIn = async (where: Page, name: string, path: string) => {
  await where.goto(`${hub.addresses.http}${path}`);
  await where.getByLabel('Name').fill(name);
  await where.getByLabel('Password').fill(PASSWORD);
  await where.getByRole('button', { name: /sign in/i }).click();
  await where.getByRole('heading', { name: 'Alerts', exact: true }).waitFor();
};
const list = (where: Page) => where.locator('main.alerts-page');
const opened = (where: Page) => where.locator('main.alert-page');
const probeName = (index: number) => `probe-${index}`;
const report = (index: number, level: number) =>
  probes[index]?.publishAsync(`muster/v1/${probeName(index)}/report`, JSON.stringify({ metrics: { [METRIC]: level } }), {
    qos: 1,
  });

const startProbes = async () => {
  for (let index = 0; index < PROBES; index++) {
    const device = probeName(index);
    const { token } = await hub.api.post<{ token: string }>('/invites', { device });
    const { key } = await hub.api.post<{ key: string }>('/join', { token, device });
    const as = { clientId: device, username: device, password: key, reconnectPeriod: 0, keepalive: 60 };
    probes.push(await mqtt.connectAsync(hub.addresses.mqtt, as));
    await report(index, 1);
  }
};
const lineOf = (where: Page, name: string) => list(where).locator('.alerts > li').filter({ hasText: name });
const tab = (where: Page, name: string) => where.getByRole('navigation', { name: 'Which alerts' }).getByRole('link', { name });
const counts = (where: Page, name: string, count: number) =>
  until(`${count} ${name}`, async () => (await tab(where, name).textContent()) === `${name} ${count}`, 30_000);
const wide = (where: Page) => where.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);

/** A rule of the test's own: levels that a named report passes when the test says so. */
const METRIC = 'test.level';
const addRules = async () => {
  const { items } = await hub.api.get<{ items: { rule: string; config: object }[] }>('/rules');
  const quick = items.map((rule) => (rule.rule === 'offline' ? { ...rule, config: { ...rule.config, after_ms: 0 } } : rule));
  const level = { ...{ id: 'level', rule: 'threshold', title: 'Level is high', enabled: true, severity: 'warning' } };
  const config = { metric: METRIC, above: 10, clear: 5, for_ms: 0 };
  await hub.api.put('/rules', { items: [...quick, { ...level, scope: { all: true }, config }] });
};

beforeAll(async () => {
  if (!browser) return;
  hub = await startHub(folder.path, { MUSTER_STORE_COMMIT_MS: '100' });
  for (const name of ['ada', 'bob']) await hub.api.post('/users', { name, password: PASSWORD, role: 'operator' });
  const pace = { interval_ms: 500, keepalive_s: 5, connects_per_s: 100, history_days: 20 };
  fleet = createFleet(hub.api, { ...pace, devices: DEVICES, seed: 7, prefix: 'node', faults: [] });
  await priceTokens(hub.api, { days: 20, now: Date.now(), seed: 7 });
  await fleet.start();
  await dress(hub.api, { prefix: 'node', devices: DEVICES });
  await addRules();
  await startProbes();
  page = await browser.page();
  other = await browser.page();
}, 90_000);

afterAll(async () => {
  await browser?.close();
  for (const probe of probes) probe.end(true);
  await fleet?.stop();
  await hub?.stop();
  folder.remove();
});

describe.skipIf(!browser)('the alerts page', { timeout: 90_000 }, () => {
  it('says that nothing is wrong, then shows a lost device with what it costs', async () => {
    await signIn(page, 'ada', '/alerts');
    await page.getByText('Nothing asks for you').waitFor();
    expect(await page.title()).toBe('Muster');
    await picture(page, 'alerts-none');
    fleet.device(6)?.kill();
    await lineOf(page, 'GPU node 2').waitFor();
    expect(await lineOf(page, 'GPU node 2').locator('.stake').textContent()).toMatch(/^\$\d+\.\d\d\/day$/);
    await until('the number in the title', async () => (await page.title()) === '(1) Muster');
    const icon = () => page.locator('link[rel=icon]').getAttribute('href');
    await until('the number on the icon', async () => (await icon())?.startsWith('data:image/png'));
    await picture(page, 'alerts-lost');
  });

  it('is acknowledged on its own page with a comment and an owner, and another browser sees it', async () => {
    await signIn(other, 'bob', '/alerts');
    await counts(other, 'Firing', 1);
    await lineOf(page, 'GPU node 2').getByRole('link', { name: 'Device offline' }).click();
    await opened(page).getByText('is lost').first().waitFor();
    await opened(page).getByLabel('Comment').fill('The breaker fell');
    await opened(page).getByLabel('Owner').fill('carol');
    await opened(page).getByRole('button', { name: 'Acknowledge', exact: true }).click();
    await opened(page).getByText('carol takes care of it. The breaker fell').waitFor();
    await picture(page, 'alert-page');
    await counts(other, 'Acknowledged', 1);
    await until('nothing to look at', async () => (await other.title()) === 'Muster');
    await tab(other, 'Acknowledged').click();
    expect(await lineOf(other, 'GPU node 2').locator('.taken').textContent()).toBe('carol: The breaker fell');
    const [taken] = await listed('offline');
    expect(taken?.acknowledged).toMatchObject({ by: 'ada', owner: 'carol', comment: 'The breaker fell' });
  });

  it('is given back by the other, and its page tells every step by its number', async () => {
    await lineOf(other, 'GPU node 2').getByRole('link', { name: 'Device offline' }).click();
    await opened(other).getByRole('button', { name: 'Un-acknowledge' }).click();
    const steps = opened(page).locator('.timeline li');
    await steps.filter({ hasText: 'No longer acknowledged by bob' }).waitFor();
    const words = (await steps.locator('b').allTextContents()).filter((word) => !word.startsWith('It began'));
    expect(words).toEqual(['No longer acknowledged', 'Acknowledged', 'It fires']);
    const numbers = (await steps.locator('.number').allTextContents()).map(Number);
    expect(numbers).toEqual([...numbers].sort((a, b) => b - a));
    await opened(page).getByRole('link', { name: 'Back to the alerts' }).click();
    await opened(other).getByRole('link', { name: 'Back to the alerts' }).click();
    await counts(page, 'Firing', 1);
  });

  it('filters by rule, severity, site and words, and keeps that in its address', async () => {
    for (let index = 0; index < PROBES; index++) await report(index, 50);
    await counts(page, 'Firing', PROBES + 1);
    await list(page).getByLabel('Rule').selectOption({ label: 'Level is high' });
    await counts(page, 'Firing', PROBES);
    expect(page.url()).toContain('rule=level');
    await list(page).getByPlaceholder('Search').fill('probe-3');
    await counts(page, 'Firing', 1);
    await page.reload();
    await counts(page, 'Firing', 1);
    await list(page).getByLabel('Severity').selectOption('critical');
    await page.getByText('No alert here fits these filters.').waitFor();
    await picture(page, 'alerts-no-fit');
    await page.getByRole('button', { name: 'Clear the filters' }).click();
    await list(page).getByLabel('Site').selectOption({ label: 'Garage' });
    await counts(page, 'Firing', 1);
    await lineOf(page, 'GPU node 2').waitFor();
    await list(page).getByLabel('Site').selectOption('');
  });

  it('acknowledges, snoozes and silences many at once', async () => {
    await page.goto(`${hub.addresses.http}/alerts?rule=level`);
    await counts(page, 'Firing', PROBES);
    await list(page).getByLabel(`Select all ${PROBES} alerts`).check();
    await page.getByText(`${PROBES} selected`).waitFor();
    await picture(page, 'alerts-selected');
    await list(page).getByLabel('Comment', { exact: true }).fill('A test of the sensors');
    await list(page).getByRole('button', { name: 'Acknowledge', exact: true }).click();
    await counts(page, 'Acknowledged', PROBES);
    expect((await listed('level')).map(({ acknowledged }) => acknowledged?.comment)).toEqual(
      Array.from({ length: PROBES }, () => 'A test of the sensors'),
    );
    await tab(page, 'Acknowledged').click();
    await list(page).getByLabel('Select Level is high of probe-0').check();
    await list(page).locator('summary', { hasText: 'Snooze' }).click();
    await list(page).getByRole('button', { name: '1 hour' }).click();
    await counts(page, 'Silenced', 1);
    await list(page).getByLabel('Select Level is high of probe-1').check();
    await list(page).locator('summary', { hasText: 'Silence' }).click();
    await list(page).getByLabel('No notice of').selectOption('rule');
    await picture(page, 'alerts-silence');
    await list(page).getByRole('button', { name: 'Silence', exact: true }).click();
    await counts(page, 'Silenced', PROBES);
    expect((await hub.api.get<{ items: object[] }>('/silences')).items).toMatchObject([{ scope: { rule: 'level' } }]);
  });

  it('puts what is resolved into the history, where each change stands once', async () => {
    await report(2, 1);
    await page.goto(`${hub.addresses.http}/alerts?show=resolved`);
    await lineOf(page, 'probe-2').waitFor();
    await picture(page, 'alerts-history');
    await page.getByRole('link', { name: 'Every change' }).click();
    await list(page).locator('.events li').filter({ hasText: 'is resolved' }).waitFor();
    const { items } = await hub.api.get<{ items: { number: number }[] }>('/alerts/events');
    const shown = async () => (await list(page).locator('.events .number').allTextContents()).map(Number);
    const all = items.map(({ number }) => number).reverse();
    await until('every change', async () => (await shown()).join() === all.join());
    await list(page).getByPlaceholder('Search').fill('probe-2');
    await until('those of one device', async () => (await shown()).length === 3);
  });

  it('tells a browser that was away what it missed, each change once', async () => {
    await other.goto('about:blank');
    await report(3, 1);
    await until('it to be resolved', async () => (await listed('level')).length === PROBES - 2);
    await report(4, 1);
    await until('it to be resolved', async () => (await listed('level')).length === PROBES - 3);
    await other.goto(`${hub.addresses.http}/`);
    await other.getByRole('link', { name: '2 alert changes while you were away' }).click();
    await list(other).locator('.events li').filter({ hasText: 'probe-4' }).first().waitFor();
    const numbers = await list(other).locator('.events .number').allTextContents();
    expect(new Set(numbers).size).toBe(numbers.length);
  });

  it('shows an outage of a site as one card, and all of it is acknowledged at once', async () => {
    await page.goto(`${hub.addresses.http}/alerts`);
    for (let index = 0; index < DEVICES; index += 4) fleet.device(index)?.kill();
    const card = list(page).locator('.outages li').filter({ hasText: 'Roof: 6 devices offline' });
    await card.waitFor();
    await card.getByText('an hour at stake').waitFor();
    await until('its alerts', async () => (await listed('offline')).length === 7);
    expect(await lineOf(page, 'Hotspot').count()).toBe(0);
    await picture(page, 'alerts-outage');
    await card.getByRole('link').click();
    await until('its alerts', async () => (await opened(page).locator('.alerts li').count()) === 6);
    await opened(page).getByLabel('Comment', { exact: true }).fill('The roof has no power');
    await opened(page).getByRole('button', { name: 'Acknowledge', exact: true }).click();
    await opened(page).getByText('all by ada').waitFor();
    await picture(page, 'alerts-outage-page');
    await opened(page).getByRole('link', { name: 'Back to the alerts' }).click();
    await counts(page, 'Acknowledged', 6);
  });

  it('notifies once when switched on, however many tabs are open, and not unless', async () => {
    const tabs = [page, await page.context().newPage()];
    const shown: string[] = [];
    await page.context().exposeFunction('toldOf', (title: string) => void shown.push(title));
    await page.context().addInitScript(() => {
      class Stand {
        static permission = 'granted';
        static requestPermission = async () => 'granted';
        constructor(title: string) {
          (globalThis as unknown as { toldOf(title: string): void }).toldOf(title);
        }
      }
      Object.assign(globalThis, { Notification: Stand });
    });
    for (const one of tabs) {
      await one.goto(`${hub.addresses.http}/alerts`);
      await lineOf(one, 'GPU node 2').waitFor();
    }
    fleet.device(9)?.kill();
    await lineOf(page, 'Storage miner 3').waitFor();
    await page.getByLabel('Sound and notifications: off').click();
    await page.getByLabel('Show a desktop notification').check();
    await page.getByLabel('Sound and notifications: on').waitFor();
    await picture(page, 'alerts-bell');
    fleet.device(13)?.kill();
    for (const one of tabs) await lineOf(one, 'Storage miner 4').waitFor();
    fleet.device(17)?.kill();
    await until('two notifications', () => shown.length >= 2);
    expect(shown).toEqual(['Storage miner 4: Device offline', 'Storage miner 5: Device offline']);
    await tabs[1]?.close();
  });

  it('reports availability by device and site, and gives it as a file', async () => {
    await page.goto(`${hub.addresses.http}/alerts`);
    await page.getByRole('link', { name: 'Availability' }).click();
    const rows = page.locator('.report tbody tr');
    await rows.first().waitFor();
    const down = rows.filter({ hasText: 'GPU node 2' });
    expect(await down.locator('.v-outages').textContent()).toContain('1');
    expect(await down.locator('.v-uptime').textContent()).not.toContain('100 %');
    await page.getByRole('button', { name: 'Name' }).click();
    await until('names in order', async () => (await rows.first().locator('a').textContent())?.startsWith('GPU node 1'));
    await picture(page, 'availability');
    const [file] = await Promise.all([page.waitForEvent('download'), page.getByRole('link', { name: 'CSV' }).click()]);
    expect(file.suggestedFilename()).toMatch(/^muster-availability-device-.*\.csv$/);
    await page.getByRole('button', { name: 'Sites' }).click();
    await rows.filter({ hasText: 'Roof' }).waitFor();
    expect(page.url()).toContain('by=site');
  });

  it('works in the dark and on a phone, without sideways scrolling', async () => {
    const [first] = await listed('offline');
    for (const [name, options] of [
      ['dark', { dark: true }],
      ['phone', { viewport: PHONE }],
    ] as const) {
      const where = await browser?.page(options);
      if (!where) return;
      await signIn(where, 'bob', '/alerts');
      await lineOf(where, 'GPU node 2').waitFor();
      await picture(where, `alerts-page-${name}`);
      expect(await wide(where)).toBeLessThanOrEqual(0);
      for (const path of [`/alerts?alert=${first?.id}`, '/alerts?show=events', '/availability']) {
        await where.goto(`${hub.addresses.http}${path}`);
        await where.getByRole('heading', { level: 1 }).last().waitFor();
        await picture(where, `alerts-${path.replace(/\W+/g, '-').slice(1, 20)}-${name}`);
        expect(await wide(where)).toBeLessThanOrEqual(0);
      }
    }
  });
});
