import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type LiveListener, listenLive } from '../testing/live.js';
import { makeFolder, type Program, type RunningHub, runAgent, samePorts, startAgent, startHub } from '../testing/processes.js';

/** A pulled plug with real processes. Times are printed, not judged. */
const folder = makeFolder();
const agentFolder = makeFolder();
let hub: RunningHub;
let agent: Program;
let live: LiveListener;

const DEVICE = 'plug';
const DELAY_MS = 2_000;

const say = (what: string, ms: number) => console.log(`figure: ${what}: ${Math.round(ms)} ms`);

beforeAll(async () => {
  hub = await startHub(folder.path);
  const { items } = await hub.api.get<{ items: { rule: string; config: object }[] }>('/rules');
  const rules = items.map((rule) => (rule.rule === 'offline' ? { ...rule, config: { after_ms: DELAY_MS } } : rule));
  await hub.api.put('/rules', { items: rules });
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

const comesBack = async () => {
  const since = Date.now();
  agent = runAgent(agentFolder.path);
  await live.state(DEVICE, 'online', since);
  return since;
};

describe('a device whose plug is pulled', { timeout: 120_000 }, () => {
  it('is lost when its agent is killed, with an offline alert pending at once and firing after its delay', async () => {
    const killed = Date.now();
    agent.signal('SIGKILL');
    say('killed → lost on the WebSocket', (await live.state(DEVICE, 'lost', killed)) - killed);
    const pending = await live.alert(DEVICE, 'pending', killed);
    say('killed → alert pending', pending.at - killed);
    const firing = await live.alert(DEVICE, 'firing', killed);
    say(`killed → alert firing (delay ${DELAY_MS} ms)`, firing.at - killed);
    expect(firing.event.alert).toMatchObject({ rule: 'offline', device: DEVICE, state: 'firing' });
    expect(firing.event.alert.why).toContain(DEVICE);
    expect(firing.event.number).toBeGreaterThan(pending.event.number ?? 0);
  });

  it('is online again when its agent is back, and the alert resolves', async () => {
    const since = await comesBack();
    expect((await live.alert(DEVICE, 'resolved', since)).event.alert.state).toBe('resolved');
  });

  it('is lost when its agent is frozen', async () => {
    const frozen = Date.now();
    agent.signal('SIGSTOP');
    say('frozen → lost on the WebSocket', (await live.state(DEVICE, 'lost', frozen)) - frozen);
    await live.alert(DEVICE, 'firing', frozen);
    const woken = Date.now();
    agent.signal('SIGCONT');
    await live.state(DEVICE, 'online', woken);
    await live.alert(DEVICE, 'resolved', woken);
  });

  it('is stopped, told apart from lost, when its agent ends by itself', async () => {
    const stopped = Date.now();
    expect(await agent.stop()).toBe(0);
    say('stopped → stopped on the WebSocket', (await live.state(DEVICE, 'stopped', stopped)) - stopped);
    await comesBack();
    expect(live.events().filter(({ ts, change }) => ts >= stopped && change === 'firing')).toEqual([]);
  });
});

describe('a hub that was away', { timeout: 180_000 }, () => {
  const alertsSince = (ts: number) => live.events().filter((event) => event.ts >= ts && event.alert.device === DEVICE);
  const stays = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

  it('raises no false alert after it was frozen for 30 s', async () => {
    const frozen = Date.now();
    hub.signal('SIGSTOP');
    await stays(30_000);
    const woken = Date.now();
    hub.signal('SIGCONT');
    await live.state(DEVICE, 'online', woken);
    await stays(DELAY_MS + 1_000);
    expect(alertsSince(frozen)).toEqual([]);
  });

  it('raises no false alert after it was restarted', async () => {
    const restarted = Date.now();
    const last = Math.max(0, ...live.events().map((event) => event.number ?? 0));
    live.close();
    await hub.stop();
    hub = await startHub(folder.path, samePorts(hub));
    live = await listenLive(hub.access, ['fleet', 'alerts'], last);
    await live.state(DEVICE, 'online');
    await stays(DELAY_MS + 1_000);
    expect(alertsSince(restarted)).toEqual([]);
  });
});
