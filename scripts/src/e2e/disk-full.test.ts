import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { createSqliteEngine } from '@muster/hub/store/engines/sqlite/index';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type LiveListener, listenLive } from '../testing/live.js';
import { makeFolder, type Program, type RunningHub, startAgent, startHub, until } from '../testing/processes.js';

/** The kernel refuses every write of the hub beyond the first block of a file, as a full disk does (Linux: prlimit). */
const folder = makeFolder();
const agentFolder = makeFolder();
const DEVICE = 'hoarder';
/** Beyond 1.5 × the agent's keepalive and the three intervals after which a device is quiet. */
const FULL_MS = 15_000;
const canLimit = spawnSync('prlimit', ['--version']).status === 0;
let hub: RunningHub;
let agent: Program;
let live: LiveListener;

const limitFiles = (bytes: string): void => {
  expect(spawnSync('prlimit', ['--pid', String(hub.pid), `--fsize=${bytes}:`]).status).toBe(0);
};

beforeAll(async () => {
  if (!canLimit) return;
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

it.skipIf(!canLimit)(
  'acknowledges nothing on a full disk, raises an alarm, and has everything once there is room again',
  {
    timeout: 120_000,
  },
  async () => {
    await until('a first row', () =>
      rowTimes(Date.now() - 60_000, Date.now()).then(
        (times) => times.length > 0,
        () => false,
      ),
    );
    limitFiles('4096');
    const full = Date.now();
    const alarm = await until('the alert about the store', () => live.events().find((event) => event.alert.device === ''));
    expect(JSON.stringify(alarm)).toMatch(/cannot write its database/);
    await new Promise((resolve) => setTimeout(resolve, FULL_MS - (Date.now() - full)));
    expect(Math.max(...(await rowTimes(full - 60_000, Date.now())))).toBeLessThan(full + 2_000);
    limitFiles('unlimited');
    const room = Date.now();
    await until('the rows of that time', async () => (await rowTimes(full, room)).length >= FULL_MS / 1_000 - 3);
    const states = live.messages.flatMap(({ message }) => (message.kind === 'devices' ? message.devices : []));
    expect(states.filter((device) => device.id === DEVICE && device.state === 'lost')).toEqual([]);
    await hub.stop();
    const engine = createSqliteEngine({ file: join(folder.path, 'hub', 'muster.db') });
    await engine.open();
    expect(await engine.verify()).toEqual([]);
    await engine.close();
  },
);
