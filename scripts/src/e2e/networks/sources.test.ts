import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createHttp } from '@muster/shared/http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeFolder, type RunningHub, samePorts, startHub, until } from '../../testing/processes.js';

/** A real hub asks real services over HTTP; most of them are ill in their own way. */
const folder = makeFolder();
const SECRET = 'Bearer a-very-secret-key';
const HUGE = 123_456_789_012_345_678_901_234_567_890n;
let hub: RunningHub;
let service: { url: string; close(): Promise<void> };
const state = { mode: 'good', amount: HUGE, asked: new Map<string, number>(), authorised: true };

type Answer = (request: IncomingMessage, response: ServerResponse) => void;
const json = (response: ServerResponse, value: string) =>
  response.writeHead(200, { 'content-type': 'application/json' }).end(value);

const ANSWERS: Record<string, Answer> = {
  good: (_request, response) => json(response, `{"earned": ${state.amount}, "space": 4096}`),
  hangs: () => {},
  trickles: (_request, response) => void response.writeHead(200).write('{"earned": '),
  floods(_request, response) {
    response.writeHead(200);
    const more = () => {
      while (!response.destroyed && response.write('0'.repeat(65_536)));
    };
    response.on('drain', more);
    more();
  },
  html: (_request, response) => void response.writeHead(200, { 'content-type': 'text/html' }).end('<html>Sign in</html>'),
  busy: (_request, response) => void response.writeHead(429, { 'retry-after': '3600' }).end('slow down'),
  broken: (_request, response) => void response.writeHead(500).end('oops'),
  lies: (_request, response) => json(response, '{"earned": "a lot", "space": "none"}'),
  negative: (_request, response) => json(response, '{"earned": -5, "space": 1}'),
  moved: (_request, response) => void response.writeHead(302, { location: '/good' }).end(),
};
const ILL = Object.keys(ANSWERS).filter((name) => name !== 'good');

const startService = async () => {
  const server: Server = createServer((request, response) => {
    const name = request.url?.slice(1) ?? '';
    state.asked.set(name, (state.asked.get(name) ?? 0) + 1);
    state.authorised &&= request.headers.authorization === SECRET;
    ANSWERS[name === 'changing' ? state.mode : name]?.(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const close = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, close };
};

const configOf = (name: string) => ({
  name: 'acme',
  url: `${service.url}/${name}`,
  headers: { authorization: SECRET },
  ...{ extract: 'earned', token: 'ACME', decimals: 18, account: `account-${name}` },
  metrics: [{ path: 'space', metric: 'space_used', unit: 'By' }],
});
const put = (name: string, more: object = {}) =>
  hub.api.put<SourceView>(`/networks/${name}`, { network: 'json', every: 5_000, config: configOf(name), ...more });

interface SourceView {
  state: string;
  last_error: string | null;
  last_ok: number | null;
  next_at: number;
  config: { headers: Record<string, string> };
}
interface Line {
  id: string;
  account: string;
  device: string;
  state: string;
  last_error: string | null;
}
const source = (name: string) => hub.api.get<SourceView>(`/networks/${name}`);
const lines = async () => (await hub.api.get<{ items: Line[] }>('/networks')).items;
const totals = async (device: string) =>
  (await hub.api.get<{ earnings_lifetime: { amount: string }[] }>(`/devices/${device}`)).earnings_lifetime.map(
    (one) => one.amount,
  );
const asked = (name: string, times: number) =>
  until(`${name} to be asked ${times} times`, () => (state.asked.get(name) ?? 0) >= times);

beforeAll(async () => {
  service = await startService();
  hub = await startHub(folder.path);
}, 60_000);

afterAll(async () => {
  await hub?.stop();
  await service?.close();
  folder.remove();
});

describe('sources that the hub asks', { timeout: 120_000 }, () => {
  it('make their devices; what they say is stored, live and booked to the last unit', async () => {
    await put('good', { devices: ['car'] });
    await until('an answer', async () => (await source('good')).state === 'ok');
    const { values } = await hub.api.get<{ values: { metric: string; value: number }[] }>('/devices/car/latest');
    expect(values).toMatchObject([{ metric: 'acme.space_used', value: 4_096 }]);
    const car = await hub.api.get<{ state: string }>('/devices/car');
    expect(car.state).toBe('online');
    state.amount += 7n;
    await until('the rise', async () => (await totals('car'))[0] === `${HUGE + 7n}`);
    const { items } = await hub.api.get<{ items: object[] }>('/earnings?by=device');
    expect(items).toMatchObject([{ key: 'car', streams: [{ network: 'acme', token: 'ACME', decimals: 18, amount: '7' }] }]);
    const catalogue = await hub.api.get<{ items: { metric: string }[] }>('/catalogue');
    expect(catalogue.items).toContainEqual(expect.objectContaining({ metric: 'acme.space_used', unit: 'By' }));
  });

  it('that are ill cost only themselves: each says what is wrong, the good one goes on', async () => {
    for (const name of ILL) await put(name, { devices: [`d-${name}`] });
    const before = state.asked.get('good') ?? 0;
    await until('all to fail', async () => (await Promise.all(ILL.map(source))).every((one) => one.state === 'failed'));
    await asked('good', before + 2);
    const errors = Object.fromEntries(await Promise.all(ILL.map(async (name) => [name, (await source(name)).last_error])));
    expect(errors).toMatchObject({
      hangs: expect.stringContaining('did not answer within 15000 ms'),
      trickles: expect.stringContaining('did not answer within 15000 ms'),
      floods: expect.stringContaining('more than 4000000 bytes'),
      html: expect.stringContaining('JSON'),
      busy: expect.stringContaining('come back in 3600 s'),
      broken: expect.stringContaining('500'),
      moved: expect.stringContaining('moved'),
    });
    expect((await source('busy')).next_at).toBeGreaterThan(Date.now() + 3_000_000);
    expect((await source('good')).state).toBe('ok');
    const shown = (await lines()).filter((line) => ILL.includes(line.id)).map(({ state: one }) => one);
    expect(shown).toEqual(ILL.map(() => 'failed'));
    expect(await totals('d-negative')).toEqual([]);
  });

  it('that come back, over a restart of the hub too, are counted once', async () => {
    await put('changing', { devices: ['d-changing'] });
    await until('an answer', async () => (await source('changing')).state === 'ok');
    const begun = (await totals('d-changing'))[0];
    expect(begun).toBe(`${state.amount}`);
    for (const mode of ['broken', 'lies']) {
      state.mode = mode;
      await asked('changing', (state.asked.get('changing') ?? 0) + 1);
      await until('it to fail', async () => (await source('changing')).state === 'failed');
    }
    const ports = samePorts(hub);
    await hub.stop();
    hub = await startHub(folder.path, ports);
    state.mode = 'good';
    state.amount += 5n;
    await until('the rise', async () => (await totals('d-changing'))[0] === `${state.amount}`);
    const { items } = await hub.api.get<{ items: { key: string; streams: { amount: string }[] }[] }>('/earnings?by=device');
    expect(items.map(({ key, streams }) => [key, streams[0]?.amount])).toContainEqual(['d-changing', '5']);
    await until('the rise of the other', async () => (await totals('car'))[0] === `${state.amount}`);
  });

  it('of an account without a device: nobody’s until it has shares, then divided to the unit', async () => {
    await put('shared', { config: { ...configOf('good'), account: 'wallet' } });
    await until('an answer', async () => (await source('shared')).state === 'ok');
    expect((await lines()).find(({ account }) => account === 'wallet')).toMatchObject({ device: '', state: 'ok' });
    const shares = [
      { device: 'car', parts: 2 },
      { device: 'd-html', parts: 1 },
    ];
    await hub.api.put('/accounts/acme/wallet', { shares });
    state.amount += 100n;
    await until('the shares', async () => (await totals('d-html'))[0] === '33');
    const { items } = await hub.api.get<{ items: { key: string; streams: { amount: string }[] }[] }>('/earnings?by=device');
    expect(items.find(({ key }) => key === 'd-html')?.streams).toMatchObject([{ amount: '33' }]);
    await expect(hub.api.put('/accounts/acme/wallet', { shares, from: 1 })).rejects.toThrow('409');
  });

  it('keep their secrets: none is in a reply, the audit or the log; another address needs them again', async () => {
    expect(state.authorised).toBe(true);
    const view = await put('good', { config: { ...configOf('good'), headers: { authorization: '********' } }, devices: ['car'] });
    expect(view.config.headers).toEqual({ authorization: '********' });
    const moved = { ...configOf('html'), headers: undefined };
    await expect(put('good', { config: moved })).rejects.toThrow('given again');
    const shown = await Promise.all(
      ['/networks', '/networks/good', '/audit'].map((path) => hub.api.get<object>(path).then((reply) => JSON.stringify(reply))),
    );
    expect(shown.join('') + hub.output()).not.toContain('a-very-secret-key');
    expect(shown[2]).toContain('devices made for a source');
  });

  it('are removed, and asked no more', async () => {
    const headers = { authorization: `Bearer ${hub.access.token}` };
    const request = { method: 'DELETE', url: `${hub.addresses.http}/api/v1/networks/good`, headers };
    expect((await createHttp().request(request)).status).toBe(200);
    await expect(source('good')).rejects.toThrow('404');
    await until(
      'its device to be unknown',
      async () => (await hub.api.get<{ state: string }>('/devices/car')).state === 'unknown',
    );
    expect((await totals('car')).length).toBe(1);
  });
});
