import { afterEach, beforeEach, expect, it } from 'vitest';
import { device, value } from '../testing/parts.js';
import { startTestServer, type TestServer } from '../testing/server.js';

let server: TestServer;
beforeEach(async () => {
  server = await startTestServer();
  server.kept.devices.set('pi-1', device('pi-1'));
  const series = ['hw.temperature{zone=cpu}', 'hw.temperature{zone=gpu}', 'system.uptime'];
  server.kept.values.set(
    'pi-1',
    series.map((key) => value(key, 12)),
  );
  server.kept.declarations.set('system.network.io', { kind: 'counter', unit: 'By', title: 'Network' });
});
afterEach(() => server.stop());

const get = (path: string) => server.ask(`/api/v1${path}`, { token: 'viewer-token' });

it('charts of several metrics come at once, all series of each', async () => {
  const reply = await get('/devices/pi-1/series?metrics=hw.temperature,system.uptime,system.network.io&from=1&to=2&points=5');
  expect(reply.json.items).toEqual([
    { metric: 'hw.temperature', labels: { zone: 'cpu' }, unit: '1', kind: 'gauge', tier: 'raw', points: [[1, 1, 2, 3]] },
    { metric: 'hw.temperature', labels: { zone: 'gpu' }, unit: '1', kind: 'gauge', tier: 'raw', points: [[1, 1, 2, 3]] },
    { metric: 'system.uptime', labels: {}, unit: '1', kind: 'gauge', tier: 'raw', points: [[1, 1, 2, 3]] },
  ]);
  expect(server.kept.asked.at(-1)).toMatchObject({ series: 'system.uptime', from: 1, to: 2, points: 5 });
  const many = Array.from({ length: 51 }, (_, n) => value(`hw.temperature{zone=${n}}`, n));
  server.kept.values.set('pi-1', many);
  expect((await get('/devices/pi-1/series?metrics=hw.temperature')).json.error?.message).toMatch(/51 series.*name fewer/);
  for (const metrics of ['', 'No', ',', many.map((_, n) => `m${n}`).join()])
    expect([metrics, (await get(`/devices/pi-1/series?metrics=${metrics}`)).status]).toEqual([metrics, 400]);
  expect((await get('/devices/pi-1/series')).status).toBe(400);
  expect((await get('/devices/pi-1/series?metrics=no.such')).status).toBe(404);
  expect((await get('/devices/none/series?metrics=system.uptime')).status).toBe(404);
});
