import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type LiveListener, listenLive } from '../testing/live.js';
import { makeFolder, type Program, type RunningHub, startAgent, startHub, until } from '../testing/processes.js';

/** Another process holds the write lock of the database: the hub's commits fail for 60 s. */
const folder = makeFolder();
const agentFolder = makeFolder();
const DEVICE = 'patient';
const STALL_MS = 60_000;
let hub: RunningHub;
let agent: Program;
let live: LiveListener;

beforeAll(async () => {
  hub = await startHub(folder.path, { MUSTER_STORE_COMMIT_MS: '200' });
  live = await listenLive(hub.access);
  agent = await startAgent(hub, agentFolder.path, DEVICE);
  await live.state(DEVICE, 'online');
}, 60_000);

afterAll(async () => {
  live?.close();
  await agent?.stop();
  await hub?.stop();
  folder.remove();
  agentFolder.remove();
});

const rowTimes = async (from: number, to: number): Promise<number[]> => {
  const query = `from=${from}&to=${to}&points=5000`;
  const reply = await hub.api.get<{ points: [number][] }>(`/devices/${DEVICE}/series/system.uptime?${query}`);
  return reply.points.map(([ts]) => ts);
};

it('acknowledges nothing, calls nobody lost and loses nothing while the store cannot commit for 60 s', {
  timeout: 240_000,
}, async () => {
  await until('a first row', () =>
    rowTimes(Date.now() - 60_000, Date.now()).then(
      (times) => times.length > 0,
      () => false,
    ),
  );
  const file = new Database(join(folder.path, 'hub', 'muster.db'));
  file.exec('BEGIN IMMEDIATE');
  const stalled = Date.now();
  await until('the alert about the store', () => live.events().find((event) => event.alert.device === ''));
  await new Promise((resolve) => setTimeout(resolve, STALL_MS - (Date.now() - stalled)));
  expect(Math.max(...(await rowTimes(stalled - 60_000, Date.now())))).toBeLessThan(stalled + 2_000);
  file.exec('ROLLBACK');
  file.close();
  const recovered = Date.now();
  await until('the rows of the stall', async () => (await rowTimes(stalled, recovered)).length >= STALL_MS / 1_000 - 3);
  const times = await rowTimes(stalled, recovered);
  expect(Math.max(...times.map((ts, index) => ts - (times[index - 1] ?? ts)))).toBeLessThan(3_500);
  const states = live.messages.flatMap(({ message }) => (message.kind === 'devices' ? message.devices : []));
  expect(states.filter((device) => device.id === DEVICE && device.state === 'lost')).toEqual([]);
  expect(live.events().filter((event) => event.alert.device === DEVICE)).toEqual([]);
});
