import type { Signal } from '@muster/shared/signal';
import type { LiveAlert, LiveAlertEvent } from '@muster/shared/wire/live';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createRandom } from '../sim/random.js';
import { type AlertLoad, createAlertLoad, LEVEL_RULES, type Levels } from '../testing/alert-load.js';
import { type BrowserTab, createBrowserTab } from '../testing/browser-tab.js';
import { hubProgram, makeFolder, type RunningHub, samePorts, startHub, until } from '../testing/processes.js';
import { addReceiver, type Receiver, startReceiver } from '../testing/receiver.js';

/** A real hub that is killed at random moments while alerts start, end, are taken and told of. */
const KILLS = Number(process.env['MUSTER_TEST_KILLS'] ?? 15);
/** Gives the same moments again. */
const SEED = Number(process.env['MUSTER_TEST_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
const DEVICES = 5;
const RUNS_MS = 900;
const STARTS_MS = 450;
const WAITS_MS = 500;
const folder = makeFolder();
const random = createRandom(SEED);
const moments = random.fork('moments');
const tab = createBrowserTab();
const ENV = { MUSTER_STORE_COMMIT_MS: '20' };
let hub: RunningHub;
let receiver: Receiver;
let load: AlertLoad;

beforeAll(async () => {
  const service = random.fork('receiver');
  // Takes its time, and fails now and then: what it answered last is what counts.
  receiver = await startReceiver(async () => {
    await pause(service.next() * 40);
    return service.next() < 0.03 ? 503 : 200;
  });
  hub = await startHub(folder.path, ENV);
  await addReceiver(hub, receiver, { per_minute: 600 });
  await hub.api.put('/rules', { items: LEVEL_RULES });
  await hub.api.put('/routes', { items: [{ id: 'default', match: {}, group_by: 'none', wait_ms: 50, repeat_ms: null }] });
  load = createAlertLoad(random.fork('load'), await joinAll());
}, 60_000);

afterAll(async () => {
  load?.end();
  tab.close();
  await hub?.stop();
  receiver?.close();
  folder.remove();
});

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

const joinAll = async (): Promise<Map<string, string>> => {
  const keys = new Map<string, string>();
  for (const device of Array.from({ length: DEVICES }, (_, index) => `probe-${index}`)) {
    const { token } = await hub.api.post<{ token: string }>('/invites', { device });
    keys.set(device, (await hub.api.post<{ key: string }>('/join', { token, device })).key);
  }
  return keys;
};

const listed = async (): Promise<LiveAlertEvent[]> => {
  const events: LiveAlertEvent[] = [];
  for (let after = 0; ; ) {
    const { items, next } = await hub.api.get<{ items: LiveAlertEvent[]; next?: string }>(`/alerts/events?after=${after}`);
    events.push(...items);
    if (next === undefined) return events;
    after = Number(next);
  }
};

const once = <T>(signal: Signal<T>): Promise<void> =>
  new Promise((resolve) => {
    const off = signal.on(() => {
      off();
      resolve();
    });
  });

/** Anywhere; or just as an event is shown, or a notice on its way: what was told too early shows there. */
const killsAt = async (): Promise<void> => {
  await pause(moments.next() * RUNS_MS);
  const dice = moments.next();
  if (dice < 0.35) await Promise.race([once(tab.heard), pause(WAITS_MS)]);
  else if (dice < 0.6) await Promise.race([once(receiver.came), pause(WAITS_MS)]);
};

/** Lets it run for a moment, kills it, and starts it again; now and then it dies while it starts, too. */
const killOnce = async (): Promise<number> => {
  tab.connect(hub.access);
  const running = load.run(hub);
  await killsAt();
  hub.signal('SIGKILL');
  await hub.ended;
  load.end();
  await Promise.race([running, pause(1_000)]);
  const settings = { ...ENV, ...samePorts(hub) };
  const again = moments.next() < 0.25;
  if (again) {
    const starting = hubProgram(folder.path, settings);
    await pause(moments.next() * STARTS_MS);
    starting.signal('SIGKILL');
    await starting.ended;
  }
  hub = await startHub(folder.path, settings);
  return again ? 2 : 1;
};

/** What was told stays as it was, under its number, and no number is missing. */
const expectKept = async (before: readonly LiveAlertEvent[]): Promise<LiveAlertEvent[]> => {
  const after = await listed();
  expect(after.slice(0, before.length)).toEqual(before);
  expect(after.slice(0, tab.events.length)).toEqual(tab.events);
  expect(after.map(({ number }) => number)).toEqual(after.map((_, index) => index + 1));
  expect(tab.faults).toEqual([]);
  return after;
};

const replay = async (from: number, events: readonly LiveAlertEvent[]): Promise<void> => {
  const other: BrowserTab = createBrowserTab(from);
  other.connect(hub.access);
  await until(`the replay from ${from}`, () => other.events.length + from >= events.length);
  expect(other.events).toEqual(events.slice(from));
  expect(other.faults).toEqual([]);
  other.close();
};

const historiesOf = (events: readonly LiveAlertEvent[]): Map<string, string> => {
  const histories = new Map<string, string>();
  for (const { change, alert } of events) {
    const key = `${alert.device} ${alert.subject}`;
    if (change !== 'acknowledged') histories.set(key, `${histories.get(key) ?? ''} ${change}`);
  }
  return histories;
};

const FIRED = { 'test.value': ' firing', 'test.slow': ' pending firing' };

/** The histories that a series may have: what was sent without an answer may be stored, or not. */
const wantedOf = ({ metric, stored, sent }: Levels): string[] => {
  const fired = FIRED[metric];
  const ended = [`${fired} resolved`, ...(metric === 'test.slow' ? [' pending cancelled'] : [])];
  const unsaid = sent.length > stored.length;
  if (stored.length === 0) return ['', fired];
  return stored.length === 2 ? ended : [fired, ...(unsaid ? ended : [])];
};

/** What the hub acknowledged has happened: a value that is stored was judged, and an answered acknowledgement counts. */
const expectAnswered = (events: readonly LiveAlertEvent[]): void => {
  const histories = historiesOf(events);
  for (const [key, levels] of load.series) expect(wantedOf(levels), key).toContain(histories.get(key) ?? '');
  const marks = events.filter(({ change }) => change === 'acknowledged').map(({ alert }) => alert);
  for (const [comment, ids] of load.taken) {
    const found = marks.filter(({ acknowledged }) => acknowledged?.comment === comment).map(({ id }) => id);
    expect(found).toEqual(expect.arrayContaining([...ids]));
    expect(new Set(found).size).toBe(found.length);
  }
};

/** Each start and each end was told at least once, under one key and with the same words. */
const expectTold = (events: readonly LiveAlertEvent[]): { told: number; again: number } => {
  const bodies = new Map<string, string>();
  for (const { key, body } of receiver.taken) {
    expect(bodies.get(key) ?? body).toBe(body);
    bodies.set(key, body);
  }
  const folded = receiver.taken.map(({ title }) => title).filter((title) => title.includes('held back'));
  expect(folded, 'the limit of the channel was reached: each notice must be its own here').toEqual([]);
  const about = [...bodies.keys()].map((key) => key.split('-').slice(0, 2).join('-'));
  expect(new Set(about).size).toBe(about.length);
  const wanted = events.filter(({ change, alert }) => alert.device !== '' && (change === 'firing' || change === 'resolved'));
  expect(about.sort()).toEqual(wanted.map(({ change, alert }) => `${alert.id}-${change}`).sort());
  return { told: bodies.size, again: receiver.taken.length - bodies.size };
};

interface Page {
  items: LiveAlert[];
}

const expectOpen = async (events: readonly LiveAlertEvent[]): Promise<void> => {
  const newest = new Map(events.map(({ alert }) => [alert.id, alert]));
  const open = [...newest.values()].filter(({ state }) => state !== 'resolved');
  const of = async (state: string) => (await hub.api.get<Page>(`/alerts?state=${state}&limit=1000`)).items;
  const shown = new Map([...(await of('firing')), ...(await of('pending'))].map((one) => [one.id, one]));
  expect([...shown.keys()].sort()).toEqual(open.map(({ id }) => id).sort());
  for (const alert of open) expect(shown.get(alert.id)).toMatchObject(alert);
};

it(`loses and renumbers no alert event over ${KILLS} kills, tells each at least once under one key, and replays exactly`, {
  timeout: 120_000 + KILLS * 8_000,
}, async () => {
  console.log(`seed: MUSTER_TEST_SEED=${SEED}`);
  let events: LiveAlertEvent[] = [];
  let kills = 0;
  while (kills < KILLS) {
    kills += await killOnce();
    events = await expectKept(events);
  }
  tab.connect(hub.access);
  await load.settle(hub);
  await until('nothing to be pending', async () => (await hub.api.get<Page>('/alerts?state=pending')).items.length === 0);
  const waiting = async () => (await hub.api.get<{ items: { waiting: number }[] }>('/notifiers')).items[0]?.waiting;
  await until('the outbox to be empty', async () => (await waiting()) === 0, 120_000);
  await until('the tab to have all', async () => tab.events.length >= (await listed()).length);
  events = await expectKept(events);
  expect(tab.events).toEqual(events);
  await replay(0, events);
  await replay(Math.floor(moments.next() * events.length), events);
  expectAnswered(events);
  await expectOpen(events);
  const { told, again } = expectTold(events);
  const count = (change: LiveAlertEvent['change']) => events.filter((event) => event.change === change).length;
  console.log(
    `figure: ${kills} kills, ${events.length} events (${count('firing')} fired, ${count('resolved')} resolved, ${count('acknowledged')} acknowledged): ` +
      `0 lost, 0 renumbered, replays exact; ${told} notices, ${again} again under their key, ${receiver.asked() - receiver.taken.length} refused`,
  );
  expect(count('firing')).toBeGreaterThan(KILLS / 2);
});
