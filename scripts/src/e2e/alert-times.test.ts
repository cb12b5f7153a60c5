import type { PresenceState } from '@muster/shared/wire/live';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type LiveListener, listenLive } from '../testing/live.js';
import { agent, makeFolder, type Program, type RunningHub, startHub, until } from '../testing/processes.js';
import { type LinkProxy, startProxy } from '../testing/proxy.js';
import { addReceiver, type Receiver, startReceiver } from '../testing/receiver.js';
import { goThrough } from '../testing/rows.js';

/** How soon it shows on the screen and in a notice that a device is gone, by the settings that a hub begins with. */
const SCREEN_MS = 8_000;
const NOTICE_MS = 30_000;
/** Longer than a pulled plug takes to be told of: what is silent until then stays so for its ten minutes. */
const SILENT_MS = 31_000;
const BRIEF_MS = 3_000;

const DEVICES = ['frozen', 'cut', 'killed', 'stopped', 'brief'] as const;
type Name = (typeof DEVICES)[number];
const idOf = (name: Name): string => `plug-${name}`;

const folders = new Map([...DEVICES, 'hub'].map((name) => [name, makeFolder()]));
const folderOf = (name: Name | 'hub'): string => folders.get(name)?.path ?? '';
const agents = new Map<Name, Program>();
let hub: RunningHub;
let proxy: LinkProxy;
let live: LiveListener;
let receiver: Receiver;

beforeAll(async () => {
  hub = await startHub(folderOf('hub'));
  receiver = await startReceiver();
  await addReceiver(hub, receiver);
  const { hostname: host, port } = new URL(hub.addresses.mqtt);
  proxy = await startProxy({ host, port: Number(port) });
  const { items } = await hub.api.get<{ items: { id: string; config: object }[] }>('/rules');
  const offline = items.find(({ id }) => id === 'offline');
  expect(offline?.config).toMatchObject({ after_ms: 20_000, stopped_after_ms: 600_000 });
  // One device has a rule of its own; all others have what a hub begins with.
  const config = { ...offline?.config, stopped_after_ms: BRIEF_MS };
  await hub.api.put('/rules', { items: [...items, { ...offline, id: 'brief', scope: { device: idOf('brief') }, config }] });
  live = await listenLive(hub.access);
  await Promise.all(DEVICES.map(bringUp));
}, 120_000);

afterAll(async () => {
  live?.close();
  await Promise.all([...agents.values()].map((one) => one.stop()));
  await proxy?.close();
  await hub?.stop();
  receiver?.close();
  for (const folder of folders.values()) folder.remove();
});

const bringUp = async (name: Name): Promise<void> => {
  const device = idOf(name);
  const env = { MUSTER_DATA: folderOf(name) };
  const { token } = await hub.api.post<{ token: string }>('/invites', { device });
  const join = agent(['join', '--hub', hub.addresses.http, '--token', token, '--device', device], env);
  expect(await join.ended, join.output()).toBe(0);
  if (name === 'cut') goThrough(folderOf(name), proxy);
  agents.set(name, agent(['run'], env));
  await live.state(device, 'online');
};

/** Named by the notice, as a person reads it. */
const noticeOf = (name: Name, since: number) =>
  until(
    `a notice of ${idOf(name)}`,
    () => receiver.taken.find(({ at, text, title }) => at >= since && `${title}\n${text}`.includes(idOf(name))),
    120_000,
  );

const HOW: Record<Name, (one: Program) => void> = {
  frozen: (one) => one.signal('SIGSTOP'),
  cut: () => proxy.set({ kind: 'cut' }),
  killed: (one) => one.signal('SIGKILL'),
  stopped: (one) => one.signal('SIGTERM'),
  brief: (one) => one.signal('SIGTERM'),
};

const end = (name: Name): number => {
  const one = agents.get(name);
  if (!one) throw new Error(`${name} does not run`);
  HOW[name](one);
  return Date.now();
};

interface Seen {
  name: Name;
  screen_ms: number;
  notice_ms: number;
}

const watch = async (name: Name, state: PresenceState): Promise<Seen> => {
  const since = end(name);
  const screen_ms = (await live.state(idOf(name), state, since)) - since;
  const { at } = await noticeOf(name, since);
  return { name, screen_ms, notice_ms: at - since };
};

/** Shown at once, and no notice for as long as a lost one would take. */
const watchStopped = async () => {
  const since = end('stopped');
  const screen_ms = (await live.state(idOf('stopped'), 'stopped', since)) - since;
  await new Promise((resolve) => setTimeout(resolve, SILENT_MS));
  const told = receiver.taken.filter(({ text, title }) => `${title}\n${text}`.includes(idOf('stopped')));
  return { screen_ms, told, pending: await hub.api.get<Listed>(`/alerts?state=pending&device=${idOf('stopped')}`) };
};

interface Listed {
  items: { rule: string; state: string }[];
}

it('is shown within 8 s and told within 30 s when a device is frozen, cut off or killed; when it is stopped, shown at once and not told', {
  timeout: 180_000,
}, async () => {
  const [frozen, cut, killed, brief, stopped] = await Promise.all([
    watch('frozen', 'lost'),
    watch('cut', 'lost'),
    watch('killed', 'lost'),
    watch('brief', 'stopped'),
    watchStopped(),
  ]);
  for (const { name, screen_ms, notice_ms } of [frozen, cut, killed, brief])
    console.log(`figure: ${name} → screen ${screen_ms} ms, → notice ${notice_ms} ms`);
  console.log(`figure: stopped → screen ${stopped.screen_ms} ms, → no notice within ${SILENT_MS} ms`);
  for (const { screen_ms, notice_ms } of [frozen, cut, killed, brief]) {
    expect(screen_ms).toBeLessThanOrEqual(SCREEN_MS);
    expect(notice_ms).toBeLessThanOrEqual(NOTICE_MS);
  }
  expect(stopped.screen_ms).toBeLessThanOrEqual(SCREEN_MS);
  expect(stopped.told).toEqual([]);
  expect(stopped.pending.items).toMatchObject([{ rule: 'offline', state: 'pending' }]);
});
