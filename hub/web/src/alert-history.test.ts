import type { LiveAlert, LiveAlertEvent } from '@muster/shared/wire/live';
import { describe, expect, test } from 'vitest';
import { eventsOf, findAlert, mergeEvents, resolvedOf, walkBack } from './alert-history.js';

const event = (number: number | null, id: string, extra: Partial<LiveAlertEvent> = {}): LiveAlertEvent => {
  const ts = extra.ts ?? (number ?? 0) * 10;
  const alert: LiveAlert = {
    ...{ id, rule: 'r', device: 'd', device_name: 'D', title: 'T', why: '', severity: 'info', state: 'firing', value: null },
    ...{ since: ts, fired_at: null, resolved_at: null, acknowledged: null, event: number ?? 0 },
  };
  return { number, ts, change: 'firing', by: 'hub', alert, ...extra };
};

/** A log that keeps the events from `first` to `newest`. */
const logOf = (first: number, newest: number) => {
  const asked: [number, number][] = [];
  const ask = async (after: number, limit: number) => {
    asked.push([after, limit]);
    const from = Math.max(after + 1, first);
    const count = Math.max(0, Math.min(limit, newest - from + 1));
    return Array.from({ length: count }, (_, i) => event(from + i, `a${(from + i) % 500}`));
  };
  return { ask, asked };
};

describe('the log from its end', () => {
  test('is read whole, each event once, the newest first', async () => {
    const { ask } = logOf(1, 3_333);
    const numbers: (number | null)[] = [];
    for await (const { events } of walkBack(ask, 3_333)) numbers.push(...events.map(({ number }) => number));
    expect(numbers).toEqual(Array.from({ length: 3_333 }, (_, i) => 3_333 - i));
  });

  test('ends where older ones are no longer kept', async () => {
    const { ask } = logOf(900, 1_000);
    const pages = [];
    for await (const page of walkBack(ask, 1_000)) pages.push([page.events.length, page.last]);
    expect(pages).toEqual([[101, true]]);
  });

  test('of an empty hub is empty', async () => {
    const pages = [];
    for await (const page of walkBack(logOf(1, 0).ask, 0)) pages.push(page);
    expect(pages).toEqual([]);
  });
});

test('the events of an alert are found without reading further back than it began', async () => {
  const { ask, asked } = logOf(1, 9_000);
  const found = await eventsOf(ask, { id: 'a400', event: 8_900, since: 84_000 });
  expect(found.map(({ number }) => number)).toEqual([8_400, 8_900]);
  expect(asked).toHaveLength(2);
});

test('an alert that the hub no longer lists is found by its newest event', async () => {
  const { ask } = logOf(1, 2_000);
  expect((await findAlert(ask, 'a7', 2_000))?.event).toBe(1_507);
  expect(await findAlert(ask, 'none', 2_000)).toBeNull();
});

test('an event that was shown before it was stored gives way to the same with its number', () => {
  const merged = mergeEvents(
    [event(null, 'a', { ts: 77 })],
    [event(5, 'a', { ts: 77 }), event(4, 'a')],
    [event(5, 'a', { ts: 77 })],
  );
  expect(merged.map(({ number }) => number)).toEqual([5, 4]);
  expect(mergeEvents([event(null, 'a', { ts: 77 }), event(4, 'a')]).map(({ number }) => number)).toEqual([null, 4]);
});

test('resolved alerts come from the list and from the log, each once, the last to end first', () => {
  const done = (id: string, resolved_at: number): LiveAlert => ({ ...event(1, id).alert, state: 'resolved', resolved_at });
  const events = [
    event(9, 'a', { change: 'resolved', alert: done('a', 90) }),
    event(8, 'b', { change: 'resolved', alert: done('b', 80) }),
  ];
  expect(resolvedOf(events, [done('a', 90), done('c', 85)]).map(({ id }) => id)).toEqual(['a', 'c', 'b']);
});
