import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createHarness, type Harness } from './testing/harness.js';

const MINUTE = 60_000;
const DEVICES = 9;
const devices = fc.uniqueArray(fc.integer({ min: 0, max: DEVICES - 1 }), { minLength: 1, maxLength: 5 });
const channel = fc.constantFrom('ada', 'bob');

/** Of all kinds: one channel escalated to, several routes for one alert, none grouped. */
const ROUTES = [
  [{ id: 'default', match: {} }],
  [{ id: 'default', match: {}, notifiers: ['ada'], repeat_ms: null, escalate: { after_ms: MINUTE, notifiers: ['bob'] } }],
  [
    { id: 'gpu', match: { scope: { tag: 'gpu' } }, notifiers: ['bob'], go_on: true },
    { id: 'default', match: {}, notifiers: ['ada'], group_by: 'rule' },
  ],
  [{ id: 'other', match: {}, group_by: 'none', repeat_ms: MINUTE }],
];

type Move = (hub: Harness) => unknown;
const each = (act: (hub: Harness, device: number) => void) =>
  devices.map(
    (list): Move =>
      (hub) => {
        for (const device of list) act(hub, device);
      },
  );
const idOf = (hub: Harness, device: number) => [...hub.open.values()].find((alert) => alert.device === `d${device}`)?.id;
const newId = (hub: Harness) => `n${hub.log.length}`;

const silence = { scope: { all: true }, to: 1e13, comment: '' };
const move: fc.Arbitrary<Move> = fc.oneof(
  { weight: 4, arbitrary: each((hub, one) => idOf(hub, one) ?? hub.pending(newId(hub), `d${one}`)) },
  {
    weight: 6,
    arbitrary: each((hub, one) => {
      const id = idOf(hub, one);
      if (hub.open.get(id ?? '')?.state !== 'firing') hub.fire(id ?? newId(hub), `d${one}`);
    }),
  },
  { weight: 5, arbitrary: each((hub, one) => hub.resolve(idOf(hub, one) ?? '')) },
  {
    weight: 5,
    arbitrary: fc.constantFrom(200, 1_000, 30_000, 120_000, 400_000, 3_700_000).map(
      (ms): Move =>
        (hub) =>
          hub.pass(ms, Math.max(500, ms / 60)),
    ),
  },
  fc.constant<Move>((hub) => hub.settle().then(hub.crash)),
  channel.map(
    (to): Move =>
      (hub) =>
        void hub.broken.set(to, 'hangs'),
  ),
  channel.map(
    (to): Move =>
      (hub) =>
        void hub.broken.set(to, { code: 'unreachable' }),
  ),
  channel.map(
    (to): Move =>
      (hub) =>
        void hub.broken.delete(to),
  ),
  devices.map(
    ([one]): Move =>
      (hub) =>
        hub.notify.addSilence({ ...silence, scope: { device: `d${one}` } }, 'ada'),
  ),
  fc.constantFrom(...ROUTES).map(
    (routes): Move =>
      (hub) =>
        hub.notify.setRoutes(routes),
  ),
);

const play = async (moves: readonly Move[]): Promise<Harness> => {
  const hub = createHarness();
  await hub.start([]);
  for (const id of ['ada', 'bob'])
    await hub.notify.putNotifier(id, { kind: 'hook', config: { url: `http://${id}` }, per_minute: 600 });
  for (let one = 0; one < DEVICES; one++)
    hub.devices.set(`d${one}`, { site: one < 4 ? 'home' : one < 8 ? 'farm' : null, tags: one % 2 ? ['gpu'] : [] });
  for (const act of moves) await act(hub);
  hub.broken.clear();
  for (const { id } of hub.notify.silences()) await hub.notify.deleteSilence(id);
  await hub.pass(120 * MINUTE, 20_000);
  for (const id of [...hub.open.keys()]) hub.resolve(id);
  await hub.pass(120 * MINUTE, 20_000);
  return hub;
};

/** What a service that keeps incidents by their threads still holds open; a second delivery of one key is nothing to it. */
const leftOpen = (hub: Harness, to: string): string[] => {
  const open = new Set<string>();
  const keys = new Set<string>();
  for (const { thread = '', resolved, idempotency_key: key, ...one } of hub.sent) {
    if (one.to !== to || keys.has(key)) continue;
    keys.add(key);
    if (resolved) open.delete(thread);
    else open.add(thread);
  }
  return [...open];
};

test('whatever happens, each incident opened at a service is closed there once all is well, and nothing is left waiting', {
  timeout: 120_000,
}, async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(move, { maxLength: 25 }), async (moves) => {
      const hub = await play(moves);
      expect([leftOpen(hub, 'ada'), leftOpen(hub, 'bob')]).toEqual([[], []]);
      expect(hub.notify.incidents().filter(({ resolved }) => resolved === null)).toEqual([]);
      expect(hub.notify.notifiers().map(({ waiting }) => waiting)).toEqual([0, 0]);
    }),
    { numRuns: 100 },
  );
});
