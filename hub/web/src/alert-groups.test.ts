import { describe, expect, test } from 'vitest';
import {
  type Alert,
  byStake,
  countFiring,
  fiatText,
  grouped,
  groupOf,
  ownerOf,
  reasonOf,
  stakeOf,
  stakeTogether,
  withoutStake,
} from './alert-groups.js';

const NOW = 1_000_000;
const alert = (id: string, extra: Partial<Alert> = {}): Alert => ({
  ...{ id, rule: 'offline', device: id, device_name: id, title: 'Device offline', why: '', severity: 'critical' },
  ...{ state: 'firing', value: null, since: 0, fired_at: 0, resolved_at: null, acknowledged: null, event: 1 },
  ...extra,
});
const stake = (fiat_per_hour: string | null) => ({ currency: 'USD', fiat_per_hour, tokens: [] });
const taken = { by: 'ada', at: 1, comment: null };

describe('the list of an alert', () => {
  test.each<[string, Partial<Alert>]>([
    ['firing', {}],
    ['pending', { state: 'pending' }],
    ['acknowledged', { acknowledged: taken }],
    ['unknown', { unknown: true, silenced: 'Pi is away' }],
    ['silenced', { silenced: 'silenced: works', acknowledged: taken }],
    ['silenced', { snoozed: { by: 'ada', at: 1, until: NOW + 1 } }],
    ['firing', { snoozed: { by: 'ada', at: 1, until: NOW } }],
    ['resolved', { state: 'resolved', silenced: 'silenced: works' }],
  ])('is %s', (group, extra) => {
    expect(groupOf(alert('a', extra), NOW)).toBe(group);
  });

  test('is one of all, and the number of the tab is that of the first', () => {
    const list = [alert('a'), alert('b', { acknowledged: taken }), alert('c', { state: 'pending' }), alert('d')];
    const lists = grouped(list, NOW);
    expect(Object.values(lists).flat()).toHaveLength(4);
    expect([lists.firing.length, countFiring(list, NOW)]).toEqual([2, 2]);
  });
});

describe('the order', () => {
  test('is by the money at stake, then by severity, then the newest first', () => {
    const list = [
      alert('unpriced-old', { stake: null, since: 1 }),
      alert('cheap', { stake: stake('0.5') }),
      alert('unpriced-warning', { severity: 'warning', since: 9 }),
      alert('dear-warning', { stake: stake('10.25'), severity: 'warning' }),
      alert('unpriced-new', { since: 5 }),
      alert('nothing', { stake: stake('0') }),
      alert('dear-critical', { stake: stake('10.25') }),
    ];
    const order = ['dear-critical', 'dear-warning', 'cheap', 'nothing', 'unpriced-new', 'unpriced-old', 'unpriced-warning'];
    expect(list.sort(byStake).map(({ id }) => id)).toEqual(order);
  });

  test('of resolved ones is by their end', () => {
    const done = (id: string, resolved_at: number) => alert(id, { state: 'resolved', resolved_at });
    expect(grouped([done('a', 5), done('b', 9)], NOW).resolved.map(({ id }) => id)).toEqual(['b', 'a']);
  });
});

describe('the money at stake', () => {
  test('is of a day, exact', () => {
    const found = stakeOf(alert('a', { stake: stake('0.10000001') }));
    expect(found && fiatText(found)).toBe('2.40000024');
  });

  test('is not known without a price, which is not nothing', () => {
    expect([stakeOf(alert('a')), stakeOf(alert('a', { stake: null })), stakeOf(alert('a', { stake: stake(null) }))]).toEqual([
      null,
      null,
      null,
    ]);
  });

  test('counts a device once, however many of its alerts fire', () => {
    const of = (id: string, device: string, text: string) => alert(id, { device, stake: stake(text) });
    const sum = stakeTogether([of('1', 'pi', '1'), of('2', 'pi', '1'), of('3', 'rig', '0.5'), alert('4')]);
    expect(sum && fiatText(sum)).toBe('36');
    expect(stakeTogether([alert('4')])).toBeNull();
  });
});

test('the owner is whom the person named, else the person', () => {
  expect(ownerOf(alert('a'))).toBeNull();
  expect(ownerOf(alert('a', { acknowledged: taken }))).toBe('ada');
  expect(ownerOf(alert('a', { acknowledged: { ...taken, owner: 'bob' } as Alert['acknowledged'] }))).toBe('bob');
});

describe('the reason in a list', () => {
  test.each([
    ['Pi 2 is lost; last heard 19:50 UTC.', 'is lost; last heard 19:50 UTC.'],
    ['Pi 2: the disk is full', 'the disk is full'],
    ['Pi 22 is lost.', 'Pi 22 is lost.'],
    ['Three of its restarts', 'Three of its restarts'],
  ])('leaves out the name before it: %s', (why, shown) => {
    expect(reasonOf({ why, device_name: 'Pi 2' })).toBe(shown);
  });

  test('leaves out the money where the same stands beside it', () => {
    const said = 'is lost; last heard 19:50 UTC; about 3.74 USD a day at stake.';
    const beside = (amount: bigint) => ({ amount, currency: 'USD' });
    expect(withoutStake(said, beside(373_900_000n))).toBe('is lost; last heard 19:50 UTC.');
    expect(withoutStake(said, beside(18_000_000n))).toBe(said);
    const tokens = 'is lost; about 1.32 RENDER and about 0.2 HNT a day at stake.';
    expect(withoutStake(tokens, beside(374_000_000n))).toBe(tokens);
  });
});
