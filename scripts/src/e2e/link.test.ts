import { readFileSync } from 'node:fs';
import type { PresenceState } from '@muster/shared/wire/live';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type LiveListener, listenLive } from '../testing/live.js';
import {
  agent as agentProgram,
  makeFolder,
  type Program,
  type RunningHub,
  runAgent,
  startHub,
  until,
} from '../testing/processes.js';
import { type LinkProxy, startProxy } from '../testing/proxy.js';
import { distinctRows, goThrough, missingNumbers, storedTimes } from '../testing/rows.js';

/** A link that is slow, stands still, is half open or is reset: no row is lost or stored twice, and the hub's state is right. */
const DEVICE = 'edge';
const KEEPALIVE_S = 2;
const INTERVAL_MS = 500;
const folder = makeFolder();
const agentFolder = makeFolder();
let hub: RunningHub;
let agent: Program;
let proxy: LinkProxy;
let live: LiveListener;

beforeAll(async () => {
  hub = await startHub(folder.path, { MUSTER_STORE_COMMIT_MS: '100' });
  const { hostname: host, port } = new URL(hub.addresses.mqtt);
  proxy = await startProxy({ host, port: Number(port) });
  const { token } = await hub.api.post<{ token: string }>('/invites', { device: DEVICE });
  const words = ['join', '--hub', hub.addresses.http, '--token', token, '--device', DEVICE];
  expect(await agentProgram(words, { MUSTER_DATA: agentFolder.path }).ended).toBe(0);
  goThrough(agentFolder.path, proxy);
  live = await listenLive(hub.access);
  agent = runAgent(agentFolder.path, {
    MUSTER_AGENT_INTERVAL_MS: String(INTERVAL_MS),
    MUSTER_AGENT_KEEPALIVE_S: String(KEEPALIVE_S),
  });
  await live.state(DEVICE, 'online');
  await arrives(Date.now());
}, 60_000);

afterAll(async () => {
  live?.close();
  await agent?.stop();
  await proxy?.close();
  await hub?.stop();
  folder.remove();
  agentFolder.remove();
});

const pass = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
/** A row that was made later than this is stored. */
const arrives = (since: number) =>
  until('a new row to be stored', async () => (await storedTimes(hub.access, DEVICE)).some((ts) => ts > since));

const statesSince = (since: number): PresenceState[] =>
  live.messages.flatMap(({ at, message }) =>
    at >= since && message.kind === 'devices' ? message.devices.filter(({ id }) => id === DEVICE).map(({ state }) => state) : [],
  );

/** Processor time of the agent so far, ms. */
const cpuMs = (): number => {
  const fields = readFileSync(`/proc/${agent.pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) * 10;
};

describe('a bad link', { timeout: 180_000 }, () => {
  it('that is slow or late in all it does costs no row and no connection', async () => {
    const since = Date.now();
    const { connections } = proxy;
    proxy.set({ kind: 'delay', ms: 400 });
    await pass(5_000);
    proxy.set({ kind: 'slow', bytes_per_s: 8_000 });
    await pass(5_000);
    const last = Date.now();
    await arrives(last);
    proxy.set({ kind: 'none' });
    expect(proxy.connections).toBe(connections);
    expect(statesSince(since).filter((state) => state === 'lost')).toEqual([]);
  });

  it.each(['stall', 'swallow'] as const)(
    'that lets nothing through (%s) is noticed by both sides, and is over when it is over',
    async (kind) => {
      const since = Date.now();
      const { connections } = proxy;
      const spent = cpuMs();
      proxy.set({ kind });
      const lost = (await live.state(DEVICE, 'lost', since)) - since;
      await pass(12_000);
      const tries = proxy.connections - connections;
      const busy = cpuMs() - spent;
      proxy.set({ kind: 'none' });
      proxy.reset();
      const over = Date.now();
      const online = (await live.state(DEVICE, 'online', over)) - over;
      await arrives(over);
      console.log(
        `figure: ${kind}: lost after ${lost} ms, online ${online} ms after it was over; ${tries} tries, ${busy} ms of processor in ${over - since} ms`,
      );
      // An attempt is given up after 15 s.
      expect(tries).toBeLessThan(8);
      expect(busy).toBeLessThan((over - since) / 4);
      expect(statesSince(over).at(-1)).toBe('online');
    },
  );

  it('that is reset again and again is tried again with back-off', async () => {
    // A connection that held for ten seconds lets the back-off start anew.
    await pass(11_000);
    const since = Date.now();
    const { connections } = proxy;
    const spent = cpuMs();
    for (let n = 0; n < 60; n++) {
      proxy.reset();
      await pass(200);
    }
    const tries = proxy.connections - connections;
    console.log(
      `figure: resets every 200 ms: ${tries} connects and ${cpuMs() - spent} ms of processor in ${Date.now() - since} ms`,
    );
    expect(tries).toBeGreaterThan(1);
    expect(tries).toBeLessThan(60);
    const over = Date.now();
    await arrives(over);
    expect((await hub.api.get<{ state: string }>(`/devices/${DEVICE}`)).state).toBe('online');
  });

  it('has lost nothing in the end, and nothing is there twice', async () => {
    expect(await agent.stop()).toBe(0);
    const rows = [...distinctRows(proxy.rows).values()].flat();
    expect(missingNumbers(proxy)).toEqual([]);
    expect(await storedTimes(hub.access, DEVICE)).toEqual(rows.map(({ ts }) => ts).sort((a, b) => a - b));
    console.log(`figure: ${rows.length} rows, ${proxy.rows.length - rows.length} sent again, 0 lost, 0 twice`);
    expect((await hub.api.get<{ state: string }>(`/devices/${DEVICE}`)).state).toBe('stopped');
  });
});
