import { AppError } from '@muster/shared/errors';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { alert, device, NOW, value } from '../testing/parts.js';
import { type Asked, startTestServer, type TestServer } from '../testing/server.js';
import { installCommand, joinCommand } from './joining.js';

let server: TestServer;
beforeEach(async () => {
  server = await startTestServer();
  for (const id of ['pi-1', 'pi-2', 'pi-3']) server.kept.devices.set(id, device(id));
});
afterEach(() => server.stop());

const get = (path: string) => server.ask(`/api/v1${path}`, { token: 'viewer-token' });
const act = (method: string, path: string, body?: unknown, token = 'admin-token') =>
  server.ask(`/api/v1${path}`, { method, token, body });
const ids = (reply: { json: { items?: unknown[] } }) => reply.json.items?.map((item) => (item as { id: string }).id);

describe('the store', () => {
  it('tells its size, and says so while its size to come cannot be told', async () => {
    const reply = await get('/store');
    expect(reply.json).toMatchObject({
      healthy: true,
      bytes: 4096,
      rows: 1,
      samples: 30,
      damaged: 0,
      fault: null,
      forecast: null,
    });
  });
});

describe('devices', () => {
  it('come in pages that neither repeat nor leave out one, also when one goes in between', async () => {
    const first = await get('/devices?limit=2');
    expect([ids(first), first.json['next']]).toEqual([['pi-1', 'pi-2'], 'pi-2']);
    server.kept.devices.delete('pi-2');
    const second = await get('/devices?limit=2&after=pi-2');
    expect([ids(second), second.json['next']]).toEqual([['pi-3'], undefined]);
  });

  it('have no next page when the last one is exactly full', async () => {
    const reply = await get('/devices?limit=3');
    expect([ids(reply)?.length, reply.json['next']]).toEqual([3, undefined]);
  });

  it('are filtered by site, tag, state, network and words, together', async () => {
    const { kept } = server;
    kept.devices.set('pi-2', device('pi-2', { site: 'barn', tags: ['solar'], about: { hostname: 'Barn-Pi' } }));
    kept.states.set('pi-2', 'lost');
    expect(ids(await get('/devices?site=barn'))).toEqual(['pi-2']);
    expect(ids(await get('/devices?tag=solar&state=lost'))).toEqual(['pi-2']);
    expect(ids(await get('/devices?state=online'))).toEqual(['pi-1', 'pi-3']);
    expect(ids(await get('/devices?network=storj'))).toEqual(['pi-1']);
    expect(ids(await get('/devices?q=barn-pi'))).toEqual(['pi-2']);
    expect(ids(await get('/devices?site=barn&state=online'))).toEqual([]);
    expect((await get('/devices?state=broken')).json.error?.path).toBe('state');
    for (const limit of ['0', '1001', 'ten', '1e2', '-1']) expect((await get(`/devices?limit=${limit}`)).status).toBe(400);
    expect((await get('/devices?site=a&site=b')).status).toBe(400);
  });

  it('change only in what was given', async () => {
    server.kept.sites.set('barn', { id: 'barn', name: 'Barn', tariff: null, time_zone: 'UTC' });
    await act('PATCH', '/devices/pi-1', { name: 'First', watts: 4.5 }, 'operator-token');
    const reply = await act('PATCH', '/devices/pi-1', { site: 'barn', purchase_price: '89.90' }, 'operator-token');
    expect(reply.json).toMatchObject({ name: 'First', watts: 4.5, site: 'barn', purchase_price: '89.90', tags: [] });
    expect((await act('PATCH', '/devices/pi-1', { site: 'nowhere' })).json.error?.path).toBe('site');
    expect((await act('PATCH', '/devices/none', { name: 'x' })).status).toBe(404);
    expect((await act('PATCH', '/devices/pi-1', { purchase_price: 89.9 })).status).toBe(400);
  });

  it('are deleted by an admin', async () => {
    expect((await act('DELETE', '/devices/pi-1')).json).toEqual({ ok: true });
    expect((await get('/devices/pi-1')).json.error?.code).toBe('not_found');
  });

  it('may carry others; a new key keeps them', async () => {
    const reply = await act('PUT', '/devices/pi-1/carries', { devices: ['hotspot', 'hotspot'] });
    expect(reply.json['carries']).toEqual(['hotspot']);
    expect((await act('POST', '/devices/pi-1/rotate')).json).toEqual({ device: 'pi-1', key: 'key-of-pi-1' });
    expect(server.kept.asked).toContainEqual({ credential: 'pi-1', carries: ['hotspot'] });
    expect((await act('PUT', '/devices/pi-1/carries', { devices: ['pi-1'] })).status).toBe(400);
  });

  it('get a command when their own agent is connected', async () => {
    const send = (id: string) =>
      act('POST', `/devices/${id}/commands`, { command: 'restart', args: { soft: true } }, 'operator-token');
    expect((await send('pi-1')).json.error?.code).toBe('conflict');
    server.kept.connected.add('pi-1');
    const sent = await send('pi-1');
    expect(sent.status).toBe(200);
    expect(server.kept.asked).toContainEqual({ id: sent.json['id'], command: 'restart', args: { soft: true } });
    server.kept.devices.set('hotspot', device('hotspot', { carried_by: 'pi-1' }));
    expect((await send('hotspot')).json.error?.message).toContain('pi-1');
  });
});

describe('values', () => {
  beforeEach(() => {
    server.kept.values.set('pi-1', [
      value('hw.temperature{zone=cpu}', 54, NOW - 5),
      value('hw.temperature{zone=gpu}', 61),
      value('system.uptime', 12),
    ]);
    server.kept.declarations.set('system.network.io', { kind: 'counter', unit: 'By', title: 'Network' });
  });

  it('are given newest of all series', async () => {
    const reply = await get('/devices/pi-1/latest');
    expect(reply.json).toMatchObject({ device: 'pi-1', ts: NOW });
    expect(reply.json['values']).toContainEqual({ metric: 'hw.temperature', labels: { zone: 'cpu' }, value: 54, ts: NOW - 5 });
    expect((await get('/devices/pi-2/latest')).json).toEqual({ device: 'pi-2', ts: null, values: [] });
  });

  it('as a series are those of the last day in 500 points unless asked otherwise', async () => {
    const reply = await get('/devices/pi-1/series/system.uptime');
    expect(reply.json).toEqual({
      metric: 'system.uptime',
      labels: {},
      unit: '1',
      kind: 'gauge',
      tier: 'raw',
      points: [[NOW - 86_400_000, 1, 2, 3]],
    });
    expect(server.kept.asked.at(-1)).toMatchObject({ series: 'system.uptime', to: NOW, points: 500 });
    expect((await get('/devices/pi-1/series/system.network.io?from=1&to=2&points=5')).json).toMatchObject({
      kind: 'counter',
      unit: 'By',
    });
    expect(server.kept.asked.at(-1)).toMatchObject({ kind: 'counter', from: 1, to: 2, points: 5 });
  });

  it('of several series need labels, and the error names them', async () => {
    const reply = await get('/devices/pi-1/series/hw.temperature');
    expect([reply.status, reply.json.error?.path]).toEqual([400, 'labels']);
    expect(reply.json.error?.message).toContain('zone=cpu | zone=gpu');
    const chosen = await get('/devices/pi-1/series/hw.temperature?labels=zone%3Dgpu');
    expect(chosen.json['labels']).toEqual({ zone: 'gpu' });
    expect(server.kept.asked.at(-1)).toMatchObject({ series: 'hw.temperature{zone=gpu}' });
    expect((await get('/devices/pi-1/series/hw.temperature?labels=zone')).status).toBe(400);
  });

  it('refuse what cannot be: an unknown metric, too many points, a span that ends before it begins', async () => {
    expect((await get('/devices/pi-1/series/no.such')).status).toBe(404);
    expect((await get('/devices/none/series/system.uptime')).status).toBe(404);
    for (const query of ['points=5001', 'from=5&to=5', 'from=yesterday', 'to=99999999999999999'])
      expect([query, (await get(`/devices/pi-1/series/system.uptime?${query}`)).status]).toEqual([query, 400]);
  });

  it('over the fleet come in pages and as a top list', async () => {
    server.kept.values.set('pi-2', [value('hw.temperature{zone=cpu}', 40)]);
    const first = await get('/series/hw.temperature/latest?limit=2');
    const second = await get(`/series/hw.temperature/latest?limit=2&after=${encodeURIComponent(String(first.json['next']))}`);
    const all = [...(first.json.items ?? []), ...(second.json.items ?? [])] as { device: string; value: number }[];
    expect(all.map((one) => [one.device, one.value])).toEqual([
      ['pi-1', 54],
      ['pi-1', 61],
      ['pi-2', 40],
    ]);
    expect((await get('/series/hw.temperature/top?by=max')).json.items).toEqual([
      { device: 'pi-1', labels: { zone: 'cpu' }, value: 54 },
    ]);
  });

  it('tell how long a device was in which state', async () => {
    const reply = await get('/devices/pi-1/availability?from=0&to=1000');
    expect(reply.json).toMatchObject({ from: 0, to: 1000, total_ms: { online: 1000 } });
  });

  it('are exported whole, a line each, in as many reads as it takes', async () => {
    server.kept.rows = Array.from({ length: 1_201 }, (_, ts) => ({ ts, series: { 'system.uptime': ts } }));
    const reply = await get('/devices/pi-1/export');
    const lines = reply.text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { kind: string });
    expect(reply.headers['content-type']).toBe('application/x-ndjson');
    expect(lines[0]).toMatchObject({ kind: 'device', device: { id: 'pi-1' } });
    expect(lines.filter((one) => one.kind === 'row')).toHaveLength(1_201);
    expect((await get('/devices/none/export')).status).toBe(404);
  });
});

describe('sites', () => {
  it('are made, changed and deleted when nobody is there', async () => {
    const made = await act(
      'POST',
      '/sites',
      { name: 'Größe Scheune', tariff: '0.31', time_zone: 'Europe/Berlin' },
      'operator-token',
    );
    expect(made.json).toEqual({ id: 'gro-e-scheune', name: 'Größe Scheune', tariff: '0.31', time_zone: 'Europe/Berlin' });
    expect((await act('POST', '/sites', { name: 'Größe Scheune' })).json.error?.code).toBe('conflict');
    expect((await act('PATCH', '/sites/gro-e-scheune', { tariff: null })).json).toMatchObject({
      tariff: null,
      time_zone: 'Europe/Berlin',
    });
    expect((await act('POST', '/sites', { name: 'x', time_zone: 'Mars/North' })).json.error?.path).toBe('time_zone');
    server.kept.devices.set('pi-1', device('pi-1', { site: 'gro-e-scheune' }));
    expect((await act('DELETE', '/sites/gro-e-scheune')).json.error?.code).toBe('conflict');
    server.kept.devices.set('pi-1', device('pi-1'));
    expect((await act('DELETE', '/sites/gro-e-scheune')).status).toBe(200);
    expect((await get('/sites')).json.items).toEqual([]);
  });
});

describe('alerts', () => {
  it('are listed in their order, page by page, and acknowledged one or many', async () => {
    server.kept.alerts = ['c', 'b', 'a'].map((id, index) => alert(id, { event: index + 1 }));
    const first = await get('/alerts?limit=2');
    expect([ids(first), first.json['next']]).toEqual([['c', 'b'], 'b']);
    expect(ids(await get('/alerts?limit=2&after=b'))).toEqual(['a']);
    const taken = await act('POST', '/alerts/a/acknowledge', { comment: 'on my way' }, 'operator-token');
    expect(taken.json['acknowledged']).toEqual({ by: 'a operator', owner: 'a operator', at: NOW, comment: 'on my way' });
    expect((await act('POST', '/alerts/b/acknowledge', undefined, 'operator-token')).status).toBe(200);
    expect((await act('POST', '/alerts/none/acknowledge')).status).toBe(404);
    expect(ids(await act('POST', '/alerts/acknowledge', { ids: ['b', 'none', 'c'] }))).toEqual(['c', 'b']);
  });

  it('have numbered events to catch up from', async () => {
    server.kept.alerts = [1, 2, 3].map((event) => alert(`a${event}`, { event }));
    const reply = await get('/alerts/events?after=1&limit=1');
    expect(reply.json.items).toMatchObject([{ number: 2 }]);
    expect(reply.json['next']).toBe('2');
  });

  it('come of rules that an operator replaces as a whole', async () => {
    const rule = {
      id: 'hot',
      rule: 'threshold',
      title: 'Hot',
      enabled: true,
      severity: 'warning',
      scope: { all: true },
      config: { above: 80 },
    };
    expect((await act('PUT', '/rules', { items: [rule] }, 'operator-token')).json.items).toEqual([rule]);
    expect((await act('PUT', '/rules', { items: [rule, rule] })).status).toBe(400);
    expect((await act('PUT', '/rules', { items: [{ ...rule, scope: {} }] })).json.error?.path).toBe('items.0.scope');
    const barn = { ...rule, scope: { site: 'barn' } };
    const refused = await act('PUT', '/rules', { items: [rule, { ...barn, id: 'cold' }] });
    expect([refused.status, refused.json.error?.path]).toEqual([400, 'items.1.scope.site']);
    expect(refused.json.error?.message).toContain('no site "barn"');
    const left_out = { ...rule, except: [{ device: 'pi-1' }, { site: 'barn' }] };
    const unknown = await act('PUT', '/rules', { items: [left_out] });
    expect([unknown.status, unknown.json.error?.path]).toEqual([400, 'items.0.except.1.site']);
    server.kept.sites.set('barn', { id: 'barn', name: 'Barn', tariff: null, time_zone: 'UTC' });
    expect((await act('PUT', '/rules', { items: [barn] })).status).toBe(200);
    expect((await act('PUT', '/rules', { items: [left_out] })).json.items).toEqual([left_out]);
    expect((await get('/rules')).json).toMatchObject({ items: [], declarations: [{ id: 'offline' }] });
  });
});

describe('money', () => {
  it('is text to the last digit, of the last 30 UTC days unless asked otherwise', async () => {
    const reply = await get('/earnings');
    expect(reply.text).toContain('"amount":"900719925474099299"');
    expect(server.kept.asked.at(-1)).toMatchObject({ by: 'device', to: NOW + 86_400_000, from: NOW - 29 * 86_400_000 });
    expect((await get('/earnings?by=planet')).status).toBe(400);
    expect((await get('/networks')).json.items).toMatchObject([{ network: 'storj', state: 'ok' }]);
  });
});

describe('joining', () => {
  it('begins with an invite whose command can be pasted as it is', async () => {
    const reply = await act('POST', '/invites', {}, 'operator-token');
    expect(reply.json).toEqual({
      token: 'invite-token',
      expires: NOW + 3_600_000,
      command: 'npm run agent -- join --hub https://192.0.2.7:7443 --token invite-token --pin sha256:pin',
      install: expect.stringMatching(
        /^curl -fsSk --pinnedpubkey 'sha256\/\/\S+' https:.*\/install.sh \| sh -s -- --hub .* --pin sha256:pin$/,
      ),
      hint: null,
    });
    expect(server.kept.asked.at(-1)).toEqual({ uses: 1, ttl_s: 3600 });
  });

  it('goes over plain HTTP only on this host, and to the public address where there is one', () => {
    const on_loopback = {
      http: 'http://127.0.0.1:7480',
      https: 'https://127.0.0.1:7443',
      mqtt: null,
      mqtts: null,
      pin: 'sha256:p',
    };
    expect(joinCommand(on_loopback, 't', null)).toBe('npm run agent -- join --hub http://127.0.0.1:7480 --token t');
    expect(joinCommand(on_loopback, 't', 'https://muster.example/')).toBe(
      'npm run agent -- join --hub https://muster.example --token t --pin sha256:p',
    );
  });

  it('never goes in plain over the network, whatever the public address says', () => {
    const open = { http: 'http://127.0.0.1:7480', https: 'https://192.0.2.7:7443', mqtt: null, mqtts: null, pin: 'sha256:p' };
    const command = 'npm run agent -- join --hub https://192.0.2.7:7443 --token t --pin sha256:p';
    expect(joinCommand(open, 't', 'http://muster.example')).toBe(command);
    expect(joinCommand(open, 't', 'http://localhost:8080')).toBe('npm run agent -- join --hub http://localhost:8080 --token t');
  });

  it('names the device in the command where the invite is for one', async () => {
    const { json } = await act('POST', '/invites', { device: 'new' }, 'operator-token');
    for (const line of ['command', 'install']) expect(json[line]).toMatch(/ --device new$/);
  });

  it('brings the agent by a line in which curl has the pin in its own alphabet', () => {
    const pin = `sha256:${'_-'.repeat(21)}8`;
    const at = { http: 'http://127.0.0.1:7480', https: 'https://192.0.2.7:7443', mqtt: null, mqtts: null, pin };
    expect(installCommand(at, 't', null)).toBe(
      `curl -fsSk --pinnedpubkey 'sha256//${'/+'.repeat(21)}8=' https://192.0.2.7:7443/install.sh | sh -s -- --hub https://192.0.2.7:7443 --token t --pin ${pin}`,
    );
    expect(installCommand({ ...at, https: null }, 't', null)).toBe(
      'curl -fsS http://127.0.0.1:7480/install.sh | sh -s -- --hub http://127.0.0.1:7480 --token t',
    );
  });

  it('says when the command works on this machine only', async () => {
    const alone = await startTestServer({ settings: { public_url: 'http://127.0.0.1:7480' } });
    const reply = await alone.ask('/api/v1/invites', { method: 'POST', token: 'admin-token', body: {} });
    expect(reply.json['hint']).toContain('npm start -- --lan');
    await alone.stop();
  });

  it('lets an operator make single invites for new devices only', async () => {
    const invite = (body: unknown, token: string) => act('POST', '/invites', body, token);
    for (const body of [{ uses: 2 }, { carries: ['hotspot'] }, { device: 'pi-1' }]) {
      expect((await invite(body, 'operator-token')).json.error?.code).toBe('forbidden');
      expect((await invite(body, 'admin-token')).status).toBe(200);
    }
    expect((await invite({ device: 'new' }, 'operator-token')).status).toBe(200);
    expect((await invite({ uses: 2, carries: ['hotspot'] }, 'admin-token')).status).toBe(400);
    expect((await invite({ ttl_s: 0 }, 'admin-token')).status).toBe(400);
  });

  it('ends with a key and where to take it, for whoever has the token', async () => {
    const ask = (token: string): Asked => ({ method: 'POST', body: { token, device: 'pi-9', about: { os: 'linux' } } });
    expect((await server.ask('/api/v1/join', ask('invite-token'))).json).toEqual({
      device: 'pi-9',
      key: 'key-of-pi-9',
      mqtt: 'mqtt://127.0.0.1:1883',
      mqtts: 'mqtts://192.0.2.7:8883',
      pin: 'sha256:pin',
    });
    expect((await server.ask('/api/v1/join', ask('guess'))).json.error?.code).toBe('unauthorized');
  });
});

describe('the rest', () => {
  it('lists what was quarantined and who did what, newest first, page by page', async () => {
    server.kept.logs = [1, 2, 3].map((number) => ({ number, ts: NOW, device: 'pi-1', value: { reason: 'clock' } }));
    const numbers = (reply: { json: { items?: unknown[] } }) =>
      reply.json.items?.map((one) => (one as { number: number }).number);
    expect(numbers(await get('/quarantine?limit=2'))).toEqual([3, 2]);
    expect((await get('/quarantine?limit=2')).json['next']).toBe('2');
    const onward = await get('/quarantine?limit=2&after=2');
    expect([numbers(onward), onward.json['next']]).toEqual([[1], undefined]);
    expect(numbers(await act('GET', '/audit'))).toEqual([3, 2, 1]);
  });

  it('lists the declared metrics', async () => {
    server.kept.declarations.set('hw.power', { kind: 'gauge', unit: 'W', title: 'Power', resolution: 0.1 });
    expect((await get('/catalogue')).json.items).toEqual([
      { metric: 'hw.power', kind: 'gauge', unit: 'W', title: 'Power', resolution: 0.1 },
    ]);
  });

  it('says whether the hub is well, and nothing else', async () => {
    expect((await server.ask('/healthz')).json).toEqual({ status: 'ok' });
    expect((await server.ask('/healthz', { method: 'HEAD' })).status).toBe(200);
    server.kept.store_healthy = false;
    expect((await server.ask('/healthz')).json.error?.code).toBe('storage');
  });

  it('gives Prometheus its text', async () => {
    const reply = await server.ask('/metrics', { token: 'viewer-token' });
    expect([reply.text, reply.headers['content-type']]).toEqual([
      'muster_connections 1\n',
      'text/plain; version=0.0.4; charset=utf-8',
    ]);
  });

  it('passes on what a part refuses', async () => {
    server.kept.broken = new AppError('storage', 'The store cannot be read');
    server.kept.values.set('pi-1', [value('system.uptime', 1)]);
    expect((await get('/devices/pi-1/series/system.uptime')).status).toBe(503);
  });
});
