import type { LiveAlert } from '@muster/shared/wire/live';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type LiveListener, listenLive } from '../testing/live.js';
import { makeFolder, type Program, type RunningHub, startAgent, startHub, until } from '../testing/processes.js';

/** What is shown of alerts beside their events, over a real hub and agent. */
const folder = makeFolder();
const agentFolder = makeFolder();
const DEVICE = 'attic-pi';
const scope = { all: true };
let hub: RunningHub;
let agent: Program;
let live: LiveListener;

beforeAll(async () => {
  hub = await startHub(folder.path, { MUSTER_STORE_COMMIT_MS: '100' });
  const rule = (id: string, config: object) => ({ id, rule: id, title: id, enabled: true, severity: 'warning', scope, config });
  await hub.api.put('/rules', {
    items: [rule('offline', { after_ms: 500 }), rule('threshold', { metric: 'system.uptime', above: 0 })],
  });
  live = await listenLive(hub.access);
  agent = await startAgent(hub, agentFolder.path, DEVICE);
}, 60_000);

afterAll(async () => {
  live?.close();
  await agent?.stop();
  await hub?.stop();
  folder.remove();
  agentFolder.remove();
});

/** What the live channel said of the alerts of a rule beside their events. */
const told = (rule: string): LiveAlert[] =>
  live.messages.flatMap(({ message }) => (message.kind === 'alerts' ? message.alerts.filter((one) => one.rule === rule) : []));
const newest = (rule: string) => told(rule).at(-1);
const shown = (rule: string, wanted: (alert: LiveAlert) => boolean) =>
  until(`${rule} to be shown so`, () => told(rule).find(wanted));

it('shows without a reload what is unknown, silenced, taken care of, and how long a device was away', {
  timeout: 120_000,
}, async () => {
  await live.alert(DEVICE, 'firing');
  agent.signal('SIGKILL');
  await shown('threshold', ({ unknown, silenced }) => unknown === true && silenced === `${DEVICE} is away`);
  const lost = Date.now();
  const { event } = await live.alert(DEVICE, 'firing', lost);
  expect(event.alert).toMatchObject({ rule: 'offline', unknown: false, silenced: null, stake: null });

  const silence = { scope: { device: DEVICE }, to: Date.now() + 2_500, comment: 'new router' };
  await hub.api.post('/silences', silence);
  await shown('offline', ({ silenced }) => silenced === 'silenced: new router');
  await until('the end of the silence', () => newest('offline')?.silenced === null);

  const taken = await hub.api.post<LiveAlert>(`/alerts/${event.alert.id}/acknowledge`, { owner: 'ben', comment: 'he is near' });
  expect(taken.acknowledged).toMatchObject({ owner: 'ben', comment: 'he is near' });
  const given = await hub.api.post<LiveAlert>(`/alerts/${event.alert.id}/unacknowledge`, { comment: 'not today' });
  expect(given.acknowledged).toBeNull();
  const unacknowledged = await live.alert(DEVICE, 'unacknowledged', lost);
  expect(unacknowledged.event).toMatchObject({ comment: 'not today', alert: { acknowledged: null } });

  const report = await hub.api.get<{ items: Record<string, unknown>[] }>('/availability');
  expect(report.items).toMatchObject([{ key: DEVICE, outages: 1, cost: null }]);
  const [one] = report.items as { down_ms: number; planned_ms: number; watched_ms: number; uptime: number }[];
  expect(one?.down_ms).toBeGreaterThan(0);
  expect(one?.planned_ms).toBeGreaterThan(0);
  expect(one?.uptime).toBeCloseTo(1 - (one?.down_ms ?? 0) / (one?.watched_ms ?? 1), 6);
});
