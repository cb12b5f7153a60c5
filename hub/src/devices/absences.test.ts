import { createTestClock } from '@muster/shared/testing/clock';
import { expect, test } from 'vitest';
import { createHandWriter } from '../hand-writer.js';
import { setUp } from './testing/tracker.js';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
type World = ReturnType<typeof setUp>;
const states = async ({ tracker, clock }: World, from: number) =>
  (await tracker.availability('pi', from, clock.now())).map((stay) => [stay.state, stay.to - stay.from]);

test('the time in which the hub was not running counts as nobody watching, whatever the device was before', async () => {
  const world = setUp();
  const begun = world.clock.now();
  world.report(world.connect(1), 360);
  world.tracker.stop();
  world.clock.advance(48 * HOUR);
  const again = setUp(world.writer, world.clock);
  again.report(again.connect(2), 360);
  expect(await states(again, begun)).toEqual([
    ['online', HOUR],
    ['reconnecting', 48 * HOUR],
    ['online', HOUR],
  ]);
  again.tracker.closed(again.link(2), 'lost');
  again.clock.advance(HOUR);
  again.tracker.stop();
  again.clock.advance(5 * HOUR);
  const third = setUp(world.writer, world.clock);
  third.clock.advance(HOUR);
  expect((await states(third, begun)).slice(-3)).toEqual([
    ['lost', HOUR],
    ['reconnecting', 5 * HOUR],
    ['lost', HOUR],
  ]);
});

test('of a hub that was killed it is known to a quarter of an hour, and a restart is no absence', async () => {
  const world = setUp();
  const begun = world.clock.now();
  world.report(world.connect(1), 360);
  const lived_ms = world.clock.now() - begun;
  /** Another process on what is on disk now. */
  const killed = (away_ms: number): World => {
    const writer = createHandWriter();
    writer.committed.push(...world.writer.committed);
    const clock = createTestClock();
    clock.advance(lived_ms + away_ms);
    return setUp(writer, clock);
  };
  expect(await states(killed(5_000), begun)).toEqual([['online', lived_ms + 5_000]]);
  const [online, away] = await states(killed(10 * HOUR), begun);
  expect([online?.[0], away?.[0]]).toEqual(['online', 'reconnecting']);
  expect(Number(away?.[1])).toBeGreaterThanOrEqual(10 * HOUR);
  expect(Number(away?.[1])).toBeLessThanOrEqual(10 * HOUR + 15 * MINUTE);
});
