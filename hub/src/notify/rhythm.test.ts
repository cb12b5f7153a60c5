import { describe, expect, it } from 'vitest';
import { createHarness } from './testing/harness.js';

const MINUTE = 60_000;
const HOUR = 3_600_000;
const EVERY_DAY = [1, 2, 3, 4, 5, 6, 7];
const TITLE = 'Name of pi: Device offline';
const hot = { severity: 'warning', rule: 'threshold', title: 'Hot' } as const;

const up = async (route: object, channels: readonly string[] = ['ada']) => {
  const hub = createHarness();
  await hub.start(channels);
  await hub.notify.setRoutes([{ id: 'default', match: {}, ...route }]);
  /** When what was heard, in minutes since the start, by steps of half a minute. */
  const begun = hub.clock.now();
  const diary = async (ms: number): Promise<[number, string][]> => {
    const lines: [number, string][] = [];
    for (let left = ms; left > 0; left -= MINUTE / 2) {
      await hub.pass(MINUTE / 2, MINUTE / 2);
      lines.push(...hub.heard().map((line): [number, string] => [(hub.clock.now() - begun) / MINUTE, line]));
    }
    return lines;
  };
  return { hub, diary };
};

describe('repetition', () => {
  it('comes every so often as long as nobody takes it, and not once more', async () => {
    const { hub, diary } = await up({ repeat_ms: HOUR });
    hub.fire('1', 'pi');
    expect(await diary(3.25 * HOUR)).toEqual([
      [0.5, `ada: ${TITLE}`],
      ...[60, 120, 180].map((at) => [at, `ada: Still: ${TITLE}`]),
    ]);
    hub.mark('1', { acknowledged: { by: 'ada', at: 0, comment: null } });
    expect(await diary(6 * HOUR)).toEqual([]);
    hub.resolve('1');
    expect((await diary(MINUTE)).map(([, line]) => line)).toEqual([`ada: Resolved: ${TITLE}`]);
  });

  it('is four hours by default, and none where it is null', async () => {
    const often = await up({});
    often.hub.fire('1', 'pi');
    expect((await often.diary(13 * HOUR)).map(([at]) => Math.round(at / 60))).toEqual([0, 4, 8, 12]);
    const once = await up({ repeat_ms: null });
    once.hub.fire('1', 'pi');
    expect(await once.diary(24 * HOUR)).toHaveLength(1);
  });
});

describe('escalation', () => {
  const route = { notifiers: ['ada'], repeat_ms: null, escalate: { after_ms: 15 * MINUTE, notifiers: ['bob'] } };

  it('comes once after its time without an acknowledgement, and who got it hears the end', async () => {
    const { hub, diary } = await up(route, ['ada', 'bob']);
    hub.fire('1', 'pi');
    expect(await diary(14.5 * MINUTE)).toEqual([[0.5, `ada: ${TITLE}`]]);
    expect(await diary(2 * HOUR)).toEqual([[15, `bob: Not acknowledged: ${TITLE}`]]);
    hub.resolve('1');
    expect((await diary(MINUTE)).map(([, line]) => line).sort()).toEqual([`ada: Resolved: ${TITLE}`, `bob: Resolved: ${TITLE}`]);
  });

  it('does not come when somebody took it in time or it ended', async () => {
    const { hub, diary } = await up(route, ['ada', 'bob']);
    hub.fire('1', 'pi');
    hub.fire('2', 'rig', { rule: 'threshold' });
    await diary(14 * MINUTE);
    hub.mark('1', { acknowledged: { by: 'ada', at: 0, comment: null } });
    hub.resolve('2');
    expect((await diary(2 * HOUR)).filter(([, line]) => line.startsWith('bob'))).toEqual([]);
  });

  it('keeps its time over a restart of the hub', async () => {
    const { hub, diary } = await up(route, ['ada', 'bob']);
    hub.fire('1', 'pi');
    await diary(10 * MINUTE);
    await hub.crash();
    expect(await diary(4.5 * MINUTE)).toEqual([]);
    expect(await diary(HOUR)).toEqual([[15, `bob: Not acknowledged: ${TITLE}`]]);
  });
});

describe('quiet hours', () => {
  const night = (time_zone: string) => ({
    quiet_hours: { days: EVERY_DAY, from: '22:00', to: '07:00', time_zone },
    repeat_ms: null,
  });

  it('hold from their first minute to their last what is not critical, and tell nothing of what ended meanwhile', async () => {
    const { hub, diary } = await up(night('UTC'));
    // The clock of a test starts at midnight, in the quiet hours.
    hub.fire('1', 'pi', hot);
    hub.fire('2', 'rig', { ...hot, title: 'Hot for a while' });
    hub.fire('3', 'box');
    expect(await diary(HOUR)).toEqual([[0.5, 'ada: Name of box: Device offline']]);
    hub.resolve('2');
    expect(await diary(5.99 * HOUR)).toEqual([]);
    expect((await diary(10 * MINUTE)).map(([at, line]) => [Math.floor(at), line])).toEqual([[420, 'ada: Name of pi: Hot']]);
    await diary(14 * HOUR + 40 * MINUTE);
    hub.fire('4', 'car', hot);
    expect(await diary(2 * MINUTE)).toHaveLength(1);
    await diary(20 * MINUTE);
    hub.fire('5', 'bus', hot);
    expect(await diary(8 * HOUR)).toEqual([]);
    expect((await diary(2 * HOUR)).map(([, line]) => line)).toEqual(['ada: Name of bus: Hot']);
  });

  it('are those of their time zone', async () => {
    const { hub, diary } = await up(night('America/New_York'));
    // Midnight UTC is 19:00 there; 22:00 comes at 03:00 UTC, 07:00 at noon.
    hub.fire('1', 'pi', hot);
    expect(await diary(HOUR)).toHaveLength(1);
    await diary(2 * HOUR);
    hub.fire('2', 'rig', hot);
    expect((await diary(10 * HOUR)).map(([at, line]) => [Math.floor(at / 60), line])).toEqual([[12, 'ada: Name of rig: Hot']]);
  });
});
