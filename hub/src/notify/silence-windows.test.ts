import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Silence } from '../parts.js';
import { silencedWindows } from './silence-windows.js';
import { createHarness } from './testing/harness.js';
import { createLocalTimes, isWithin, type LocalTimes } from './times.js';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const at = (text: string) => Date.parse(`${text}Z`);
const silence = (more: Partial<Silence>): Silence => ({
  ...{ id: 'one', by: 'ada', created_at: 0, comment: '', scope: { all: true } },
  ...more,
});
const windows = async (one: Silence, from: number, to: number) =>
  (await silencedWindows([one], { from, to, local: createLocalTimes() })).map((window) => [window.from, window.to]);

describe('the times in which silences held', () => {
  test('are cut to what is asked for', async () => {
    const one = silence({ from: 10, to: 30 });
    expect(await windows(one, 0, 20)).toEqual([[10, 20]]);
    expect(await windows(one, 30, 40)).toEqual([]);
  });

  test('of a week follow the clocks of their time zone, also when these are put forward', async () => {
    const weekly = { days: [6, 7], from: '22:10', to: '02:05', time_zone: 'Europe/Berlin' };
    expect(await windows(silence({ weekly }), at('2026-03-27T00:00'), at('2026-04-01T00:00'))).toEqual([
      [at('2026-03-28T21:10'), at('2026-03-29T01:00')],
      [at('2026-03-29T20:10'), at('2026-03-30T00:05')],
    ]);
  });

  test('are those in which it would have muted, minute by minute', async () => {
    const clock = fc.tuple(fc.integer({ min: 0, max: 23 }), fc.integer({ min: 0, max: 59 }));
    const text = ([hour, minute]: [number, number]) => `${`${hour}`.padStart(2, '0')}:${`${minute}`.padStart(2, '0')}`;
    const zone = fc.constantFrom('UTC', 'Asia/Kathmandu', 'America/New_York', 'Australia/Lord_Howe');
    const days = fc.uniqueArray(fc.integer({ min: 1, max: 7 }), { minLength: 1 });
    await fc.assert(
      fc.asyncProperty(fc.record({ days, from: clock, to: clock, time_zone: zone }), async ({ from, to, ...rest }) => {
        const weekly = { ...rest, from: text(from), to: text(to) };
        const [begin, end] = [at('2026-03-07T00:00'), at('2026-03-09T12:00')];
        const found = await windows(silence({ weekly }), begin, end);
        const local = createLocalTimes();
        for (let ts = begin; ts < end; ts += MINUTE) {
          const inside = found.some(([start = 0, stop = 0]) => ts >= start && ts < stop);
          if (inside !== isWithin(weekly, ts, local)) throw new Error(new Date(ts).toISOString());
        }
      }),
      { numRuns: 15 },
    );
  }, 60_000);

  test('outlive the silence itself, ended early or forgotten after a week, and a restart', async () => {
    const hub = createHarness();
    await hub.start();
    hub.writer.automatic = true;
    const began = hub.clock.now();
    const { id } = await hub.notify.addSilence({ scope: { device: 'pi' }, to: began + 10 * HOUR }, 'ada');
    await hub.notify.addSilence({ scope: { all: true }, to: began + 2 * HOUR }, 'ada');
    await hub.pass(HOUR, MINUTE);
    await hub.notify.deleteSilence(id);
    await hub.pass(9 * DAY, HOUR);
    expect(hub.notify.silences()).toEqual([]);
    await hub.crash();
    const found = await hub.notify.windows(began, hub.clock.now());
    expect(found.sort((a, b) => a.to - b.to)).toEqual([
      { scope: { device: 'pi' }, from: began, to: began + HOUR },
      { scope: { all: true }, from: began, to: began + 2 * HOUR },
    ]);
  });

  test('are told of at once when one begins, ends or is removed', async () => {
    const hub = createHarness();
    await hub.start();
    let told = 0;
    hub.notify.muted.on(() => told++);
    const now = hub.clock.now();
    await hub.notify.addSilence({ scope: { all: true }, from: now + 10_000, to: now + 20_000 }, 'ada');
    await hub.pass(5_000);
    expect(told).toBe(0);
    await hub.pass(7_000);
    expect(told).toBe(1);
    await hub.pass(10_000);
    expect(told).toBe(2);
  });
});

test('asks what time it is once for each quarter of an hour and zone, however many silences there are: each costs microseconds', async () => {
  const local = createLocalTimes();
  let asked = 0;
  const counted: LocalTimes = (zone, ts) => {
    asked++;
    return local(zone, ts);
  };
  const night = { days: [1, 2, 3], from: '22:05', to: '06:10', time_zone: 'Europe/Berlin' };
  const silences = Array.from({ length: 50 }, (_, index) => ({ ...silence({ weekly: night }), id: `${index}` }));
  const days = 30;
  const from = Date.UTC(2026, 9, 1, 12, 7);
  const windows = await silencedWindows(silences, { from, to: from + days * 86_400_000, local: counted });
  expect(windows.length % 50).toBe(0);
  expect(asked).toBeLessThanOrEqual(days * 96 + 2);
});
