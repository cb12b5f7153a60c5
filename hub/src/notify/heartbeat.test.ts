import { AppError } from '@muster/shared/errors';
import type { Http } from '@muster/shared/http';
import { createTestClock } from '@muster/shared/testing/clock';
import { expect, test } from 'vitest';
import { createHandWriter } from '../hand-writer.js';
import { createHeartbeat } from './heartbeat.js';

const setUp = () => {
  const clock = createTestClock();
  const writer = createHandWriter();
  const asked: string[] = [];
  let status = 200;
  const http: Http = {
    async request({ url }) {
      asked.push(url);
      if (status === 0) throw new AppError('unreachable', `${url} cannot be reached`);
      return { status, headers: {}, text: '' };
    },
  };
  const heartbeat = createHeartbeat({ clock, http, writer }, []);
  const pass = async (seconds: number) => {
    for (let second = 0; second < seconds; second++) {
      clock.advance(1_000);
      heartbeat.tick();
      for (let turn = 0; turn < 10; turn++) await Promise.resolve();
    }
  };
  const answer = (code: number) => {
    status = code;
  };
  return { clock, writer, asked, http, heartbeat, pass, answer };
};
const url = 'https://hc.example.org/ping/hush-hush';

test('a healthy hub asks the address every so many seconds, one that cannot store is silent', async () => {
  const { heartbeat, pass, asked, writer } = setUp();
  await pass(100);
  expect(asked).toEqual([]);
  await heartbeat.set({ url, every_s: 30 });
  await pass(90);
  expect(asked).toEqual([url, url, url]);
  writer.healthy = false;
  await pass(90);
  expect(asked).toHaveLength(3);
});

test('what goes wrong is shown without the path, which is the secret', async () => {
  const { heartbeat, pass, answer } = setUp();
  await heartbeat.set({ url, every_s: 10 });
  answer(0);
  await pass(1);
  expect(heartbeat.view()).toEqual({
    ...{ address: 'https://hc.example.org', every_s: 10, last_ok: null },
    last_error: 'https://hc.example.org/… cannot be reached',
  });
  answer(200);
  await pass(10);
  expect(heartbeat.view()).toMatchObject({ last_error: null, last_ok: expect.any(Number) });
});

test('the setting outlives a restart; what is no address is refused', async () => {
  const { heartbeat, writer, clock, http } = setUp();
  await heartbeat.set({ url, every_s: 10 });
  expect(createHeartbeat({ clock, http, writer }, writer.documents()).view()).toMatchObject({ every_s: 10 });
  await expect(heartbeat.set({ url: 'ftp://x' })).rejects.toThrow('must start with http');
  expect(await heartbeat.set({ url: null })).toMatchObject({ address: null });
});
