import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startHttpServer } from '@muster/shared/testing/http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type LiveListener, listenLive } from '../testing/live.js';
import { agent, makeFolder, type Program, type RunningHub, runAgent, startHub, until } from '../testing/processes.js';

/** One agent that reports for two devices which cannot run one: real processes, a service that answers for both. */
const folder = makeFolder();
const data = makeFolder();
const units = { roof: 12.6, van: 11.5 };
const silent = new Set<string>();
let hub: RunningHub;
let running: Program;
let live: LiveListener;
let service: Awaited<ReturnType<typeof startHttpServer>>;

const unit = (device: string) => ({
  device,
  name: `The ${device}`,
  sources: [
    {
      network: 'json',
      every: 1_000,
      config: { name: 'unit', url: `${service.url}/${device}`, metrics: [{ path: 'battery', metric: 'battery', unit: 'V' }] },
    },
  ],
});

const configure = (devices: readonly string[]) =>
  writeFileSync(join(data.path, 'agent', 'settings.json'), JSON.stringify({ carries: devices.map(unit) }));

const battery = async (device: string): Promise<number | undefined> => {
  const { values } = await hub.api.get<{ values: { metric: string; value: number }[] }>(`/devices/${device}/latest`);
  return values.find(({ metric }) => metric === 'unit.battery')?.value;
};

beforeAll(async () => {
  service = await startHttpServer(({ url = '' }) => {
    const name = url.slice(1);
    if (silent.has(name)) return { status: 503, text: '{}' };
    return { text: JSON.stringify({ battery: units[name as keyof typeof units] }) };
  });
  hub = await startHub(folder.path);
  live = await listenLive(hub.access);
  const { token } = await hub.api.post<{ token: string }>('/invites', { device: 'pi', carries: ['roof', 'van'] });
  const words = ['join', '--hub', hub.addresses.http, '--token', token, '--device', 'pi'];
  const joined = agent(words, { MUSTER_DATA: data.path });
  expect(await joined.ended, joined.output()).toBe(0);
  mkdirSync(join(data.path, 'agent'), { recursive: true });
  configure(['roof', 'van']);
  running = runAgent(data.path);
}, 60_000);

afterAll(async () => {
  live?.close();
  await running?.stop();
  await hub?.stop();
  await service?.close();
  folder.remove();
  data.remove();
});

describe('devices that an agent carries', { timeout: 120_000 }, () => {
  it('come online with their names, their pace and live values', async () => {
    await Promise.all([live.state('roof', 'online'), live.state('van', 'online')]);
    await until('both values', async () => (await battery('roof')) === 12.6 && (await battery('van')) === 11.5);
    units.roof = 13.1;
    await until('the new value', async () => (await battery('roof')) === 13.1);
    const page = await hub.api.get<{ about: object; interval_ms: number; state: string }>('/devices/roof');
    expect(page).toMatchObject({ about: { name: 'The roof' }, interval_ms: 1_000, state: 'online' });
    expect(await hub.api.get('/devices/pi')).toMatchObject({ carries: ['roof', 'van'], waiting: [] });
    expect(await hub.api.get('/quarantine')).toMatchObject({ items: [] });
  });

  it('are quiet, then lost, when their source is silent; the others are not', async () => {
    const since = Date.now();
    silent.add('van');
    await live.state('van', 'quiet', since);
    await live.state('van', 'lost', since);
    expect(await hub.api.get('/devices/roof')).toMatchObject({ state: 'online' });
    const back = Date.now();
    silent.delete('van');
    await live.state('van', 'online', back);
  });

  it('are unknown while their agent is away, and online again with it', async () => {
    const since = Date.now();
    await running.stop();
    await live.state('pi', 'stopped', since);
    await Promise.all([live.state('roof', 'unknown', since), live.state('van', 'unknown', since)]);
    const back = Date.now();
    running = runAgent(data.path);
    await Promise.all([live.state('roof', 'online', back), live.state('van', 'online', back)]);
  });

  it('wait for approval where the credential does not name them, and report once it does', async () => {
    await running.stop();
    configure(['roof', 'van', 'shed']);
    Object.assign(units, { shed: 5 });
    running = runAgent(data.path);
    const page = () => hub.api.get<{ waiting: string[] }>('/devices/pi');
    await until('the shed to wait', async () => (await page()).waiting.includes('shed'));
    const since = Date.now();
    await hub.api.put('/devices/pi/carries', { devices: ['roof', 'van', 'shed'] });
    await live.state('shed', 'online', since);
    await until('the value of the shed', async () => (await battery('shed')) === 5);
    expect((await page()).waiting).toEqual([]);
  });
});
