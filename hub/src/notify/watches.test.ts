import { AppError } from '@muster/shared/errors';
import type { Http } from '@muster/shared/http';
import { silentLog } from '@muster/shared/log';
import { createTestClock } from '@muster/shared/testing/clock';
import { describe, expect, it } from 'vitest';
import { createHandWriter } from '../hand-writer.js';
import { createWatches } from './watches.js';

const setUp = () => {
  const clock = createTestClock();
  const writer = createHandWriter();
  const asked: string[] = [];
  const alarms: string[] = [];
  let status = 200;
  let count = 0;
  const http: Http = {
    async request({ url }) {
      asked.push(url);
      if (status === 0) throw new AppError('unreachable', `${url} cannot be reached (ECONNREFUSED)`);
      return { status, headers: {}, text: '' };
    },
  };
  const newToken = () => `token-${++count}-which-is-long-enough`;
  let refused = false;
  const alarm = (watch: string, firing: boolean, why: string) => {
    if (refused) throw new AppError('busy', 'The store is behind by more than it may hold in memory');
    alarms.push(`${watch} ${firing} ${why}`);
  };
  const make = () =>
    createWatches({ clock, http, writer, log: silentLog, newId: () => `w${++count}`, newToken, alarm }, writer.documents());
  let watches = make();
  const pass = async (seconds: number) => {
    for (let second = 0; second < seconds; second++) {
      clock.advance(1_000);
      watches.tick();
      for (let turn = 0; turn < 10; turn++) await Promise.resolve();
    }
  };
  return {
    ...{ clock, writer, asked, alarms, pass },
    get watches() {
      return watches;
    },
    answer(code: number) {
      status = code;
    },
    refuse(on: boolean) {
      refused = on;
    },
    restart() {
      watches = make();
    },
  };
};

describe('another hub that is asked', () => {
  it('every 30 s, is away after three failures, says since when, and is back with the first answer', async () => {
    const hub = setUp();
    await hub.watches.add({ title: 'Barn', url: 'http://barn.example.org:7480/hub?x=1' });
    await hub.pass(61);
    expect(hub.asked).toEqual(Array(3).fill('http://barn.example.org:7480/healthz'));
    expect(hub.watches.all()).toMatchObject([{ state: 'ok', last_error: null, url: 'http://barn.example.org:7480' }]);
    hub.answer(0);
    await hub.pass(60);
    expect(hub.alarms).toEqual([]);
    expect(hub.watches.all()).toMatchObject([{ state: 'failing' }]);
    await hub.pass(120);
    expect(hub.alarms).toEqual([
      'w1 true The hub Barn does not answer since 2026-01-01 00:01:01 UTC: http://barn.example.org:7480/healthz cannot be reached (ECONNREFUSED)',
    ]);
    expect(hub.watches.all()).toMatchObject([{ state: 'away' }]);
    hub.answer(200);
    await hub.pass(30);
    expect(hub.alarms.slice(1)).toEqual(['w1 false The hub Barn answers again.']);
  });

  it('is alarmed about once the store has room for the alarm', async () => {
    const hub = setUp();
    await hub.watches.add({ title: 'Barn', url: 'http://barn.example.org' });
    await hub.watches.add({ title: 'Mill' });
    hub.answer(0);
    hub.refuse(true);
    await hub.pass(600);
    expect(hub.alarms).toEqual([]);
    hub.refuse(false);
    await hub.pass(31);
    expect(hub.alarms).toHaveLength(2);
  });

  it('and cannot store anything is away as well', async () => {
    const hub = setUp();
    hub.answer(503);
    await hub.watches.add({ title: 'Barn', url: 'https://barn.example.org', every_s: 10 });
    await hub.pass(21);
    expect(hub.alarms).toEqual(['w1 true The hub Barn does not answer: it cannot store anything (status 503)']);
  });

  it('is no longer an alert once nobody watches it', async () => {
    const hub = setUp();
    hub.answer(500);
    const { watch } = await hub.watches.add({ title: 'Barn', url: 'http://barn', every_s: 10 });
    await hub.pass(25);
    expect(await hub.watches.remove(watch.id)).toBe(true);
    expect(hub.alarms.at(-1)).toBe('w1 false The hub Barn is no longer watched.');
    expect(await hub.watches.remove(watch.id)).toBe(false);
    const before = hub.asked.length;
    await hub.pass(30);
    expect(hub.asked).toHaveLength(before);
  });
});

describe('another hub that speaks by itself', () => {
  it('is away after three silent intervals, and back when it is heard', async () => {
    const hub = setUp();
    const { watch, token } = await hub.watches.add({ title: 'Attic', every_s: 60 });
    expect(hub.asked).toEqual([]);
    for (let minute = 0; minute < 5; minute++) {
      await hub.pass(60);
      expect(hub.watches.heard(token ?? '')).toBe(true);
    }
    await hub.pass(179);
    expect([hub.alarms, hub.watches.all()[0]?.state]).toEqual([[], 'failing']);
    await hub.pass(2);
    expect(hub.alarms).toEqual([`${watch.id} true The hub Attic is silent since 2026-01-01 00:05:00 UTC.`]);
    hub.watches.heard(token ?? '');
    expect(hub.alarms.at(-1)).toBe(`${watch.id} false The hub Attic answers again.`);
  });

  it('that was never heard is told of too, and one that nobody expects is refused', async () => {
    const hub = setUp();
    await hub.watches.add({ title: 'Attic', every_s: 10 });
    expect(hub.watches.heard('token-9-which-is-long-enough')).toBe(false);
    await hub.pass(31);
    expect(hub.alarms).toHaveLength(1);
  });

  it('is given its time again after a restart of this hub and after it stood still; its token stays good and is kept as a hash', async () => {
    const hub = setUp();
    const { token } = await hub.watches.add({ title: 'Attic', every_s: 60 });
    expect(JSON.stringify([hub.writer.documents(), hub.watches.all()])).not.toContain(token);
    await hub.pass(170);
    hub.restart();
    await hub.pass(170);
    expect(hub.alarms).toEqual([]);
    hub.clock.advance(600_000);
    await hub.pass(5);
    expect(hub.alarms).toEqual([]);
    expect(hub.watches.heard(token ?? '')).toBe(true);
  });
});

it('a watch needs an address that is one, and there are at most twenty', async () => {
  const hub = setUp();
  await expect(hub.watches.add({ title: 'x', url: 'ftp://x' })).rejects.toThrow('must start with http');
  for (let index = 0; index < 20; index++) await hub.watches.add({ title: 'x', url: 'http://x' });
  await expect(hub.watches.add({ title: 'x', url: 'http://x' })).rejects.toThrow('remove one first');
});
