import type { LifetimeReading, Reading } from '@muster/shared/wire/messages';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { MOST_EPOCHS } from './ledger.js';
import { createHarness, DAY, ledger, lifetime, START } from './testing/harness.js';

// Few times and ids, so that ties, repeats and late arrivals are common; amounts far beyond 2^63.
const as_of = fc.integer({ min: 1, max: 8 }).map((hours) => START - hours * 3_600_000);
const amount = fc.oneof(fc.bigInt({ min: 0n, max: 20n }), fc.bigInt({ min: 0n, max: 10n ** 40n }));
const never = fc.tuple(as_of, amount).map(([at, sum]) => lifetime(at, sum));
const restarting = fc
  .tuple(as_of, amount, fc.constantFrom('e1', 'e2', 'e3'))
  .map(([at, sum, epoch]) => lifetime(at, sum, { resets: 'at_restart', epoch } as Partial<Reading>));
const listing = fc
  .tuple(as_of, fc.dictionary(fc.constantFrom('a', 'b', 'c'), fc.bigInt({ min: -(10n ** 30n), max: 10n ** 30n })))
  .map(([at, entries]) => ledger(at, entries));

const largest = (list: readonly bigint[]): bigint => [...list].sort((a, b) => (a < b ? 1 : -1))[0] ?? 0n;
const oldestAmount = (list: readonly LifetimeReading[]): bigint => {
  const oldest = Math.min(...list.map((one) => one.as_of));
  return largest(list.filter((one) => one.as_of === oldest).map((one) => BigInt(one.amount)));
};

/** What the set of readings is worth, said plainly. */
const worth = (set: readonly Reading[]): { total: bigint; opening: bigint } => {
  const counters = set.filter((one) => one.kind === 'lifetime');
  if (counters.length > 0) {
    const epochs = [...new Set(counters.map((one) => one.epoch))];
    const maxima = epochs.map((epoch) => largest(counters.filter((one) => one.epoch === epoch).map((one) => BigInt(one.amount))));
    return { total: maxima.reduce((a, b) => a + b), opening: oldestAmount(counters) };
  }
  const held = new Map<string, { as_of: number; amount: bigint }>();
  for (const one of set) {
    for (const entry of one.kind === 'ledger' ? one.entries : []) {
      const before = held.get(entry.id);
      const next = { as_of: one.as_of, amount: BigInt(entry.amount) };
      const wins = !before || next.as_of > before.as_of || (next.as_of === before.as_of && next.amount > before.amount);
      if (wins) held.set(entry.id, next);
    }
  }
  return { total: [...held.values()].reduce((sum, one) => sum + one.amount, 0n), opening: 0n };
};

const shuffled = (one: fc.Arbitrary<Reading>) =>
  fc
    .array(one, { minLength: 1, maxLength: 14 })
    .chain((set) => fc.tuple(fc.constant(set), fc.shuffledSubarray([...set, ...set], { minLength: set.length * 2 }), fc.nat(20)));

for (const [name, readings] of Object.entries({ never, 'at restart': restarting, ledger: listing })) {
  test(`${name}: entries add up to what the set of readings is worth, in any order, repeated, and over a restart`, async () => {
    await fc.assert(
      fc.asyncProperty(shuffled(readings), async ([set, arrivals, stop]) => {
        const hub = createHarness();
        for (const [index, reading] of arrivals.entries()) {
          if (index === stop) await hub.restart();
          hub.book([reading]);
        }
        const { total, opening } = worth(set);
        expect(hub.sum()).toBe(total);
        expect(hub.sum('opening')).toBe(opening);
        expect(hub.earnings.totals('pi').map((one) => one.amount)).toEqual([`${total}`]);
        await hub.restart();
        expect(hub.earnings.totals('pi').map((one) => one.amount)).toEqual([`${total}`]);
      }),
      { numRuns: 400 },
    );
  });

  test(`${name}: a message that was not committed and comes again after a restart adds nothing twice`, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(readings, { minLength: 1, maxLength: 8 }), fc.nat(8), async (set, lost) => {
        const hub = createHarness();
        await hub.restart();
        for (const [index, reading] of set.entries()) {
          if (index === lost) {
            hub.earnings.book('pi', new Set(['pi']), [reading], START);
            await hub.restart();
          }
          hub.book([reading]);
        }
        expect(hub.sum()).toBe(worth(set).total);
      }),
    );
  });
}

test('several sources of one account: exactly one is booked, and the total is its total in any order', () => {
  const sources = fc.constantFrom('node', 'chain', 'site');
  const many = fc.tuple(never, sources, fc.boolean()).map(([reading, source, exact]) => ({ ...reading, source, exact }));
  fc.assert(
    fc.property(shuffled(many), ([set, arrivals]) => {
      const hub = createHarness();
      for (const reading of arrivals) hub.book([reading]);
      const booked = hub.earnings.networks().filter((one) => one.booked);
      expect(booked).toHaveLength(1);
      const own = set.filter(({ source }) => source === booked[0]?.source);
      expect(own.some(({ exact }) => exact)).toBe(set.some(({ exact }) => exact));
      expect(hub.sum()).toBe(worth(own).total);
    }),
    { numRuns: 400 },
  );
});

test('a counter books its oldest reading as the opening and each rise on the day that first showed it', () => {
  const hub = createHarness();
  for (const [days, sum] of [
    [3, 100n],
    [2, 130n],
    [2, 130n],
    [1, 150n],
  ] as const)
    hub.book([lifetime(START - days * DAY, sum)]);
  expect(hub.entries().map(({ kind, amount: sum, ts }) => [kind, sum, (START - ts) / DAY])).toEqual([
    ['opening', '100', 3],
    ['increase', '30', 2],
    ['increase', '20', 1],
  ]);
});

test('an older reading that comes late corrects the opening; what lies between becomes income of the day that showed it', () => {
  const hub = createHarness();
  hub.book([lifetime(START - 2 * DAY, 100n), lifetime(START - DAY, 120n)]);
  hub.book([lifetime(START - 5 * DAY, 60n)]);
  expect(hub.entries().map(({ kind, amount: sum, ts }) => [kind, sum, (START - ts) / DAY])).toEqual([
    ['opening', '100', 2],
    ['increase', '20', 1],
    ['opening', '-40', 5],
    ['increase', '40', 2],
  ]);
});

test('a restart of the source counts on, a dip of a counter that never resets does not count', () => {
  const hub = createHarness();
  const epoch = (at: number, sum: bigint, name: string) =>
    lifetime(START - at, sum, { resets: 'at_restart', epoch: name, account: 'b' } as Partial<Reading>);
  hub.book([lifetime(START - 3, 100n), lifetime(START - 2, 10n), lifetime(START - 1, 101n)]);
  expect(hub.sum()).toBe(101n);
  hub.book([epoch(3, 50n, 'one'), epoch(2, 5n, 'two'), epoch(1, 8n, 'two')]);
  expect(hub.sum()).toBe(101n + 58n);
});

test('a ledger entry that changes books the difference, "0" withdraws it, and an old listing changes nothing', () => {
  const hub = createHarness();
  hub.book([ledger(START - 4, { p1: 500n, p2: 70n })]);
  hub.book([ledger(START - 3, { p1: 450n })]);
  hub.book([ledger(START - 5, { p1: 999n })]);
  hub.book([ledger(START - 1, { p2: 0n })]);
  expect(hub.entries().map(({ kind, amount: sum }) => [kind, sum])).toEqual([
    ['increase', '500'],
    ['increase', '70'],
    ['correction', '-50'],
    ['correction', '-70'],
  ]);
  expect(hub.entries()[0]?.ts).toBe(START - DAY + 2);
});

test('18-decimal amounts beyond 2^63 stay exact to the last digit', () => {
  const hub = createHarness();
  hub.book([lifetime(START - 2, '123456789012345678901234567890', { decimals: 18 })]);
  hub.book([lifetime(START - 1, '123456789012345678901234567891', { decimals: 18 })]);
  expect(hub.sum('rest')).toBe(1n);
  expect(hub.earnings.totals('pi')[0]?.amount).toBe('123456789012345678901234567891');
});

test('an exact source takes over from an estimate as history: no day earns twice', () => {
  const hub = createHarness();
  hub.book([
    lifetime(START - 5, 100n, { source: 'guess', exact: false }),
    lifetime(START - 4, 110n, { source: 'guess', exact: false }),
  ]);
  hub.book([lifetime(START - 3, 90n, { source: 'chain' })]);
  hub.book([lifetime(START - 2, 300n, { source: 'guess', exact: false }), lifetime(START - 1, 95n, { source: 'chain' })]);
  expect(hub.entries().map(({ kind, amount: sum, source }) => [kind, sum, source])).toEqual([
    ['opening', '100', 'guess'],
    ['increase', '10', 'guess'],
    ['opening', '-20', 'chain'],
    ['increase', '5', 'chain'],
  ]);
  expect(hub.earnings.networks().map(({ source, booked }) => [source, booked])).toEqual([
    ['guess', false],
    ['chain', true],
  ]);
});

test('a poll that says nothing new writes nothing for a counter and one document for a ledger', () => {
  const hub = createHarness();
  const many = Object.fromEntries(Array.from({ length: 500 }, (_, index) => [`id${index}`, 1n]));
  hub.book([lifetime(START - 5, 100n), ledger(START - 5, many, { account: 'b' })]);
  const again = hub.book([lifetime(START - 4, 100n), ledger(START - 4, many, { account: 'b' })]);
  expect(again.map(({ kind }) => kind)).toEqual(['document']);
});

test('epochs beyond the bound are folded: the total stays, a late word of a folded one is refused and shown', () => {
  const hub = createHarness();
  const epoch = (n: number) => lifetime(START - 10_000 + n, 1n, { resets: 'at_restart', epoch: `e${n}` } as Partial<Reading>);
  for (let n = 0; n < MOST_EPOCHS + 2; n++) hub.book([epoch(n)]);
  hub.book([epoch(0)]);
  expect(hub.sum()).toBe(BigInt(MOST_EPOCHS + 2));
  expect(hub.earnings.networks().map(({ state }) => state)).toEqual(['ok', 'refused']);
  expect([...hub.documents.keys()].filter((key) => key.startsWith('stream_parts'))).toHaveLength(MOST_EPOCHS);
});

test('income dated far ahead counts within a week of its reading: it is in the comparison, and shares can be set', async () => {
  const hub = createHarness();
  await hub.restart();
  const far = { ...ledger(START - DAY, {}), entries: [{ id: 'a', ts: Number.MAX_SAFE_INTEGER, amount: '7' }] } as Reading;
  hub.book([far]);
  expect(hub.entries()).toMatchObject([{ amount: '7', ts: START + 6 * DAY }]);
  const shares = [{ device: 'rig', parts: 1 }];
  const view = await hub.earnings.share({ network: 'storj', account: '1abc' }, { shares });
  expect(view.periods).toEqual([{ from: START + 6 * DAY + 1, shares }]);
});
