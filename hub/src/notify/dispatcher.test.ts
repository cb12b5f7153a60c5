import { describe, expect, test } from 'vitest';
import { createHarness } from './testing/harness.js';

const MINUTE = 60_000;
const HOUR = 3_600_000;
const route = (more: object = {}, match: object = {}) => ({ id: 'default', match, ...more });

const up = async (channels: readonly string[] = ['ada']) => {
  const hub = createHarness();
  await hub.start(channels);
  return hub;
};

describe('an alert', () => {
  test('is told to every channel within a second of firing, once, and its end too', async () => {
    const hub = await up(['ada', 'bob']);
    hub.fire('1', 'pi');
    await hub.pass(1_000);
    expect(hub.heard().sort()).toEqual(['ada: Name of pi: Device offline', 'bob: Name of pi: Device offline']);
    await hub.pass(HOUR);
    hub.resolve('1');
    await hub.pass(1_000);
    expect(hub.heard().sort()).toEqual([
      'ada: Resolved: Name of pi: Device offline',
      'bob: Resolved: Name of pi: Device offline',
    ]);
    await hub.pass(MINUTE);
    expect([hub.heard(), hub.writer.documents().filter(({ collection }) => collection === 'notices')]).toEqual([[], []]);
  });

  test('says what is at stake, links to the dashboard and carries its event number', async () => {
    const hub = await up();
    hub.fire('1', 'pi');
    await hub.pass(1_000);
    expect(hub.sent).toMatchObject([
      {
        text: 'pi is lost.\nAt stake: 0.50 USD an hour.',
        link: 'https://muster.example.org/alerts?alert=1',
        event: 1,
        thread: '1',
      },
    ]);
  });

  test('of little weight goes nowhere by default', async () => {
    const hub = await up();
    hub.fire('1', 'pi', { severity: 'info' });
    await hub.pass(MINUTE);
    expect(hub.heard()).toEqual([]);
  });

  test('that has grown worse is told to those who ask for that alone, and not again to the others', async () => {
    const hub = await up(['ada', 'bob']);
    const night = { id: 'night', match: { severity: 'critical' }, notifiers: ['bob'] };
    await hub.notify.setRoutes([night, route({ notifiers: ['ada'] }, { severity: 'warning' })]);
    hub.fire('1', 'pi', { severity: 'warning' });
    await hub.pass(MINUTE);
    expect(hub.heard()).toEqual(['ada: Name of pi: Device offline']);
    hub.fire('1', 'pi', { severity: 'critical' });
    await hub.pass(MINUTE);
    expect(hub.heard()).toEqual(['bob: Name of pi: Device offline']);
  });

  test('that was only pending is no notice', async () => {
    const hub = await up();
    hub.pending('1', 'pi');
    hub.resolve('1');
    await hub.pass(MINUTE);
    expect(hub.heard()).toEqual([]);
  });

  test('that nobody takes is repeated and goes to others; acknowledging ends both', async () => {
    const hub = await up(['ada', 'bob']);
    await hub.notify.setRoutes([
      route({ notifiers: ['ada'], repeat_ms: HOUR, escalate: { after_ms: 10 * MINUTE, notifiers: ['bob'] } }),
    ]);
    hub.fire('1', 'pi');
    await hub.pass(11 * MINUTE);
    expect(hub.heard()).toEqual(['ada: Name of pi: Device offline', 'bob: Not acknowledged: Name of pi: Device offline']);
    await hub.pass(50 * MINUTE);
    expect(hub.heard().sort()).toEqual(['ada: Still: Name of pi: Device offline', 'bob: Still: Name of pi: Device offline']);
    hub.mark('1', { acknowledged: { by: 'ada', at: 0, comment: null } });
    await hub.pass(3 * HOUR, 60_000);
    expect(hub.heard()).toEqual([]);
  });

  test('that flaps gives at most one notice an hour, and its end is told once it stays well', async () => {
    const hub = await up();
    let fired = 0;
    for (let cycle = 0; cycle < 30; cycle++) {
      hub.fire(`${cycle}`, 'pi');
      await hub.pass(3 * MINUTE, 1_000);
      hub.resolve(`${cycle}`);
      await hub.pass(3 * MINUTE, 1_000);
      fired += hub.heard().filter((title) => !title.includes('Resolved')).length;
    }
    expect(fired).toBe(2);
    await hub.pass(20 * MINUTE, 1_000);
    expect(hub.heard()).toEqual(['ada: Resolved: Name of pi: Device offline']);
  });
});

test.each([
  ['alone', 0],
  ['among others that were held back', 15],
])('of what flaps a channel that took one notice late, %s, takes the next an hour after that', async (_how, others) => {
  const hub = await up();
  hub.broken.set('ada', { code: 'too_many', retry_after_ms: 20 * MINUTE });
  const taken: number[] = [];
  const pass = async () => {
    await hub.pass(5 * MINUTE, 1_000);
    const about = hub.sent.splice(0).filter(({ resolved, title, text }) => !resolved && /of pi\b/.test(`${title} ${text}`));
    taken.push(...about.map(() => hub.clock.now()));
  };
  hub.fire('first', 'rig');
  await hub.pass(2_000);
  for (let index = 0; index < others; index++) {
    hub.fire(`other-${index}`, `other-${index}`);
    await hub.pass(1_500);
  }
  for (let cycle = 0; cycle < 20; cycle++) {
    hub.fire(`${cycle}`, 'pi');
    await pass();
    hub.broken.clear();
    hub.resolve(`${cycle}`);
    await pass();
  }
  expect(taken.length).toBeGreaterThan(1);
  for (const [at, ts] of taken.entries()) if (at > 0) expect(ts - (taken[at - 1] ?? 0)).toBeGreaterThanOrEqual(HOUR);
});

describe('routes', () => {
  test('are looked at in order, the first that matches holds unless it says to go on', async () => {
    const hub = await up(['ada', 'bob']);
    hub.devices.set('rig', { tags: ['gpu'] });
    const gpu = { id: 'gpu', match: { scope: { tag: 'gpu' } }, notifiers: ['bob'] };
    await hub.notify.setRoutes([gpu, route({ notifiers: ['ada'] })]);
    hub.fire('1', 'pi');
    hub.fire('2', 'rig');
    await hub.pass(1_500);
    expect(hub.heard().sort()).toEqual(['ada: Name of pi: Device offline', 'bob: Name of rig: Device offline']);
    await hub.notify.setRoutes([{ ...gpu, go_on: true }, route({ notifiers: null })]);
    hub.fire('3', 'rig', { rule: 'threshold' });
    await hub.pass(1_500);
    expect(hub.heard().length).toBe(2);
  });

  test('hold what is not critical in quiet hours and tell it when they end', async () => {
    const hub = await up();
    const quiet_hours = { days: [1, 2, 3, 4, 5, 6, 7], from: '22:00', to: '07:00', time_zone: 'UTC' };
    await hub.notify.setRoutes([route({ quiet_hours, repeat_ms: null })]);
    hub.fire('1', 'pi', { severity: 'warning', rule: 'threshold', title: 'Hot' });
    hub.fire('2', 'rig');
    await hub.pass(2_000);
    expect(hub.heard()).toEqual(['ada: Name of rig: Device offline']);
    await hub.pass(7 * HOUR, MINUTE);
    expect(hub.heard()).toEqual(['ada: Name of pi: Hot']);
  });

  test('group what fires within a second at one site, with a count', async () => {
    const hub = await up();
    for (const id of ['a', 'b']) hub.devices.set(id, { site: 'home' });
    hub.fire('1', 'a');
    await hub.pass(500);
    hub.fire('2', 'b', { rule: 'threshold', title: 'Hot', why: 'b is hot.' });
    await hub.pass(1_000);
    expect(hub.sent.map(({ title, text }) => [title, text])).toEqual([
      [
        '2 alerts at Site home: Device offline, Hot',
        '- Name of a: a is lost.\n- Name of b: b is hot.\nAt stake: 1.00 USD an hour.',
      ],
    ]);
  });

  test.each([
    [[route(), route()], 'Two routes have the id "default"'],
    [[route({ notifiers: ['eve'] })], 'there is no notifier "eve"'],
    [[route({ wait_ms: 2_000 })], 'must be at most 1000'],
    [[route({ quiet_hours: { days: [1], from: '1', to: '2:00', time_zone: 'UTC' } })], 'must be a time'],
    [[route({}, { scope: { planet: 'mars' } })], 'must be {"all": true}'],
  ])('are refused with a sentence: %j', async (routes, sentence) => {
    const hub = await up();
    await expect(hub.notify.setRoutes(routes)).rejects.toThrow(sentence);
    expect(hub.notify.routes()).toHaveLength(1);
  });
});

describe('a channel', () => {
  test('that fails is tried again with a growing pause, shows so, and is an alert for the others', async () => {
    const hub = await up();
    hub.broken.set('ada', { code: 'unreachable' });
    hub.fire('1', 'pi');
    await hub.pass(20_000);
    expect(hub.notify.notifiers()).toMatchObject([
      { state: 'failed', waiting: 1, last_error: 'ada says no to ********', last_ok: null },
    ]);
    expect(hub.hubAlerts).toEqual(['notifier:ada true The notifier ada fails: ada says no to ********']);
    hub.broken.clear();
    await hub.pass(MINUTE);
    expect(hub.heard()).toEqual(['ada: Name of pi: Device offline']);
    expect(hub.notify.notifiers()).toMatchObject([{ state: 'ok', waiting: 0, last_error: null }]);
    expect(hub.hubAlerts.at(-1)).toContain('notifier:ada false');
  });

  test('is not told of its own failure', async () => {
    const hub = await up(['ada', 'bob']);
    hub.fire('1', '', { rule: 'hub', subject: 'notifier:ada', device_name: 'Hub', title: 'Hub problem' });
    await hub.pass(2_000);
    expect(hub.heard()).toEqual(['bob: Hub: Hub problem']);
  });

  test('that asks for more time gets it', async () => {
    const hub = await up();
    hub.broken.set('ada', { code: 'too_many', retry_after_ms: 10 * MINUTE });
    hub.fire('1', 'pi');
    await hub.pass(2_000);
    hub.broken.clear();
    await hub.pass(9 * MINUTE, 5_000);
    expect(hub.heard()).toEqual([]);
    await hub.pass(MINUTE);
    expect(hub.heard()).toHaveLength(1);
  });

  test('that refuses for good is not asked again: the notice is given up, with a record', async () => {
    const hub = await up();
    hub.broken.set('ada', { code: 'forbidden' });
    hub.fire('1', 'pi');
    await hub.pass(2_000);
    hub.broken.clear();
    await hub.pass(HOUR, 10_000);
    expect(hub.heard()).toEqual([]);
    expect(hub.notify.notifiers()).toMatchObject([{ given_up: 1, waiting: 0 }]);
    expect([hub.audited.length, hub.hubAlerts[0]]).toEqual([1, expect.stringContaining('did not take a notice')]);
  });

  test('that hangs holds up no other', async () => {
    const hub = await up(['ada', 'bob']);
    hub.broken.set('ada', 'hangs');
    hub.fire('1', 'pi');
    await hub.pass(1_500);
    expect(hub.heard()).toEqual(['bob: Name of pi: Device offline']);
    hub.broken.clear();
    await hub.pass(MINUTE);
    expect(hub.heard()).toEqual(['ada: Name of pi: Device offline']);
  });

  test('gets at most ten notices a minute, and then hears how many were held back', async () => {
    const hub = await up();
    await hub.notify.setRoutes([route({ group_by: 'none' })]);
    for (let index = 0; index < 40; index++) hub.fire(`${index}`, `pi-${index}`);
    await hub.pass(50_000);
    expect(hub.heard()).toHaveLength(10);
    await hub.pass(20_000);
    expect(hub.sent[0]?.text).toContain(
      '30 notices were held back, because this channel takes at most 10 a minute:\n- Name of pi-10',
    );
    expect(hub.heard()).toEqual(['ada: 30 notices were held back']);
    expect(hub.notify.notifiers()).toMatchObject([{ held_back: 30, waiting: 0 }]);
  });

  test('can be tried, and says without its secret what is wrong', async () => {
    const hub = await up();
    await hub.notify.test('ada');
    expect(hub.heard()).toEqual(['ada: Muster: a test']);
    hub.broken.set('ada', { code: 'forbidden' });
    await expect(hub.notify.test('ada')).rejects.toThrow('ada says no to ********');
  });

  test('keeps its secret masked, and gives it to no other address', async () => {
    const hub = await up();
    expect(hub.notify.notifier('ada')?.config).toEqual({ url: 'http://ada', key: '********' });
    await hub.notify.putNotifier('ada', { kind: 'hook', config: { url: 'http://ada' }, per_minute: 5 });
    await expect(hub.notify.putNotifier('ada', { kind: 'hook', config: { url: 'http://eve' } })).rejects.toThrow(
      'must be given again',
    );
    expect(hub.notify.notifier('ada')).toMatchObject({ per_minute: 5, config: { key: '********' } });
  });
});
