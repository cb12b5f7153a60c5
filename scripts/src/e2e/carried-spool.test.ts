import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startHttpServer } from '@muster/shared/testing/http';
import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  agent as agentProgram,
  makeFolder,
  type Program,
  type RunningHub,
  runAgent,
  samePorts,
  startHub,
  until,
} from '../testing/processes.js';
import { storedRows } from '../testing/rows.js';

/** Rows of carried devices are made while the hub is away and the agent is killed: the hub has each of them once when it is back. */
const DEVICES = ['roof', 'van'];
const ROWS = 4;
const folder = makeFolder();
const data = makeFolder();
/** Until then the service says nothing: the hub is to know nothing of these devices. */
let answers = false;
/** Every answer of the service is another number: a device's answers by when they were given. */
const served = new Map<string, { value: number; at: number }[]>(DEVICES.map((device) => [device, []]));
let hub: RunningHub;
let running: Program;
let service: Awaited<ReturnType<typeof startHttpServer>>;

const answersOf = (device: string) => served.get(device) ?? [];
/** The metric's name is in the column list: under another name the rows need another list. */
const configure = (metric: string) => {
  const carries = DEVICES.map((device) => ({
    device,
    sources: [
      {
        network: 'json',
        every: 1_000,
        config: { name: 'unit', url: `${service.url}/${device}`, metrics: [{ path: 'n', metric }] },
      },
    ],
  }));
  writeFileSync(join(data.path, 'agent', 'settings.json'), JSON.stringify({ carries }));
};
const run = () => runAgent(data.path, { MUSTER_AGENT_INTERVAL_MS: '250' });
const makeRows = async () => {
  const before = new Map(DEVICES.map((device) => [device, answersOf(device).length]));
  await until('new answers', () => DEVICES.every((device) => answersOf(device).length >= (before.get(device) ?? 0) + ROWS));
};
const storedValues = async (device: string): Promise<number[]> =>
  (await storedRows(hub.access, device)).flatMap(({ series }) => Object.values(series)).sort((a, b) => a - b);

beforeAll(async () => {
  service = await startHttpServer(({ url = '' }) => {
    if (!answers) return { status: 503, text: '{}' };
    const given = answersOf(url.slice(1));
    const value = given.length + 1;
    given.push({ value, at: Date.now() });
    return { text: JSON.stringify({ n: value }) };
  });
  hub = await startHub(folder.path);
  const { token } = await hub.api.post<{ token: string }>('/invites', { device: 'pi', carries: DEVICES });
  const words = ['join', '--hub', hub.addresses.http, '--token', token, '--device', 'pi'];
  expect(await agentProgram(words, { MUSTER_DATA: data.path }).ended).toBe(0);
}, 60_000);

afterAll(async () => {
  await running?.stop();
  await hub?.stop();
  await service?.close();
  folder.remove();
  data.remove();
});

it('loses no row of a carried device, though the hub never saw its columns before', { timeout: 120_000 }, async () => {
  configure('before');
  running = run();
  // Only a run that was told the time can leave rows to its successor.
  await until('a row of the agent', async () => (await storedRows(hub.access, 'pi')).length > 0);
  await hub.stop();
  answers = true;
  await makeRows();
  running.signal('SIGKILL');
  const killed = Date.now();
  await running.ended;
  configure('after');
  running = run();
  await makeRows();
  const back = Date.now();
  hub = await startHub(folder.path, samePorts(hub));

  for (const device of DEVICES) {
    // The agent that was killed may not have read its last answer to the end.
    const due = answersOf(device).filter(({ at }) => at < back && (at < killed - 500 || at > killed));
    await until(`all rows of the ${device}`, async () => {
      const stored = new Set(await storedValues(device));
      return due.every(({ value }) => stored.has(value));
    });
    const values = await storedValues(device);
    expect(values).toEqual([...new Set(values)]);
    const keys = new Set((await storedRows(hub.access, device)).flatMap(({ series }) => Object.keys(series)));
    expect([...keys].sort()).toEqual(['unit.after', 'unit.before']);
  }
  expect(await hub.api.get('/quarantine')).toMatchObject({ items: [] });
});
