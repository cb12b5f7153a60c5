import { expect, test } from 'vitest';
import type { LookBack } from './rule.js';
import { createTraces } from './traces.js';

const MINUTE = 60_000;
const DAY = 86_400_000;
const wants: LookBack[] = [{ metric: 'a.b', keep: 'changes', window_ms: DAY }];
const value = (name: string, value: number, ts: number) => ({ metric: 'a.b', labels: { name }, value, ts });

test('a clock that was set back by a year does not end the looks', () => {
  const traces = createTraces();
  const now = 400 * DAY;
  traces.look('pi', wants, { values: [value('x', 1, now)], now });
  expect(traces.due('pi', now + MINUTE / 2)).toBe(false);
  expect(traces.due('pi', now - 365 * DAY)).toBe(true);
});

test('series that came and went leave room for new ones', () => {
  const traces = createTraces();
  for (let at = 0; at < 500; at++) {
    const now = DAY + at * 10 * MINUTE;
    traces.look('pi', wants, { values: [value(`run-${at}`, 1, now)], now });
  }
  expect(traces.of('pi', 'a.b{name=run-499}')).toBeDefined();
  expect(traces.of('pi', 'a.b{name=run-0}')).toBeUndefined();
});
