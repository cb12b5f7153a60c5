import { describe, expect, test } from 'vitest';
import { createHarness } from './testing/harness.js';

const MINUTE = 60_000;
const route = (more: object = {}, match: object = {}) => ({ id: 'default', match, ...more });

const up = async (channels: readonly string[] = ['ada']) => {
  const hub = createHarness();
  await hub.start(channels);
  return hub;
};

const BEGIN = 'ada: Name of pi: Device offline';
const END = 'ada: Resolved: Name of pi: Device offline';

describe('the end of an alert is told behind its beginning', () => {
  test('when it ends before the beginning was sent', async () => {
    const hub = await up();
    hub.fire('1', 'pi');
    await hub.pass(300);
    hub.resolve('1');
    await hub.pass(5_000);
    expect(hub.heard()).toEqual([BEGIN, END]);
  });

  test('when the hub was down in between', async () => {
    const hub = await up();
    hub.fire('1', 'pi', {}, false);
    hub.resolve('1', false);
    await hub.crash();
    await hub.pass(5_000);
    expect(hub.heard()).toEqual([BEGIN, END]);
  });

  test.each([0, 1, 2, 3, 4])('when the channel comes back after long, whichever try it is (%d)', async (tries) => {
    const hub = await up();
    hub.broken.set('ada', { code: 'unreachable' });
    hub.fire('1', 'pi');
    await hub.pass(2_000);
    hub.resolve('1');
    await hub.pass((5 + tries * 4) * MINUTE, 1_000);
    hub.broken.clear();
    await hub.pass(30 * MINUTE, 1_000);
    expect(hub.heard()).toEqual([BEGIN, END]);
  });
});

describe('services that keep incidents close every one that was opened', () => {
  const away = (hub: Awaited<ReturnType<typeof up>>) => {
    for (const id of ['a', 'b']) hub.devices.set(id, { site: 'home' });
  };

  test('when alerts of one notice end together', async () => {
    const hub = await up();
    away(hub);
    hub.fire('1', 'a');
    hub.fire('2', 'b');
    await hub.pass(5_000);
    hub.resolve('1');
    hub.resolve('2');
    await hub.pass(5_000);
    expect(hub.sent.map(({ title, thread }) => [title, thread])).toEqual([
      ['2 alerts at Site home: Device offline', '1'],
      ['Resolved: 2 alerts at Site home: Device offline', '1'],
    ]);
  });

  test('when alerts of two notices end together', async () => {
    const hub = await up();
    away(hub);
    hub.fire('1', 'a');
    await hub.pass(5 * MINUTE, 1_000);
    hub.fire('2', 'b');
    await hub.pass(5_000);
    hub.resolve('1');
    hub.resolve('2');
    await hub.pass(5_000);
    expect(hub.sent.map(({ thread }) => thread)).toEqual(['1', '2', '1', '2']);
  });

  test('when one begins before the end of another at its place was sent, over a restart', async () => {
    const hub = await up();
    away(hub);
    hub.fire('1', 'a');
    hub.resolve('1');
    hub.fire('2', 'b');
    await hub.settle();
    await hub.crash();
    await hub.pass(3_000);
    expect(hub.sent.map(({ thread, resolved }) => [thread, resolved])).toEqual([
      ['1', false],
      ['2', false],
      ['1', true],
    ]);
  });

  test('when notices are held back: they are told of under the name of what fires still', async () => {
    const hub = await up();
    await hub.notify.putNotifier('ada', { kind: 'hook', config: { url: 'http://ada' }, per_minute: 2 });
    hub.fire('1', 'a');
    await hub.pass(2_000);
    hub.fire('0', 'c');
    await hub.pass(2_000);
    hub.resolve('1');
    await hub.pass(2_000);
    hub.fire('2', 'b');
    await hub.pass(2 * MINUTE);
    hub.resolve('2');
    await hub.pass(2_000);
    expect(hub.sent.map(({ title, thread, resolved }) => [title, thread, resolved]).slice(2)).toEqual([
      ['2 notices were held back', '2', false],
      ['Resolved: Name of b: Device offline', '2', true],
    ]);
  });

  test('when a notice waited with others at one channel and went alone to another', async () => {
    const hub = await up(['ada', 'bob']);
    await hub.notify.setRoutes([route({ notifiers: ['bob', 'ada'] })]);
    away(hub);
    hub.broken.set('bob', 'hangs');
    hub.fire('0', 'x', { rule: 'threshold' });
    await hub.pass(2_000);
    hub.fire('1', 'a');
    await hub.pass(2_000);
    hub.fire('2', 'b');
    await hub.pass(2_000);
    hub.broken.clear();
    await hub.pass(5 * MINUTE, 1_000);
    for (const id of ['0', '1', '2']) hub.resolve(id);
    await hub.pass(5_000);
    const threads = (to: string, over: boolean) =>
      hub.sent.filter((one) => one.to === to && one.resolved === over).map(({ thread }) => thread);
    expect([threads('ada', false), threads('bob', false)]).toEqual([
      ['0', '1', '2'],
      ['0', '1'],
    ]);
    expect([threads('ada', true), threads('bob', true)]).toEqual([
      ['0', '1', '2'],
      ['0', '1'],
    ]);
  });
});

describe('a channel', () => {
  test('goes on when the store has no room for the alert about it, and sends nothing twice', async () => {
    const hub = await up();
    hub.hubAlerts.push = () => {
      throw new Error('The store is behind by more than it may hold in memory');
    };
    hub.broken.set('ada', { code: 'forbidden' });
    hub.fire('1', 'a');
    await hub.pass(2_000);
    hub.broken.clear();
    hub.fire('2', 'pi');
    await hub.pass(10 * MINUTE, 1_000);
    expect(hub.heard()).toEqual([BEGIN]);
    expect(hub.notify.notifiers()).toMatchObject([{ state: 'ok', waiting: 0 }]);
  });

  test('waits for no other, however many hang', async () => {
    const others = Array.from({ length: 20 }, (_none, index) => `other${index}`);
    const hub = await up([...others, 'ada']);
    for (const id of others) hub.broken.set(id, 'hangs');
    hub.fire('1', 'pi');
    await hub.pass(2_000);
    expect(hub.heard()).toEqual([BEGIN]);
  });

  test('that is the first one set up hears what fires already', async () => {
    const hub = await up([]);
    hub.fire('1', 'pi');
    await hub.pass(MINUTE);
    await hub.notify.putNotifier('ada', { kind: 'hook', config: { url: 'http://ada' } });
    await hub.pass(3_000);
    await hub.notify.putNotifier('bob', { kind: 'hook', config: { url: 'http://bob' } });
    await hub.pass(MINUTE);
    expect(hub.heard()).toEqual([BEGIN]);
    hub.resolve('1');
    await hub.pass(3_000);
    expect(hub.heard()).toEqual([END]);
  });

  test('that a new version cannot use is an alert, and what waits for it is kept until it is set anew', async () => {
    const hub = await up();
    hub.broken.set('ada', { code: 'unreachable' });
    hub.fire('1', 'pi');
    await hub.pass(2_000);
    hub.broken.clear();
    const value = { id: 'ada', kind: 'pigeon', config: {}, enabled: true, per_minute: 10 };
    hub.writer.queue([{ kind: 'document', collection: 'notifiers', key: 'ada', value }], { bytes: 0 });
    await hub.crash();
    await hub.pass(2_000);
    expect(hub.hubAlerts.at(-1)).toContain('notifier:ada true The notifier ada cannot be used; set it anew');
    await hub.notify.putNotifier('ada', { kind: 'hook', config: { url: 'http://ada' } });
    await hub.pass(2_000);
    expect([hub.heard(), hub.hubAlerts.at(-1)]).toEqual([[BEGIN], expect.stringContaining('notifier:ada false')]);
  });

  test('that gave up one notice and took the next is no alert any more', async () => {
    const hub = await up();
    hub.broken.set('ada', { code: 'forbidden' });
    hub.fire('1', 'pi');
    await hub.pass(2_000);
    expect(hub.hubAlerts.at(-1)).toContain('notifier:ada true');
    hub.broken.clear();
    hub.fire('2', 'rig');
    await hub.pass(2_000);
    expect(hub.hubAlerts.at(-1)).toContain('notifier:ada false');
  });
});

describe('a route', () => {
  test('that is removed while an alert fires does not keep its end from those who heard the beginning', async () => {
    const hub = await up();
    hub.fire('1', 'pi');
    await hub.pass(2_000);
    expect(hub.heard()).toEqual([BEGIN]);
    await hub.notify.setRoutes([route({ id: 'other' })]);
    await hub.pass(MINUTE);
    hub.resolve('1');
    await hub.pass(2_000);
    expect(hub.heard()).toEqual([END]);
  });

  test('that names a channel twice tells it once', async () => {
    const hub = await up();
    await hub.notify.setRoutes([route({ notifiers: ['ada', 'ada'] })]);
    hub.fire('1', 'pi');
    await hub.pass(2_000);
    expect(hub.heard()).toEqual([BEGIN]);
  });

  test('that escalates to a channel which another route told already gives it one end', async () => {
    const hub = await up(['ada', 'bob']);
    const escalate = { after_ms: MINUTE, notifiers: ['bob'] };
    await hub.notify.setRoutes([
      route({ notifiers: ['ada'], repeat_ms: null, go_on: true, escalate }),
      route({ id: 'second', notifiers: ['bob'], repeat_ms: null }),
    ]);
    hub.fire('1', 'pi');
    await hub.pass(2 * MINUTE);
    hub.heard();
    hub.resolve('1');
    await hub.pass(5_000);
    expect(hub.heard().sort()).toEqual([END, END.replace('ada', 'bob')]);
  });
});

describe('devices of one place that go away together', () => {
  const cut = async (hub: Awaited<ReturnType<typeof up>>, name: string, count: number) => {
    for (let index = 0; index < count; index++) {
      const id = `d${index}`;
      hub.devices.set(id, { site: 'home', ...hub.devices.get(id) });
      hub.pending(`${name}${index}`, id);
    }
    await hub.pass(20_000, 1_000);
    for (let index = 0; index < count; index++) hub.fire(`${name}${index}`, `d${index}`);
    await hub.pass(5_000);
  };
  const back = async (hub: Awaited<ReturnType<typeof up>>, name: string, count: number) => {
    for (let index = 0; index < count; index++) hub.resolve(`${name}${index}`);
    await hub.pass(5_000);
  };

  test('are told to the route of each of them, not to that of the first alone', async () => {
    const hub = await up(['ada', 'bob']);
    hub.devices.set('d2', { site: 'home', tags: ['gpu'] });
    const gpu = { id: 'gpu', match: { scope: { tag: 'gpu' } }, notifiers: ['bob'] };
    await hub.notify.setRoutes([gpu, route({ notifiers: ['ada'] })]);
    await cut(hub, 'a', 4);
    expect(hub.heard().sort()).toEqual(['ada: Site home: 4 devices offline', 'bob: Site home: 4 devices offline']);
    await back(hub, 'a', 4);
    expect(hub.heard().sort()).toEqual([
      'ada: Resolved: Site home: 4 devices offline',
      'bob: Resolved: Site home: 4 devices offline',
    ]);
  });

  test('again and again give at most one notice an hour', async () => {
    const hub = await up();
    let told = 0;
    for (let cycle = 0; cycle < 20; cycle++) {
      await cut(hub, `${cycle}-`, 20);
      await hub.pass(MINUTE, 1_000);
      await back(hub, `${cycle}-`, 20);
      await hub.pass(MINUTE, 1_000);
      told += hub.heard().filter((line) => !line.includes('Resolved')).length;
    }
    expect(told).toBe(1);
  });

  test('are told as back to those whom it was escalated to', async () => {
    const hub = await up(['ada', 'bob']);
    const escalate = { after_ms: MINUTE, notifiers: ['bob'] };
    await hub.notify.setRoutes([route({ notifiers: ['ada'], repeat_ms: null, escalate })]);
    await cut(hub, 'a', 4);
    await hub.pass(2 * MINUTE);
    expect(hub.heard()).toEqual(['ada: Site home: 4 devices offline', 'bob: Not acknowledged: Site home: 4 devices offline']);
    await back(hub, 'a', 4);
    expect(hub.heard().sort()).toEqual([
      'ada: Resolved: Site home: 4 devices offline',
      'bob: Resolved: Site home: 4 devices offline',
    ]);
  });

  test('are told as back while the last one is away in silence', async () => {
    const hub = await up();
    const silence = { scope: { device: 'd39' }, to: hub.clock.now() + 1_000 * MINUTE, comment: '' };
    await hub.notify.addSilence(silence, 'ada');
    await cut(hub, 'a', 40);
    hub.heard();
    await back(hub, 'a', 39);
    await hub.pass(10 * MINUTE, 1_000);
    expect(hub.heard()).toEqual(['ada: Resolved: Site home: 40 devices offline']);
  });

  test('are told again each time that they have doubled, while one follows the other', async () => {
    const hub = await up();
    await cut(hub, 'a', 3);
    for (let index = 3; index < 50; index++) {
      hub.devices.set(`d${index}`, { site: 'home' });
      hub.fire(`a${index}`, `d${index}`);
      await hub.pass(20_000, 5_000);
    }
    const titles = [3, 6, 12, 24, 48].map((count) => `ada: Site home: ${count} devices offline`);
    expect(hub.heard()).toEqual(titles);
    await back(hub, 'a', 50);
    expect(hub.heard()).toEqual(['ada: Resolved: Site home: 50 devices offline']);
  });

  test('are an incident of their own where others have been away for long', async () => {
    const hub = await up();
    await cut(hub, 'a', 3);
    await hub.pass(60 * MINUTE, 10_000);
    expect(hub.heard()).toEqual(['ada: Site home: 3 devices offline']);
    const rest = Array.from({ length: 27 }, (_none, index) => `d${index + 3}`);
    for (const id of rest) {
      hub.devices.set(id, { site: 'home' });
      hub.pending(id, id);
    }
    await hub.pass(20_000, 1_000);
    await hub.crash();
    for (const id of rest) {
      hub.fire(id, id);
      await hub.pass(2_000);
    }
    expect(hub.heard()).toEqual(['ada: Site home: 27 devices offline']);
    for (const id of rest) hub.resolve(id);
    await hub.pass(2_000);
    await back(hub, 'a', 3);
    expect(hub.heard()).toEqual(['ada: Resolved: Site home: 27 devices offline', 'ada: Resolved: Site home: 3 devices offline']);
  });
});

test('a notice that waits does not wait for a clock that was set back', async () => {
  const hub = await up();
  hub.fire('1', 'pi');
  await hub.pass(200, 100);
  hub.clock.step(-60 * MINUTE);
  await hub.pass(5_000);
  expect(hub.heard()).toEqual([BEGIN]);
});

test('an alert that came and went while the store stood still is not told again when its events get their numbers', async () => {
  const hub = await up();
  hub.writer.healthy = false;
  hub.writer.automatic = false;
  hub.fire('1', 'pi', {}, false);
  hub.resolve('1', false);
  const events = structuredClone(hub.log);
  for (const event of events) {
    hub.notify.take({ ...structuredClone(event), number: null });
    await hub.pass(5_000);
  }
  expect(hub.heard()).toEqual([BEGIN, END]);
  await hub.pass(70 * MINUTE, 10_000);
  hub.writer.healthy = true;
  hub.writer.automatic = true;
  hub.writer.commit();
  for (const event of events) hub.notify.take(event);
  await hub.pass(60 * MINUTE, 10_000);
  expect(hub.heard()).toEqual([]);
});
