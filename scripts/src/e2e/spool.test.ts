import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
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
import { type LinkProxy, type SentRow, startProxy } from '../testing/proxy.js';
import { distinctRows, goThrough, missingNumbers, storedTimes } from '../testing/rows.js';

/** The hub is away while the agent is killed: every row arrives once, in order, and live rows do not wait for the old ones. */
const AWAY_MS = Number(process.env['MUSTER_E2E_AWAY_S'] ?? 20) * 1_000;
const DEVICE = 'keeper';
const INTERVAL_MS = 250;
/** Acknowledged soon, so that a clean end leaves nothing in the spool. */
const SOON = { MUSTER_STORE_COMMIT_MS: '100' };
const folder = makeFolder();
const agentFolder = makeFolder();
let hub: RunningHub;
let agent: Program;
let proxy: LinkProxy;

afterAll(async () => {
  await agent?.stop();
  await proxy?.close();
  await hub?.stop();
  folder.remove();
  agentFolder.remove();
});

const pass = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const run = () => runAgent(agentFolder.path, { MUSTER_AGENT_INTERVAL_MS: String(INTERVAL_MS) });
const startThroughProxy = async () => {
  hub = await startHub(folder.path, SOON);
  const { hostname: host, port } = new URL(hub.addresses.mqtt);
  proxy = await startProxy({ host, port: Number(port) });
  const { token } = await hub.api.post<{ token: string }>('/invites', { device: DEVICE });
  const words = ['join', '--hub', hub.addresses.http, '--token', token, '--device', DEVICE];
  expect(await agentProgram(words, { MUSTER_DATA: agentFolder.path }).ended).toBe(0);
  goThrough(agentFolder.path, proxy);
  agent = run();
  await until('the first rows', () => proxy.rows.length >= 8);
};

/** How late the rows were that were made while the old ones were sent, ms. */
const latestLive = (rows: readonly SentRow[], back: number, drained: number): number =>
  Math.max(0, ...rows.filter(({ ts }) => ts >= back && ts <= drained).map(({ at, ts }) => at - ts));

it('loses no row of a hub that was away, though the agent was killed meanwhile', { timeout: AWAY_MS + 120_000 }, async () => {
  await startThroughProxy();
  await hub.stop();
  const gone = Date.now();
  await pass(AWAY_MS / 2);
  agent.signal('SIGKILL');
  const killed = Date.now();
  await agent.ended;
  agent = run();
  await pass(AWAY_MS / 2);
  const before = proxy.rows.length;
  hub = await startHub(folder.path, { ...SOON, ...samePorts(hub) });
  await until('a row to arrive', () => proxy.rows.length > before);
  const back = proxy.rows[before]?.at ?? 0;
  const newest = Date.now();
  await until('the spool to be empty', () => {
    const sent = proxy.rows.slice(before).filter(({ ts }) => ts < newest - INTERVAL_MS);
    return sent.length > 0 && sent.some(({ ts }) => ts > back - 2 * INTERVAL_MS) && missingNumbers(proxy).length === 0;
  });
  const drained = Math.max(
    ...proxy.rows
      .slice(before)
      .filter(({ ts }) => ts < back)
      .map(({ at }) => at),
  );
  await pass(3_000);
  expect(await agent.stop()).toBe(0);

  const boots = [...distinctRows(proxy.rows).values()];
  const [first = [], second = []] = boots;
  expect(boots).toHaveLength(2);
  expect(missingNumbers(proxy)).toEqual([]);
  // The killed run's last row was on disk.
  expect(killed - (first.at(-1)?.ts ?? 0)).toBeLessThan(INTERVAL_MS + 5_000);
  const times = boots.flat().map(({ ts }) => ts);
  expect(await storedTimes(hub.access, DEVICE)).toEqual(times.sort((a, b) => a - b));
  const old = proxy.rows.slice(before).filter(({ ts }) => ts < back - INTERVAL_MS);
  expect(old.map(({ ts }) => ts)).toEqual(old.map(({ ts }) => ts).sort((a, b) => a - b));
  expect(readdirSync(join(agentFolder.path, 'agent', 'spool'))).toEqual([]);
  const late = latestLive(proxy.rows, back, Math.max(drained, back + 2_000));
  const twice = proxy.rows.length - times.length;
  console.log(
    `figure: hub away ${Math.round((back - gone) / 1_000)} s, agent killed: ${first.length} + ${second.length} rows, 0 lost, 0 twice stored` +
      ` (${twice} sent again), drained in ${drained - back} ms, live rows at most ${late} ms late at ${INTERVAL_MS} ms`,
  );
  expect(late).toBeLessThan(INTERVAL_MS + 5_000);
});
