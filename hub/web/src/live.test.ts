import type { LiveMessage } from '@muster/shared/wire/live';
import { expect, test } from 'vitest';
import { createLive, type Socket } from './live.js';

const build = () => {
  const sockets: (Socket & { sent: unknown[] })[] = [];
  const waits: { ms: number; task: () => void }[] = [];
  const taken: LiveMessage[] = [];
  const state = { last: null as number | null, ended: 0 };
  const live = createLive({
    open: () => {
      const sent: unknown[] = [];
      const socket = {
        sent,
        send: (text: string) => sent.push(JSON.parse(text)),
        close() {},
        onopen: null,
        onmessage: null,
        onclose: null,
      };
      sockets.push(socket);
      return socket;
    },
    after: (ms, task) => {
      waits.push({ ms, task });
      return () => {};
    },
    channels: () => ['fleet', 'alerts'],
    now: () => 5,
    random: () => 1,
    last: () => state.last,
    take: (message) => taken.push(message),
    ended: () => {
      state.ended += 1;
    },
  });
  return { live, sockets, waits, taken, state };
};
const snapshot = JSON.stringify({ kind: 'snapshot', now: 1, event: 7 });

test('it subscribes when open and is live with the first snapshot', () => {
  const { live, sockets, taken } = build();
  live.start();
  expect(live.status.value).toBe('connecting');
  sockets[0]?.onopen?.();
  expect(sockets[0]?.sent).toEqual([{ kind: 'subscribe', channels: ['fleet', 'alerts'] }]);
  sockets[0]?.onmessage?.({ data: snapshot });
  expect([live.status.value, live.heard.value, taken.length]).toEqual(['live', 5, 1]);
});

test('after a loss it comes back later and later and asks for events after its last number', () => {
  const { live, sockets, waits, state } = build();
  live.start();
  sockets[0]?.onclose?.();
  waits[0]?.task();
  sockets[1]?.onclose?.();
  expect(live.status.value).toBe('down');
  expect(waits.map((wait) => wait.ms)).toEqual([500, 1000]);
  expect(state.ended).toBe(2);
  state.last = 41;
  waits[1]?.task();
  sockets[2]?.onopen?.();
  expect(sockets[2]?.sent).toEqual([{ kind: 'subscribe', channels: ['fleet', 'alerts'], after: 41 }]);
});

test('what is not JSON and what an old socket still says is let be', () => {
  const { live, sockets, taken } = build();
  live.start();
  sockets[0]?.onmessage?.({ data: '{' });
  live.stop();
  sockets[0]?.onmessage?.({ data: snapshot });
  sockets[0]?.onclose?.();
  expect([taken.length, live.status.value]).toEqual([0, 'idle']);
});

test('a page that is looked at again does not wait for the back-off', () => {
  const { live, sockets } = build();
  live.start();
  live.hurry();
  expect(sockets).toHaveLength(1);
  sockets[0]?.onclose?.();
  live.hurry();
  expect(sockets).toHaveLength(2);
});
