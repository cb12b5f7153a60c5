import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { provision } from '../bench/provision.js';
import { createSimDevice, type SimDevice } from '../sim/device.js';
import { createMachine } from '../sim/machine.js';
import { createRandom } from '../sim/random.js';
import { type LiveListener, listenLive } from '../testing/live.js';
import { makeFolder, type RunningHub, startHub, until } from '../testing/processes.js';
import { addReceiver, type Receiver, startReceiver } from '../testing/receiver.js';

/** The power of a whole site fails, by the settings that a hub begins with: one notice, with the count and what it costs. */
const COUNT = 500;
const NOTICE_MS = 30_000;
const INTERVAL_MS = 10_000;
const AT_ONCE = 50;
/** A second notice would have left by then: a route waits 1 s, the dispatcher looks once a second. */
const SETTLED_MS = 4_000;
const folder = makeFolder();
let hub: RunningHub;
let receiver: Receiver;
let live: LiveListener;
let devices: SimDevice[] = [];
let elsewhere: SimDevice | undefined;

beforeAll(async () => {
  hub = await startHub(folder.path);
  receiver = await startReceiver();
  await addReceiver(hub, receiver);
  await hub.api.post('/sites', { id: 'barn', name: 'Barn' });
  await hub.api.put('/prices', { currency: 'USD', sources: { ACME: { provider: 'fixed', price: '2' } } });
  const joined = (await provision(hub.api, COUNT + 1)).sort((a, b) => (a.id < b.id ? -1 : 1));
  await inTurn(joined.slice(0, COUNT), ({ id }) => hub.api.patch(`/devices/${id}`, { site: 'barn' }));
  const all = joined.map(simulate);
  devices = all.slice(0, COUNT);
  elsewhere = all[COUNT];
  await inTurn(all, bringUp);
  live = await listenLive(hub.access);
}, 120_000);

afterAll(async () => {
  live?.close();
  for (const device of [...devices, ...(elsewhere ? [elsewhere] : [])]) device.kill();
  await hub?.stop();
  receiver?.close();
  folder.remove();
});

const inTurn = async <T>(items: readonly T[], work: (item: T) => Promise<unknown>): Promise<void> => {
  const waiting = [...items];
  const worker = async () => {
    for (let item = waiting.shift(); item !== undefined; item = waiting.shift()) await work(item);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
};

const bringUp = async (device: SimDevice): Promise<void> => {
  await device.connect();
  await device.report(Date.now());
};

const DAY_MS = 86_400_000;
/** The n-th device earns n thousandths of a token an hour on each of the last four days; a token is worth 2 USD. */
const DAYS = [1, 2, 3, 4];
const AT_STAKE = ((2 * COUNT * (COUNT + 1)) / 2 / 1_000).toFixed(2);

const earnerOf = (index: number) => {
  let told = false;
  const midnight = Math.floor(Date.now() / DAY_MS) * DAY_MS;
  const entries = DAYS.map((day) => ({
    ...{ id: `${index}-${day}`, ts: midnight - day * DAY_MS + DAY_MS / 2, amount: `${24 * (index + 1)}` },
  }));
  return {
    read(now: number) {
      if (told) return [];
      told = true;
      const stream = { network: 'acme', source: 'test', account: `account-${index}`, token: 'ACME', decimals: 3 };
      return [{ kind: 'ledger' as const, ...stream, as_of: now, exact: true, entries }];
    },
  };
};

const simulate = ({ id, key }: { id: string; key: string }, index: number): SimDevice => {
  const { hostname: host, port } = new URL(hub.addresses.mqtt);
  return createSimDevice({
    ...{ id, key, host, port: Number(port), interval_ms: INTERVAL_MS, keepalive_s: 5, earner: earnerOf(index) },
    ...{ machine: createMachine('hotspot', createRandom(index)), now: Date.now },
    boot: crypto.getRandomValues(new Uint8Array(8)),
  });
};

/** Waits until so many alerts have made this change; answers when the first and the last was heard. */
const changed = async (change: 'firing' | 'resolved', since: number) => {
  const heard = () =>
    live.messages.filter(({ at, message }) => at >= since && message.kind === 'alert' && message.event.change === change);
  await until(`${COUNT} alerts to be ${change}`, () => heard().length >= COUNT, 90_000);
  const times = heard().map(({ at }) => at - since);
  return { first: Math.min(...times), last: Math.max(...times), count: times.length };
};

const lostOnScreen = (since: number): number => {
  const ids = new Set<string>();
  for (const { at, message } of live.messages) {
    if (at < since || message.kind !== 'devices') continue;
    for (const { id, state } of message.devices) if (state === 'lost') ids.add(id);
    if (ids.size >= COUNT) return at - since;
  }
  return Number.NaN;
};

const settles = () => new Promise((resolve) => setTimeout(resolve, SETTLED_MS));

describe(`${COUNT} devices of one site`, { timeout: 180_000 }, () => {
  it('that lose their power at once are one notice, which names the count and the money per hour', async () => {
    const since = Date.now();
    for (const device of devices) device.freeze();
    const fired = await changed('firing', since);
    await until('the notice', () => receiver.taken.length > 0);
    await settles();
    const [notice] = receiver.taken;
    const notice_ms = (notice?.at ?? Number.NaN) - since;
    console.log(
      `figure: ${COUNT} devices cut: all lost on the screen after ${lostOnScreen(since)} ms, fired after ${fired.first}-${fired.last} ms, ` +
        `${receiver.taken.length} notice after ${notice_ms} ms: ${notice?.title}; ${notice?.text.split('\n').at(-1)}`,
    );
    expect(receiver.taken.map(({ title }) => title)).toEqual([`Barn: ${COUNT} devices offline`]);
    expect(notice?.text).toContain(`${COUNT} devices of Barn went offline within a short time`);
    expect(notice?.text).toContain(`At stake: ${AT_STAKE} USD an hour.`);
    expect(notice_ms).toBeLessThanOrEqual(NOTICE_MS);
    expect(fired.count).toBe(COUNT);
    const { items } = await hub.api.get<{ items: object[] }>('/incidents');
    expect(items).toMatchObject([{ site: 'barn', count: COUNT, away: COUNT, per_hour: { currency: 'USD' }, resolved: null }]);
  });

  it('that all come back are one more notice', async () => {
    const since = Date.now();
    await inTurn(devices, bringUp);
    const ended = await changed('resolved', since);
    await until('the notice', () => receiver.taken.length > 1);
    await settles();
    console.log(`figure: ${ended.count} devices back: ${receiver.taken.length - 1} notice: ${receiver.taken[1]?.title}`);
    expect(receiver.taken.slice(1)).toMatchObject([{ resolved: true, title: `Resolved: Barn: ${COUNT} devices offline` }]);
    expect((await hub.api.get<{ items: object[] }>('/alerts?state=firing')).items).toEqual([]);
  });
});
