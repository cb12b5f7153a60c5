import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { dress } from '../sim/dress.js';
import { createFleet, type Fleet } from '../sim/fleet.js';
import { PHONE, picture, startBrowser, type TestBrowser } from '../testing/browser.js';
import { makeFolder, type RunningHub, startHub, until } from '../testing/processes.js';

/** Rules, notices and silences in a real Chromium, against a real hub with a simulated fleet and a receiver of its notices. */
const folder = makeFolder();
const PASSWORD = 'a long password';
const DEVICES = 12;
const browser: TestBrowser | null = await startBrowser();
let hub: RunningHub;
let fleet: Fleet;
let page: Page;
let receiver: Server;
const received: string[] = [];

interface Rule {
  id: string;
  rule: string;
  title: string;
  severity: string;
  scope: object;
  enabled: boolean;
  config: Record<string, unknown>;
}
const rules = async () => (await hub.api.get<{ items: Rule[] }>('/rules')).items;

const startReceiver = async (): Promise<Server> => {
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const part of request) body += part;
    received.push(body);
    response.end('{}');
  });
  await new Promise<void>((done) => void server.listen(0, '127.0.0.1', done));
  return server;
};

const open = async (where: Page, path: string, heading: string) => {
  await where.goto(`${hub.addresses.http}${path}`);
  await where.getByRole('heading', { name: heading, exact: true }).waitFor();
};

const signIn = async (where: Page, name: string) => {
  await where.goto(`${hub.addresses.http}/rules`);
  await where.getByLabel('Name').fill(name);
  await where.getByLabel('Password').fill(PASSWORD);
  await where.getByRole('button', { name: /sign in/i }).click();
  await where.getByRole('heading', { name: 'Rules' }).waitFor();
};

const wide = (where: Page) => where.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);

beforeAll(async () => {
  if (!browser) return;
  receiver = await startReceiver();
  hub = await startHub(folder.path, { MUSTER_STORE_COMMIT_MS: '100' });
  for (const role of ['admin', 'operator', 'viewer'])
    await hub.api.post('/users', { name: `${role}-one`, password: PASSWORD, role });
  const pace = { interval_ms: 500, keepalive_s: 5, connects_per_s: 100 };
  fleet = createFleet(hub.api, { ...pace, devices: DEVICES, seed: 5, prefix: 'node', faults: [] });
  await fleet.start();
  await dress(hub.api, { prefix: 'node', devices: DEVICES });
  page = await browser.page();
  page.on('dialog', (dialog) => void dialog.accept());
}, 90_000);

afterAll(async () => {
  await browser?.close();
  await fleet?.stop();
  await hub?.stop();
  receiver?.closeAllConnections();
  receiver?.close();
  folder.remove();
});

describe.skipIf(!browser)('the settings of alerts', { timeout: 90_000 }, () => {
  it('list the rules that hold out of the box, each in words', async () => {
    await signIn(page, 'admin-one');
    const offline = page.locator('.rules > li').filter({ hasText: 'Device offline' });
    await offline.getByText('Lost for 20 s, or shut down for 10 min').waitFor();
    await picture(page, 'rules');
  });

  it('make a rule about a metric, try it on the past, and it fires', async () => {
    await page.getByText('Add a rule').click();
    await page.keyboard.press('Escape');
    await page.getByRole('link', { name: 'Metric beyond a level' }).waitFor({ state: 'hidden' });
    await page.getByText('Add a rule').click();
    await page.getByRole('link', { name: 'Metric beyond a level' }).click();
    await page.getByLabel('Title').fill('Warm processor');
    await page.getByLabel('Metric').fill('hw.temperature');
    await page.getByText(/now [\d.]+ °C to [\d.]+ °C/).waitFor();
    await page.getByLabel('Where', { exact: true }).fill('zone=cpu');
    await page.getByLabel('Level').fill('warm');
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByText('Above must be a number.').waitFor();
    expect(await page.getByLabel('Level').getAttribute('aria-invalid')).toBe('true');
    await page.getByLabel('Level').fill('12');
    await page.getByLabel('For', { exact: true }).fill('1 s');
    await page.getByLabel('Until back at').fill('10');
    await page.getByLabel('For which devices').selectOption('site');
    await page.getByLabel('Site').selectOption({ label: 'Roof' });
    await page.getByLabel('How far back').selectOption('1');
    await page.getByRole('button', { name: 'Try it' }).click();
    await page.getByText(/\d+ alerts? on 3 devices/).waitFor();
    await page.getByText('Values are means over 1 min').waitFor();
    await picture(page, 'rule-editor');
    expect((await rules()).some(({ title }) => title === 'Warm processor')).toBe(false);
    await page.getByRole('button', { name: 'Save' }).click();
    const line = page.locator('.rules > li').filter({ hasText: 'Warm processor' });
    await line.getByText('3 firing').waitFor();
    await line.getByText('Temperature (hw.temperature) where zone=cpu above 12.0 °C for 1 s, until back at 10.0 °C').waitFor();
    expect((await rules()).find(({ title }) => title === 'Warm processor')).toMatchObject({
      ...{ id: 'warm-processor', rule: 'threshold', scope: { site: 'roof' } },
      config: { metric: 'hw.temperature', labels: { zone: 'cpu' }, above: 12, for_ms: 1_000, clear: 10 },
    });
  });

  it('say which rule a narrower one stands in for', async () => {
    await page.getByRole('link', { name: 'Duplicate Device offline' }).click();
    await page.getByLabel('For which devices').selectOption('tag');
    await page.getByLabel('Tag').selectOption('helium');
    await page.getByText('it stands in for “Device offline” (All devices)').waitFor();
    await page.getByLabel('Title').fill('Hotspot offline');
    await page.getByLabel('Lost for').fill('5 min');
    await picture(page, 'rule-override');
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByText('Holds there instead of “Device offline”.').waitFor();
  });

  it('do not overwrite what somebody else saved meanwhile', async () => {
    await page.getByRole('link', { name: 'Edit Hotspot offline' }).click();
    await page.getByLabel('Lost for').fill('2 min');
    const others = (await rules()).map((rule) => (rule.title === 'Hotspot offline' ? { ...rule, severity: 'info' } : rule));
    await hub.api.put('/rules', { items: others });
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByText('Somebody else changed this rule meanwhile').waitFor();
    await picture(page, 'rule-clash');
    await page.getByRole('button', { name: 'Take theirs' }).click();
    await page.getByLabel('Lost for').fill('3 min');
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByText('Lost for 3 min').waitFor();
    expect((await rules()).find(({ title }) => title === 'Hotspot offline')).toMatchObject({
      severity: 'info',
      config: { after_ms: 180_000 },
    });
  });

  it('go out to a file and come back, after a look at what would change', async () => {
    await page.getByText('File', { exact: true }).click();
    const [file] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: 'Export' }).click()]);
    expect(file.suggestedFilename()).toBe('muster-rules.json');
    const saved = JSON.parse(readFileSync(await file.path(), 'utf8')) as { kind: string; rules: Rule[] };
    const before = await rules();
    expect(saved.rules).toEqual(before);
    const changed = saved.rules
      .filter(({ id }) => id !== 'clock_skew')
      .map((rule) =>
        rule.id === 'offline' ? { ...rule, severity: 'warning', config: { ...rule.config, after_ms: 90_000 } } : rule,
      );
    const load = (content: object) =>
      page
        .getByLabel('File of rules')
        .setInputFiles({ name: 'mine.json', mimeType: 'application/json', buffer: Buffer.from(JSON.stringify(content)) });
    await load([{ ...before[0], config: { after_ms: 'soon' } }]);
    await page
      .getByRole('alert')
      .getByText(/after_ms/)
      .waitFor();
    await load({ ...saved, rules: changed });
    await page.getByText('Severity: critical → warning').waitFor();
    await page.getByText('Lost for: 20 s → 1 min 30 s').waitFor();
    await page.getByLabel('Remove the rules that are not in the file').check();
    await page.getByText('Removed', { exact: true }).waitFor();
    await picture(page, 'rules-import');
    expect(await rules()).toEqual(before);
    await page.getByRole('button', { name: 'Save 2 changes' }).click();
    await page.getByRole('heading', { name: 'Rules' }).waitFor();
    expect((await rules()).map(({ id }) => id).sort()).toEqual(changed.map(({ id }) => id).sort());
  });

  it('make a channel, try it, and send alerts of a route there', async () => {
    await open(page, '/notices', 'Notices');
    await page.getByText('Nobody is told of alerts yet').waitFor();
    await picture(page, 'notices-empty');
    await page.getByRole('button', { name: 'Add a channel' }).click();
    await page.getByLabel('Channel', { exact: true }).selectOption({ label: 'Webhook' });
    await page.getByLabel('Name').fill('hook');
    await page.getByLabel('url').fill(`http://127.0.0.1:${(receiver.address() as AddressInfo).port}/`);
    await picture(page, 'channel-form');
    await page.getByRole('form', { name: 'New channel' }).getByRole('button', { name: 'Save' }).click();
    await page.getByRole('button', { name: 'Test hook' }).click();
    await page.getByText('A test went to "hook".').waitFor();
    expect(received.length).toBeGreaterThan(0);
    await page.getByRole('button', { name: 'Add a route' }).click();
    await page.getByRole('radio', { name: 'Everything' }).check();
    await page.getByLabel('Every channel').uncheck();
    await page.getByLabel('hook', { exact: true }).check();
    await page.getByLabel('Again every').fill('1 h 30 min');
    await page.getByLabel('When nobody acknowledges it within').fill('15 min');
    await page.getByRole('group', { name: 'Then also to' }).getByLabel('hook').check();
    await page.getByLabel('Quiet hours').check();
    await picture(page, 'route-form');
    await page.getByRole('form', { name: 'Route route' }).getByRole('button', { name: 'Save' }).click();
    await page.getByText('again every 1 h 30 min until acknowledged').waitFor();
    await page.getByRole('button', { name: 'Up: route' }).click();
    await page.getByText('Never reached: a route above takes every alert.').waitFor();
    await picture(page, 'notices');
    const { items } = await hub.api.get<{ items: { id: string; match: object; quiet_hours: object }[] }>('/routes');
    expect(items).toMatchObject([
      {
        ...{ id: 'route', match: { severity: 'info' }, notifiers: ['hook'], repeat_ms: 5_400_000 },
        ...{
          escalate: { after_ms: 900_000, notifiers: ['hook'] },
          quiet_hours: { from: '22:00', to: '07:00', time_zone: 'UTC' },
        },
      },
      { id: 'default' },
    ]);
    const critical = {
      ...(await rules()).find(({ id }) => id === 'warm-processor'),
      id: 'hot',
      title: 'Hot as never',
      severity: 'critical',
    };
    await hub.api.put('/rules', { items: [...(await rules()), critical] });
    await until('a notice', () => received.some((body) => body.includes('Hot as never')));
  });

  it('watch over the hub itself by an address that is never shown', async () => {
    await page.getByLabel('Address').fill(`http://127.0.0.1:${(receiver.address() as AddressInfo).port}/secret-path`);
    await page.getByLabel('Every', { exact: true }).fill('10 s');
    await page.getByRole('region', { name: "Dead man's switch" }).getByRole('button', { name: 'Save' }).click();
    await page.getByText(/127\.0\.0\.1:\d+ every 10 s/).waitFor();
    expect(await page.content()).not.toContain('secret-path');
    await picture(page, 'heartbeat');
  });

  it('silence a device from a form, shown on a calendar, and end it', async () => {
    await open(page, '/silences?device=node-0001', 'Silences');
    await page.getByRole('button', { name: '4 h' }).click();
    await page.getByLabel('Why').fill('New antenna');
    await picture(page, 'silence-form');
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByRole('list', { name: 'All silences' }).getByText('Hotspot 1').waitFor();
    const silenced = async () => {
      const { items } = await hub.api.get<{ items: { silenced: string | null; state: string }[] }>('/alerts?device=node-0001');
      return items.filter(({ state }) => state === 'firing').map((one) => one.silenced);
    };
    expect(await silenced()).toEqual(expect.arrayContaining(['silenced: New antenna']));
    await page.getByRole('button', { name: 'Add a silence' }).click();
    await page.getByLabel('For which devices').selectOption('site');
    await page.getByLabel('Site').selectOption({ label: 'Warehouse' });
    await page.getByRole('radio', { name: 'Every week' }).check();
    for (const day of ['Sat', 'Sun']) await page.getByRole('button', { name: day, exact: true }).click();
    await page.getByLabel('Time zone').selectOption('Europe/Berlin');
    await page.getByLabel('Why').fill('Night shift restarts them');
    await picture(page, 'silence-weekly');
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByText('Mon–Fri 22:00–07:00 (Europe/Berlin)').waitFor();
    expect(await page.locator('.calendar .block').count()).toBeGreaterThan(5);
    await picture(page, 'silences');
    await page.getByRole('button', { name: 'Month', exact: true }).click();
    await picture(page, 'silences-month');
    await page.getByRole('button', { name: 'End now Hotspot 1' }).click();
    await page.getByRole('list', { name: 'All silences' }).getByText('Hotspot 1').waitFor({ state: 'detached' });
    expect(await silenced()).not.toContain('silenced: New antenna');
  });

  it('have a worker that takes what the push service brings, under the policy of the page', async () => {
    const context = page.context();
    const answer = await context.request.get(`${hub.addresses.http}/push-worker.js`);
    expect(answer.headers()['content-type']).toMatch(/javascript/);
    expect(answer.headers()['cache-control']).toBe('no-cache');
    const tools = await context.newCDPSession(page);
    const registered = new Promise<string>((done) =>
      tools.on('ServiceWorker.workerRegistrationUpdated', ({ registrations }) => {
        if (registrations[0]) done(registrations[0].registrationId);
      }),
    );
    await tools.send('ServiceWorker.enable');
    await page.evaluate(async () => {
      await navigator.serviceWorker.register('/push-worker.js');
      await navigator.serviceWorker.ready;
    });
    const [worker] = context.serviceWorkers();
    // This Chromium has nowhere to show a notification: what would be shown is kept.
    await worker?.evaluate(() => {
      const scope = globalThis as unknown as { registration: { showNotification: unknown }; shown: unknown[] };
      scope.shown = [];
      scope.registration.showNotification = async (...shown: unknown[]) => scope.shown.push(shown);
    });
    const data = JSON.stringify({ title: 'Hot', body: 'It is hot', url: '/alerts?id=1', tag: 't', severity: 'critical' });
    const registrationId = await registered;
    await tools.send('ServiceWorker.deliverPushMessage', { origin: hub.addresses.http, registrationId, data });
    const shown = () => worker?.evaluate(() => (globalThis as unknown as { shown: unknown[] }).shown);
    await until('the notification', async () => ((await shown())?.length ?? 0) > 0);
    expect(await shown()).toMatchObject([['Hot', { body: 'It is hot', tag: 't', data: { page: '/alerts?id=1' } }]]);
  });

  it('are edited by operators but for channels, and only seen by viewers', async () => {
    const operator = await browser?.page();
    const viewer = await browser?.page();
    if (!operator || !viewer) return;
    await signIn(operator, 'operator-one');
    await operator.getByText('Add a rule').waitFor();
    await open(operator, '/notices', 'Notices');
    await operator.getByRole('button', { name: 'Add a route' }).waitFor();
    expect(await operator.getByRole('button', { name: /channel|Test|Remove/ }).count()).toBe(0);
    expect(await operator.getByText("Dead man's switch").count()).toBe(0);
    await signIn(viewer, 'viewer-one');
    await viewer.locator('.rules > li').first().waitFor();
    expect(await viewer.locator('main button, main input, main .acts').count()).toBe(1 + 1);
    await open(viewer, '/rules?edit=offline', 'Rules');
    await open(viewer, '/notices', 'Notices');
    await viewer.getByText('hook').first().waitFor();
    expect(await viewer.locator('main .acts, main form').count()).toBe(0);
    await open(viewer, '/silences', 'Silences');
    await viewer.getByText('Night shift restarts them').first().waitFor();
    expect(await viewer.getByRole('button', { name: /Add|Delete|End/ }).count()).toBe(0);
  });

  it('work in the dark and on a phone, without sideways scrolling', async () => {
    for (const [name, options] of [
      ['dark', { dark: true }],
      ['phone', { viewport: PHONE }],
      ['phone-dark', { viewport: PHONE, dark: true }],
    ] as const) {
      const other = await browser?.page(options);
      if (!other) return;
      await signIn(other, 'admin-one');
      for (const [path, heading] of [
        ['/rules', 'Rules'],
        ['/rules?edit=temperature', 'Too hot, or held back by heat or power'],
        ['/notices', 'Notices'],
        ['/silences', 'Silences'],
      ] as const) {
        await open(other, path, heading);
        await other.waitForLoadState('networkidle');
        await picture(other, `settings-${name}-${path.replace(/\W+/g, '-').slice(1)}`);
        expect(await wide(other)).toBeLessThanOrEqual(0);
      }
      await other.getByRole('button', { name: 'Add a silence' }).click();
      await other.getByRole('radio', { name: 'Every week' }).check();
      await picture(other, `settings-${name}-silence-form`);
      expect(await wide(other)).toBeLessThanOrEqual(0);
    }
  });
});
