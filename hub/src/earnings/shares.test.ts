import type { Reading } from '@muster/shared/wire/messages';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { divide } from './accounts.js';
import { createHarness, DAY, ledger, lifetime, START } from './testing/harness.js';

const ACCOUNT = { network: 'storj', account: '1abc' };
const half = [
  { device: 'pi', parts: 1 },
  { device: 'rig', parts: 1 },
];
const whole = (device: string) => [{ device, parts: 1 }];
const large = fc.bigInt({ min: -(10n ** 40n), max: 10n ** 40n });
const some = fc.array(fc.integer({ min: 1, max: 1_000_000 }), { minLength: 1, maxLength: 20 });

test('what the parts get is the amount to the last unit, none off by more than one, the same for both signs', () => {
  fc.assert(
    fc.property(large, some, (amount, parts) => {
      const shares = parts.map((one, at) => ({ device: `d${at}`, parts: one }));
      const found = divide(amount, shares);
      expect(found.reduce((sum, one) => sum + one, 0n)).toBe(amount);
      expect(divide(-amount, shares)).toEqual(found.map((one) => -one));
      const all = BigInt(parts.reduce((sum, one) => sum + one, 0));
      for (const [at, units] of found.entries()) {
        const off = units * all - amount * BigInt(parts[at] ?? 0);
        expect(off < all && off > -all).toBe(true);
      }
    }),
  );
  expect(
    divide(
      100n,
      [1, 1, 1].map((parts, at) => ({ device: `d${at}`, parts })),
    ),
  ).toEqual([34n, 33n, 33n]);
});

test('shares hold from their date on: the past stays, the rest is divided, and a plan for later can be replaced', async () => {
  const hub = createHarness();
  await hub.restart();
  hub.book([lifetime(START - 3 * DAY, 100n), lifetime(START - 2 * DAY, 107n)]);
  await hub.earnings.share(ACCOUNT, { from: START - DAY, shares: half });
  await hub.earnings.share(ACCOUNT, { from: START + DAY, shares: whole('rig') });
  hub.book([lifetime(START - 1, 112n)]);
  expect([hub.sumOf('pi'), hub.sumOf('rig')]).toEqual([110n, 2n]);
  await hub.restart();
  expect(hub.earnings.totals('rig')).toMatchObject([{ amount: '2' }]);
  await hub.earnings.share(ACCOUNT, { from: START, shares: whole('pi') });
  const { periods } = hub.earnings.account('storj', '1abc') ?? {};
  expect(periods).toEqual([
    { from: START - DAY, shares: half },
    { from: START, shares: whole('pi') },
  ]);
  hub.book([lifetime(START, 122n)]);
  expect([hub.sumOf('pi'), hub.sumOf('rig'), hub.sum()]).toEqual([120n, 2n, 122n]);
});

test('shares never reach back behind what is booked, and name devices that there are', async () => {
  const hub = createHarness();
  hub.book([lifetime(START - 2, 1n), lifetime(START - 1, 5n)]);
  const put = (from: number | undefined, shares = half) => hub.earnings.share(ACCOUNT, { from, shares });
  await expect(put(START - 1)).rejects.toThrow('shares never divide the past again');
  await expect(put(undefined, whole('nobody'))).rejects.toThrow('There is no device "nobody"');
  await expect(put(undefined, [...half, ...half])).rejects.toThrow('each device once');
  hub.writer.healthy = false;
  await expect(put(undefined)).rejects.toThrow('nothing was changed');
  expect(hub.earnings.account('storj', '1abc')?.periods).toEqual([]);
});

test('an account that moves to another device: the old one is refused from then on, the counter goes on', async () => {
  const hub = createHarness();
  await hub.restart();
  hub.book([lifetime(START - 9, 100n)]);
  await hub.earnings.share(ACCOUNT, { from: START - 5, shares: whole('rig') });
  hub.book([lifetime(START - 4, 130n)], 'rig');
  hub.book([lifetime(START - 3, 999n)], 'pi');
  hub.book([lifetime(START - 6, 120n)], 'pi');
  expect([hub.sumOf('pi'), hub.sumOf('rig')]).toEqual([100n, 30n]);
  expect(hub.earnings.networks().map(({ device, state }) => [device, state])).toEqual([['rig', 'ok']]);
  hub.book([lifetime(START - 3, 999n)], 'pi');
  expect(hub.earnings.networks().find(({ state }) => state === 'refused')?.last_error).toContain('held by rig');
});

test('an opening that turns out to be older than the shares is its first holder’s, whole', async () => {
  const hub = createHarness();
  await hub.earnings.share(ACCOUNT, { from: START - 5, shares: whole('rig') });
  hub.bookHub([lifetime(START - 4, 100n)]);
  hub.bookHub([lifetime(START - 9, 60n)]);
  expect([hub.sumOf(''), hub.sumOf('pi'), hub.sumOf('rig')]).toEqual([60n, 0n, 40n]);
});

test('an account of the hub without a device is nobody’s until it has shares or a device reports it', async () => {
  const hub = createHarness();
  await hub.restart();
  hub.bookHub([lifetime(START - 9, 100n), lifetime(START - 8, 110n)]);
  const rows = async () =>
    (await hub.earnings.earnings({ from: 0, to: START + DAY, by: 'device' })).map(({ key, streams }) => [
      key,
      streams[0]?.amount,
    ]);
  expect(await rows()).toEqual([['', '10']]);
  expect(hub.book([lifetime(START - 7, 112n)], 'rig').length).toBeGreaterThan(0);
  hub.bookHub([lifetime(START - 6, 117n)]);
  expect(await rows()).toEqual([
    ['', '10'],
    ['rig', '7'],
  ]);
  hub.book([lifetime(START - 5, 500n)], 'pi');
  expect([hub.sumOf('pi'), hub.sum()]).toEqual([0n, 117n]);
  hub.devices.delete('rig');
  hub.earnings.forget('rig').forEach(hub.apply);
  await hub.restart();
  hub.bookHub([lifetime(START - 4, 120n)]);
  expect(hub.sumOf('')).toBe(113n);
});

test('what the hub asked and what an agent said are two sources: the hub’s is booked, the operator may choose, and nothing is added', async () => {
  const hub = createHarness();
  hub.book([lifetime(START - 9, 100n), lifetime(START - 8, 110n)]);
  hub.bookHub([lifetime(START - 7, 108n)], 'pi');
  const booked = () => hub.earnings.networks().map(({ by, booked: is }) => [by, is]);
  expect([hub.sum(), booked()]).toEqual([
    108n,
    [
      ['agent', false],
      ['hub', true],
    ],
  ]);
  const stream = { ...ACCOUNT, token: 'STORJ' };
  const agents = hub.earnings.networks()[0]?.id ?? '';
  await expect(hub.earnings.choose(stream, 'node')).rejects.toThrow('name one by its id');
  await expect(hub.earnings.choose(stream, 'nothing')).rejects.toThrow('No source "nothing"');
  await hub.earnings.choose(stream, agents);
  expect([hub.sum(), hub.sum('rest'), hub.earnings.account('storj', '1abc')?.streams[0]?.chosen]).toEqual([110n, 10n, agents]);
  await hub.restart();
  hub.bookHub([lifetime(START - 2, 200n)], 'pi');
  hub.book([lifetime(START - 1, 111n)]);
  expect([hub.sum(), booked()[0]]).toEqual([111n, ['agent', true]]);
  await hub.earnings.choose(stream, null);
  expect([hub.sum(), hub.sum('rest')]).toEqual([200n, 11n]);
});

test('a reading for a device that does not exist is refused by name', () => {
  const hub = createHarness();
  expect(hub.bookHub([lifetime(START - 9, 100n)], 'ghost')).toEqual([]);
  expect(hub.earnings.networks()).toMatchObject([{ device: 'ghost', state: 'refused' }]);
  expect(hub.earnings.networks()[0]?.last_error).toContain('no device "ghost"');
});

// ---- any sequence

type Step = { kind: 'read'; reading: Reading } | { kind: 'share'; parts: number[] } | { kind: 'choose'; source: string | null };

const amount = fc.oneof(fc.bigInt({ min: 0n, max: 20n }), fc.bigInt({ min: 0n, max: 10n ** 40n }));
const at = fc.integer({ min: 1, max: 12 }).map((hours) => START - hours * 3_600_000);
const counters = fc.tuple(at, amount, fc.constantFrom('node', 'chain'), fc.boolean());
const listings = fc.tuple(
  at,
  fc.dictionary(fc.constantFrom('a', 'bb', 'ccc'), fc.bigInt({ min: -(10n ** 30n), max: 10n ** 30n })),
);
const readings: fc.Arbitrary<Reading>[] = [
  counters.map(([as_of, sum, source, exact]) => ({ ...lifetime(as_of, sum), source, exact })),
  listings.map(([as_of, entries]) => ledger(as_of, entries)),
];
const stepsOf = (reading: fc.Arbitrary<Reading>): fc.Arbitrary<Step[]> =>
  fc.array(
    fc.oneof(
      { weight: 6, arbitrary: reading.map((one): Step => ({ kind: 'read', reading: one })) },
      {
        weight: 1,
        arbitrary: fc
          .tuple(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 9 }))
          .map((parts): Step => ({ kind: 'share', parts })),
      },
      { weight: 1, arbitrary: fc.constantFrom('node', 'chain', null).map((source): Step => ({ kind: 'choose', source })) },
    ),
    { minLength: 1, maxLength: 20 },
  );

for (const [index, name] of ['counters', 'listings'].entries()) {
  test(`${name}: whatever shares and choices come between the readings, devices together hold what is booked, and doing it again adds nothing`, async () => {
    await fc.assert(
      fc.asyncProperty(stepsOf(readings[index] as fc.Arbitrary<Reading>), fc.nat(20), async (steps, stop) => {
        const hub = createHarness();
        const play = async (step: Step) => {
          const { kind } = step;
          if (kind === 'read') hub.bookHub([step.reading]);
          const shares = kind === 'share' ? step.parts.map((parts, n) => ({ device: ['pi', 'rig'][n] ?? '', parts })) : [];
          if (kind === 'share') await hub.earnings.share(ACCOUNT, { shares });
          if (kind === 'choose') await hub.earnings.choose({ ...ACCOUNT, token: 'STORJ' }, step.source).catch(() => {});
        };
        for (const [n, step] of steps.entries()) {
          if (n === stop) await hub.restart();
          await play(step);
        }
        const booked = hub.earnings.networks().find((one) => one.booked);
        const own = steps.flatMap((step) =>
          step.kind === 'read' && step.reading.source === booked?.source ? [step.reading] : [],
        );
        const held = () => ['', 'pi', 'rig'].map((id) => hub.sumOf(id));
        const before = held();
        expect(before.reduce((sum, one) => sum + one, 0n)).toBe(hub.sum());
        expect(hub.sum()).toBe(worth(own));
        for (const id of ['pi', 'rig']) {
          const total = hub.earnings.totals(id).reduce((sum, one) => sum + BigInt(one.amount), 0n);
          expect(total).toBe(hub.sumOf(id));
        }
        await hub.restart();
        for (const step of steps) if (step.kind === 'read') await play(step);
        expect(held()).toEqual(before);
      }),
      { numRuns: 300 },
    );
  });
}

const worth = (set: readonly Reading[]): bigint => {
  const sums = set.flatMap((one) => (one.kind === 'lifetime' ? [BigInt(one.amount)] : []));
  if (sums.length > 0) return sums.reduce((a, b) => (a > b ? a : b));
  const held = new Map<string, { as_of: number; amount: bigint }>();
  for (const one of set)
    for (const entry of one.kind === 'ledger' ? one.entries : []) {
      const before = held.get(entry.id);
      const next = { as_of: one.as_of, amount: BigInt(entry.amount) };
      if (!before || next.as_of > before.as_of || (next.as_of === before.as_of && next.amount > before.amount))
        held.set(entry.id, next);
    }
  return [...held.values()].reduce((sum, one) => sum + one.amount, 0n);
};

test('what a failed source of two of one network says concerns its own accounts only', () => {
  const hub = createHarness();
  hub.book([lifetime(START - 9, 1n), lifetime(START - 9, 1n, { account: 'second' })]);
  const of = { source: 'storj-2', network: 'storj', accounts: ['second'] };
  const event = { boot: 'aaaaaaaa', seq: 1, ts: START, event: 'source_failed', detail: 'storj-2: it hangs', of };
  hub.earnings.heard('pi', event).forEach(hub.apply);
  expect(hub.earnings.networks().map(({ account, state }) => [account, state])).toEqual([
    ['1abc', 'ok'],
    ['second', 'failed'],
  ]);
});
