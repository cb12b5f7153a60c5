import type { LiveAlert, LiveAlertEvent, LiveMessage } from '@muster/shared/wire/live';
import { describe, expect, test } from 'vitest';
import { byUrgency } from './alert-events.js';
import { createBoard } from './board.js';

const alert = (id: string, event: number, extra: Partial<LiveAlert> = {}): LiveAlert => ({
  ...{ id, rule: 'offline', device: 'pi', device_name: 'Pi', title: 'Device offline', why: '', severity: 'critical' },
  ...{ state: 'firing', value: null, since: 0, fired_at: 0, resolved_at: null, acknowledged: null, event },
  ...extra,
});
const change = (number: number | null, extra: Partial<LiveAlertEvent> = {}): LiveMessage => ({
  kind: 'alert',
  event: { number, ts: number ?? 1, change: 'firing', by: 'hub', alert: alert('a', number ?? 0), ...extra },
});
const snapshot = (event: number, alerts: LiveAlert[] = []): LiveMessage => ({
  kind: 'snapshot',
  now: 1000,
  event,
  devices: [],
  alerts,
});

const build = (stored: number | null = null) => {
  const written: number[] = [];
  const gaps: number[] = [];
  const board = createBoard({
    now: () => 0,
    memory: { read: () => stored, write: (number) => written.push(number) },
    gap: () => gaps.push(1),
  });
  return { board, written, gaps };
};

describe('alert events', () => {
  test('one that comes by replay and live is shown once', () => {
    const { board } = build();
    board.take(snapshot(0));
    board.take(change(1));
    board.take(change(1));
    board.take(change(2, { change: 'resolved' }));
    expect(board.events.value.map((event) => event.number)).toEqual([2, 1]);
  });

  test('one sent before it was stored is not shown again with its number', () => {
    const { board } = build();
    board.take(snapshot(0));
    board.take(change(null, { ts: 77 }));
    board.take(change(5, { ts: 77 }));
    expect(board.events.value).toHaveLength(1);
    expect(board.last()).toBe(5);
  });

  test('two changes of one alert without numbers are both shown', () => {
    const { board } = build();
    board.take(change(null, { ts: 77 }));
    board.take(change(null, { ts: 78, change: 'resolved' }));
    expect(board.events.value).toHaveLength(2);
  });

  test('an older event does not undo a newer one', () => {
    const { board } = build();
    board.take(change(4, { change: 'resolved', alert: alert('a', 4, { state: 'resolved' }) }));
    board.take(change(3));
    expect(board.alerts.value[0]?.state).toBe('resolved');
  });

  test('a pending alert that passed by itself leaves', () => {
    const { board } = build();
    board.take(change(1, { change: 'pending', alert: alert('a', 1, { state: 'pending' }) }));
    board.take(change(2, { change: 'cancelled' }));
    expect(board.alerts.value).toEqual([]);
  });
});

describe('a browser that reads lists beside the live channel', () => {
  test('keeps what only lists say when an event comes', () => {
    const { board } = build();
    board.putAlerts([{ ...alert('a', 1), silenced: 'silenced: works', unknown: true }]);
    board.take(change(2, { change: 'acknowledged', alert: alert('a', 2) }));
    expect(board.get('a')).toMatchObject({ event: 2, silenced: 'silenced: works', unknown: true });
    board.take({ kind: 'alerts', alerts: [{ ...alert('a', 2), silenced: null, unknown: false }] });
    expect(board.get('a')).toMatchObject({ silenced: null, unknown: false });
  });

  test('the past of an alert that is over does not make it fire again', () => {
    const { board } = build(10);
    board.take(snapshot(13));
    board.take(change(11, { alert: alert('gone', 11) }));
    expect(board.alerts.value).toEqual([]);
    board.take(change(13, { change: 'resolved', alert: alert('gone', 13, { state: 'resolved' }) }));
    expect(board.alerts.value.map(({ state }) => state)).toEqual(['resolved']);
    expect(board.events.value.map(({ number }) => number)).toEqual([13, 11]);
  });

  test('a hub that was set up anew may use old numbers for new events', () => {
    const { board } = build();
    board.take(snapshot(0));
    for (const number of [1, 2, 3]) board.take(change(number, { ts: number }));
    board.take(snapshot(0));
    board.take(change(2, { ts: 900 }));
    expect(board.events.value.map(({ ts }) => ts)).toEqual([900]);
  });

  test('a tab that is behind does not set back the number that another tab has reached', () => {
    const stored = { number: 40 };
    const written: number[] = [];
    const memory = { read: () => stored.number, write: (number: number) => written.push(number) };
    const board = createBoard({ now: () => 0, memory, gap: () => {} });
    stored.number = 60;
    for (const number of [41, 60, 61]) board.take(change(number, { ts: number }));
    expect([board.last(), written]).toEqual([61, [61]]);
  });

  test('events that come together are drawn once', () => {
    const tasks: (() => void)[] = [];
    const soon = (task: () => void) => void tasks.push(task);
    const board = createBoard({ now: () => 0, memory: { read: () => 0, write: () => {} }, gap: () => {}, soon });
    expect(board.alerts.value).toEqual([]);
    for (const number of [1, 2, 3]) board.take(change(number, { ts: number, alert: alert(`a${number}`, number) }));
    expect([tasks.length, board.alerts.value.length]).toEqual([1, 0]);
    tasks[0]?.();
    expect([board.alerts.value.length, board.events.value.map(({ number }) => number)]).toEqual([3, [3, 2, 1]]);
  });

  test('tells of an alert that begins to fire once, however often it hears of it', () => {
    const fired: string[] = [];
    const memory = { read: () => 0, write: () => {} };
    const board = createBoard({ now: () => 0, memory, gap: () => {}, fired: ({ id }) => fired.push(id) });
    board.take(change(null, { ts: 7 }));
    board.take(change(1, { ts: 7 }));
    board.take(change(1, { ts: 7 }));
    board.take(change(2, { change: 'acknowledged' }));
    expect(fired).toEqual(['a']);
  });
});

describe('resuming', () => {
  test('a first visit starts at the newest number and has missed nothing', () => {
    const { board, written } = build();
    board.take(snapshot(41));
    expect([board.last(), board.missed.value, written]).toEqual([41, 0, [41]]);
  });

  test('a browser that was away counts exactly what it missed, whether replay or snapshot comes first', () => {
    for (const first of ['snapshot', 'replay']) {
      const { board } = build(10);
      if (first === 'snapshot') board.take(snapshot(12));
      board.take(change(11));
      board.take(change(12, { change: 'resolved' }));
      if (first === 'replay') board.take(snapshot(12));
      board.take(change(13));
      expect([board.missed.value, board.last()]).toEqual([2, 13]);
    }
  });

  test('a number from a hub that was set up anew is let go', () => {
    const { board } = build(900);
    board.take(snapshot(3));
    expect(board.last()).toBe(3);
  });

  test('events lost for good ask for the alerts anew', () => {
    const { board, gaps } = build(10);
    board.take({ kind: 'gap', after: 10, from: 500 });
    expect(gaps).toHaveLength(1);
  });

  test('a snapshot ends alerts that are no longer open and keeps resolved ones', () => {
    const { board } = build();
    board.putAlerts([alert('old', 1), alert('done', 2, { state: 'resolved' })]);
    board.take(snapshot(5, [alert('new', 5)]));
    expect(board.alerts.value.map((each) => each.id)).toEqual(['new', 'done']);
  });
});

test('a device that the snapshot no longer names is gone', () => {
  const { board } = build();
  const base = { state: 'online', since: 0, last_seen: 0, boot: null, site: null, tags: [], carried_by: null } as const;
  const device = (id: string) => ({
    ...base,
    tags: [],
    id,
    name: id,
    main: {},
    earnings_today: [],
    alerts: { firing: 0, pending: 0 },
  });
  board.take({ kind: 'snapshot', now: 0, event: 0, devices: [device('a'), device('b')] });
  board.take({ kind: 'snapshot', now: 0, event: 0, devices: [device('b')] });
  expect([...board.devices.keys()]).toEqual(['b']);
});

test('what nobody took yet and what is worse comes first', () => {
  const taken = alert('taken', 1, { acknowledged: { by: 'x', at: 1, comment: null } });
  const warning = alert('warning', 2, { severity: 'warning' });
  const pending = alert('pending', 3, { state: 'pending' });
  const list = [pending, taken, warning, alert('new', 4, { since: 9 }), alert('old', 5)];
  expect(list.sort(byUrgency).map((each) => each.id)).toEqual(['new', 'old', 'warning', 'taken', 'pending']);
});
