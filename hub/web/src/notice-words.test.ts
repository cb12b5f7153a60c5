import { expect, test } from 'vitest';
import { daysText, isShadowed, moved, newRoute, routeDetails, routeTitle, silenceText, weeklyText } from './notice-words.js';

const names = { site: () => 'Roof', device: (id: string) => id, rule: () => 'Offline' };

test('days are told as people do', () => {
  expect(
    [
      [1, 2, 3, 4, 5],
      [7, 6],
      [1, 2, 3, 4, 5, 6, 7],
      [1, 3, 5, 6, 7],
    ].map(daysText),
  ).toEqual(['Mon–Fri', 'Sat, Sun', 'daily', 'Mon, Wed, Fri–Sun']);
  const night = { days: [1, 2, 3, 4, 5], from: '22:00', to: '06:00', time_zone: 'America/New_York' };
  expect(weeklyText(night)).toBe('Mon–Fri 22:00–06:00 (America/New York)');
});

test('a route says which alerts go to whom, and what else holds', () => {
  const plain = newRoute(['route']);
  expect(plain.id).toBe('route-2');
  expect(routeTitle(plain, names)).toEqual({ what: 'Warning and worse', whom: 'every channel' });
  expect(routeDetails(plain)).toEqual(['one notice per site', 'again every 4 h until acknowledged']);
  const night = { days: [6, 7], from: '00:00', to: '24:00', time_zone: 'UTC' };
  const strict = {
    ...plain,
    match: { severity: 'critical' as const, scope: { site: 'r' }, times: night },
    ...{
      notifiers: ['ada'],
      escalate: { after_ms: 1_800_000, notifiers: ['bob', 'eve'] },
      repeat_ms: null,
      resolved: false,
      go_on: true,
    },
  };
  expect(routeTitle(strict, names)).toEqual({ what: 'Critical of Site Roof, Sat, Sun 00:00–24:00 (UTC)', whom: 'ada' });
  expect(routeDetails(strict)).toEqual([
    'one notice per site',
    'told once',
    'after 30 min also to bob, eve',
    'not told when it ends',
    'routes below apply too',
  ]);
});

test('a route behind one that takes all is never asked', () => {
  const all = { ...newRoute([]), match: { severity: 'info' as const, scope: { all: true as const }, times: null } };
  expect([0, 1].map((at) => isShadowed([all, newRoute([])], at))).toEqual([false, true]);
  expect(isShadowed([{ ...all, go_on: true }, newRoute([])], 1)).toBe(false);
  expect(moved(['a', 'b', 'c'], 2, 0)).toEqual(['c', 'a', 'b']);
});

test('a silence says when', () => {
  const base = { id: 's', scope: { all: true as const }, comment: '', by: 'ada', created_at: 0 };
  const weekly = { days: [1], from: '01:00', to: '02:00', time_zone: 'UTC' };
  expect(silenceText({ ...base, weekly }, 0)).toBe('Mon 01:00–02:00 (UTC)');
  expect(silenceText({ ...base, from: 1, to: Date.parse('2026-05-01T10:00:00') }, 2)).toBe('until 2026-05-01 10:00');
});
