import { afterAll, beforeAll, expect, it } from 'vitest';
import { listenLive } from '../testing/live.js';
import { makeFolder, type Program, type RunningHub, runAgent, startAgent, startHub, until } from '../testing/processes.js';

/** A browser that was closed for a while. */
const folder = makeFolder();
const agentFolder = makeFolder();
const DEVICE = 'blinker';
let hub: RunningHub;
let agent: Program;

beforeAll(async () => {
  hub = await startHub(folder.path, { MUSTER_STORE_COMMIT_MS: '100' });
  const { items } = await hub.api.get<{ items: { rule: string }[] }>('/rules');
  await hub.api.put('/rules', {
    items: items.map((rule) => (rule.rule === 'offline' ? { ...rule, config: { after_ms: 0 } } : rule)),
  });
  agent = await startAgent(hub, agentFolder.path, DEVICE);
}, 60_000);

afterAll(async () => {
  await agent?.stop();
  await hub?.stop();
  folder.remove();
  agentFolder.remove();
});

const blink = async () => {
  const watch = await listenLive(hub.access);
  await watch.state(DEVICE, 'online');
  agent.signal('SIGKILL');
  await watch.alert(DEVICE, 'firing');
  agent = runAgent(agentFolder.path);
  await watch.alert(DEVICE, 'resolved');
  watch.close();
  return watch.events();
};

it('gets exactly the alert events that it missed, in order, none twice', { timeout: 120_000 }, async () => {
  const seen = await blink();
  const last = Math.max(...seen.map((event) => event.number ?? 0));
  const missed = await blink();
  const back = await listenLive(hub.access, ['alerts'], last);
  await until('the replay', () => back.events().length >= missed.length);
  expect(back.events()).toEqual(missed);
  const numbers = back.events().map((event) => event.number);
  expect(numbers).toEqual(numbers.map((_, index) => last + 1 + index));
  const listed = await hub.api.get<{ items: unknown[] }>(`/alerts/events?after=${last}`);
  expect(listed.items).toEqual(missed);
  back.close();
});
