import { expect, test } from 'vitest';
import { createHarness, DAY, ledger, lifetime, START } from './testing/harness.js';

const HOUR = 3_600_000;

test('the opening is in the total but not in today', async () => {
  const hub = createHarness();
  await hub.restart();
  hub.move(HOUR);
  hub.book([lifetime(START + 1, 1_000n), lifetime(START + 2, 1_007n)]);
  expect(hub.earnings.totals('pi')).toEqual([
    { network: 'storj', token: 'STORJ', decimals: 8, amount: '1007', estimated: false },
  ]);
  expect(hub.earnings.today('pi')).toMatchObject([{ amount: '7' }]);
  expect(hub.changed).toEqual(['pi']);
});

test('today begins anew at UTC midnight and says so, and income dated ahead waits for its day', async () => {
  const hub = createHarness();
  await hub.restart();
  hub.move(DAY - HOUR);
  hub.book([lifetime(START + 1, 0n), lifetime(START + 2, 5n)]);
  hub.book([
    ledger(START + 3, { next: 9n }, { account: 'b', entries: [{ id: 'next', ts: START + DAY + 1, amount: '9' }] } as never),
  ]);
  expect(hub.earnings.today('pi')).toMatchObject([{ amount: '5' }]);
  hub.changed.length = 0;
  hub.move(HOUR);
  expect(hub.earnings.today('pi')).toMatchObject([{ amount: '9' }]);
  expect(hub.changed).toEqual(['pi']);
});

test('a restart continues exactly: today, totals and what is new', async () => {
  const hub = createHarness();
  hub.move(HOUR);
  hub.book([lifetime(START + 1, 100n), lifetime(START + 2, 110n), ledger(START + 3, { a: 5n }, { account: 'b' })]);
  const before = [hub.earnings.today('pi'), hub.earnings.totals('pi'), hub.earnings.networks()];
  await hub.restart();
  expect([hub.earnings.today('pi'), hub.earnings.totals('pi'), hub.earnings.networks()]).toEqual(before);
  expect(hub.book([lifetime(START + 2, 110n), ledger(START + 3, { a: 5n }, { account: 'b' })])).toEqual([]);
  hub.book([lifetime(START + 4, 111n)]);
  expect(hub.earnings.today('pi')).toMatchObject([{ amount: '11' }]);
});

test('a second device that claims an account is refused and shown, until the first is removed', async () => {
  const hub = createHarness();
  await hub.restart();
  hub.book([lifetime(START - 2, 100n)]);
  expect(hub.book([lifetime(START - 1, 500n)], 'rig')).toEqual([]);
  const claim = hub.earnings.networks().find(({ state }) => state === 'refused');
  expect(claim).toMatchObject({ device: 'rig', booked: false });
  expect(claim?.last_error).toContain('already held by pi');
  expect(hub.earnings.totals('rig')).toEqual([]);
  hub.earnings.forget('pi').forEach(hub.apply);
  expect([...hub.documents.keys()]).toEqual([]);
  hub.book([lifetime(START - 1, 500n)], 'rig');
  expect(hub.earnings.networks()).toMatchObject([{ device: 'rig', state: 'ok', booked: true }]);
});

test.each([
  ['another number of decimals', lifetime(START - 1, 5n, { decimals: 18 }), '8 are known'],
  ['a time in the future', lifetime(START + HOUR, 5n), 'future'],
  ['a device that is not in the credential', lifetime(START - 1, 5n, { device: 'rig' }), 'may not speak for rig'],
])('refused and shown: %s', (_name, reading, word) => {
  const hub = createHarness();
  hub.book([lifetime(START - 2, 1n)]);
  expect(hub.book([reading])).toEqual([]);
  expect(hub.earnings.networks().find(({ state }) => state === 'refused')?.last_error).toContain(word);
});

test('an agent books for a device that it carries', () => {
  const hub = createHarness();
  hub.book([lifetime(START - 2, 1n, { device: 'rig' })], 'pi', ['rig']);
  expect(hub.earnings.totals('rig')).toMatchObject([{ amount: '1' }]);
});

test('earnings are grouped by device, network, site, tag and day, without openings', async () => {
  const hub = createHarness();
  hub.place('pi', { site: 'attic', tags: ['arm', 'home'] });
  hub.place('rig', { tags: ['home'] });
  await hub.restart();
  hub.book([lifetime(START - 3 * DAY, 100n), lifetime(START - 2 * DAY, 110n), lifetime(START - DAY, 115n)]);
  hub.book(
    [ledger(START - 1, { a: 7n }, { network: 'filecoin', token: 'FIL', decimals: 18, account: 'f01', exact: false })],
    'rig',
  );
  const period = { from: START - 10 * DAY, to: START };
  const rows = async (query: Partial<Parameters<typeof hub.earnings.earnings>[0]>) =>
    (await hub.earnings.earnings({ ...period, by: 'device', ...query })).map(({ key, streams }) => [
      key,
      ...streams.map((one) => one.amount),
    ]);
  expect(await rows({})).toEqual([
    ['pi', '15'],
    ['rig', '7'],
  ]);
  expect(await rows({ by: 'network' })).toEqual([
    ['filecoin', '7'],
    ['storj', '15'],
  ]);
  expect(await rows({ by: 'site' })).toEqual([
    ['', '7'],
    ['attic', '15'],
  ]);
  expect(await rows({ by: 'tag' })).toEqual([
    ['arm', '15'],
    ['home', '7', '15'],
  ]);
  expect(await rows({ by: 'day' })).toEqual([
    ['2026-01-08', '10'],
    ['2026-01-09', '7', '5'],
  ]);
  expect(await rows({ site: 'attic' })).toEqual([['pi', '15']]);
  expect(await rows({ network: 'filecoin', tag: 'home' })).toEqual([['rig', '7']]);
  const [row] = await hub.earnings.earnings({ ...period, by: 'device', device: 'rig' });
  expect(row).toEqual({
    key: 'rig',
    streams: [{ network: 'filecoin', token: 'FIL', decimals: 18, amount: '7', estimated: true }],
    ...{ fiat: null, cost: null, net: null },
  });
});

test('a query reads all pages of the store', async () => {
  const hub = createHarness();
  await hub.restart();
  const many = Object.fromEntries(Array.from({ length: 2_500 }, (_, index) => [`id${index}`, 2n]));
  hub.book([ledger(START - 1, many)]);
  const [row] = await hub.earnings.earnings({ from: 0, to: START, by: 'network' });
  expect(row?.streams[0]?.amount).toBe('5000');
});

test('streams of a device that was removed while the hub was down are cleared away', async () => {
  const hub = createHarness();
  hub.book([lifetime(START - 2, 1n), ledger(START - 1, { a: 5n }, { account: 'b' })]);
  hub.devices.delete('pi');
  await hub.restart();
  expect([...hub.documents.keys()]).toEqual([]);
  expect(hub.earnings.networks()).toEqual([]);
});

test('account names may hold any character', async () => {
  const hub = createHarness();
  const account = 'a/b\n"ü\ud800';
  hub.book([ledger(START - 1, { 'x"/\ud801': 5n }, { account })]);
  await hub.restart();
  expect(hub.book([ledger(START - 1, { 'x"/\ud801': 5n }, { account })])).toEqual([]);
});

const event = (name: string, detail: string, ts = START, boot = 'aaaaaaaa') => ({ boot, seq: 1, ts, event: name, detail });

test('a source that its agent cannot reach is failed, over a restart of the hub, until it answers again', async () => {
  const hub = createHarness();
  hub.book([lifetime(START - 2, 100n), lifetime(START - 2, 1n, { network: 'other' })]);
  const states = () => hub.earnings.networks().map(({ network, state, last_error }) => [network, state, last_error]);
  hub.earnings.heard('pi', event('source_failed', 'storj: it refused: no')).forEach(hub.apply);
  const failed = [
    ['storj', 'failed', 'it refused: no'],
    ['other', 'ok', null],
  ];
  expect(states()).toEqual(failed);
  await hub.restart();
  expect(states()).toEqual(failed);
  hub.earnings.heard('pi', event('source_recovered', 'storj', START + 2)).forEach(hub.apply);
  hub.earnings.heard('pi', event('source_failed', 'storj: late', START + 1)).forEach(hub.apply);
  expect(states().map(([, state]) => state)).toEqual(['ok', 'ok']);
  await hub.restart();
  expect(states().map(([, state]) => state)).toEqual(['ok', 'ok']);
});

test('a failed source that never gave a reading has a line of its own, until its agent starts anew or is removed', async () => {
  const hub = createHarness();
  const fail = (boot: string) =>
    hub.earnings.heard('pi', event('source_failed', 'storj-2: timeout', START, boot)).forEach(hub.apply);
  hub.book([lifetime(START - 2, 100n)], 'rig');
  fail('aaaaaaaa');
  const own = { network: 'storj-2', device: 'pi', source: 'storj-2', booked: false, state: 'failed', last_error: 'timeout' };
  expect(hub.earnings.networks()).toMatchObject([{ device: 'rig', state: 'ok' }, own]);
  hub.earnings.born('pi', 'bbbbbbbb').forEach(hub.apply);
  fail('aaaaaaaa');
  expect(hub.earnings.networks()).toHaveLength(1);
  fail('bbbbbbbb');
  expect(hub.earnings.networks()).toHaveLength(2);
  hub.earnings.forget('pi').forEach(hub.apply);
  expect(hub.earnings.networks()).toHaveLength(1);
  fail('cccccccc');
  hub.devices.delete('pi');
  await hub.restart();
  expect(hub.earnings.networks()).toHaveLength(1);
});

test('a newer reading, or one of a carried device, counts for its source', () => {
  const hub = createHarness();
  hub.place('rig', { carried_by: 'pi' });
  hub.book([lifetime(START - 2, 1n, { device: 'rig' })], 'pi', ['rig']);
  hub.earnings.heard('pi', event('source_failed', 'storj: timeout', START - 1));
  expect(hub.earnings.networks()).toMatchObject([{ device: 'rig', state: 'failed' }]);
  hub.book([lifetime(START, 2n, { device: 'rig' })], 'pi', ['rig']);
  expect(hub.earnings.networks()).toMatchObject([{ device: 'rig', state: 'ok', last_error: null }]);
});

test('what other events say is not of a source, and sources are bounded', () => {
  const hub = createHarness();
  expect(hub.earnings.heard('pi', event('clock_corrected', 'storj: off'))).toEqual([]);
  for (let at = 0; at < 1_005; at++) hub.earnings.heard('pi', event('source_failed', `made-up-${at}: no`)).forEach(hub.apply);
  expect([hub.earnings.networks().length, hub.documents.size]).toEqual([1_000, 1_000]);
});

test('ids of sources are plain text for a URL, each its own', () => {
  const hub = createHarness();
  const account = 'a/b?"ü&';
  hub.book([lifetime(START - 2, 1n, { account }), ledger(START - 1, { a: 5n }, { account })]);
  hub.book([lifetime(START - 1, 5n, { account })], 'rig');
  hub.earnings.heard('pi', event('source_failed', 'ü/odd: no'));
  const ids = hub.earnings.networks().map(({ id }) => id);
  expect(ids.every((id) => /^[\w-]+$/.test(id))).toBe(true);
  expect(new Set(ids).size).toBe(4);
});
