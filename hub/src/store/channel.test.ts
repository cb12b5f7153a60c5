import { EventEmitter } from 'node:events';
import { expect, it } from 'vitest';
import { type Abort, createChannel, type Request, type Thread } from './channel.js';

/** A thread that the test answers for. */
const createThread = () => {
  const asked: Request[] = [];
  const aborted: Abort[] = [];
  const events = new EventEmitter();
  const thread: Thread = {
    postMessage: (message) => void ('abort' in message ? aborted.push(message) : asked.push(message)),
    on: (event: string, listener: (value: never) => void) => events.on(event, listener as (value: unknown) => void),
    terminate: async () => 0,
  };
  return { thread, asked, aborted, events };
};

it('gives each answer to its question, in whatever order they come', async () => {
  const { thread, asked, events } = createThread();
  const channel = createChannel('test thread', () => thread);
  const [stats, verify] = [channel.call('stats'), channel.call('verify')];
  expect(channel.waiting).toBe(2);
  events.emit('message', { id: asked[1]?.id, value: ['torn'] });
  events.emit('message', { id: asked[0]?.id, error: { code: 'damaged', message: 'torn', details: {} } });
  expect(await verify).toEqual(['torn']);
  await expect(stats).rejects.toMatchObject({ code: 'damaged', message: 'torn' });
  expect(channel.waiting).toBe(0);
});

it('rejects what waited when the thread dies, and starts a new one at the next call', async () => {
  const threads = [createThread(), createThread()];
  let started = 0;
  const channel = createChannel('test thread', () => threads[started++]?.thread ?? createThread().thread);
  const lost = channel.call('stats');
  threads[0]?.events.emit('error', new Error('out of memory'));
  threads[0]?.events.emit('exit', 1);
  await expect(lost).rejects.toMatchObject({
    code: 'storage',
    message: expect.stringMatching(/test thread ended.*out of memory/),
  });
  const next = channel.call('verify');
  threads[1]?.events.emit('message', { id: threads[1].asked[0]?.id, value: [] });
  expect(await next).toEqual([]);
  expect(started).toBe(2);
});

it('refuses calls after it was closed, also when it was never used', async () => {
  const channel = createChannel('test thread', () => createThread().thread);
  await channel.close();
  await channel.close();
  await expect(channel.call('stats')).rejects.toMatchObject({ code: 'storage' });
});

it('calls a read off when its signal aborts, and takes no answer to it any more', async () => {
  const { thread, asked, aborted, events } = createThread();
  const channel = createChannel('test thread', () => thread);
  const gone = new AbortController();
  const window = { metric: 'a', from: 0, to: 1, n: 1, by: 'max' as const };
  const top = channel.ask({ method: 'top', args: [window, {}], signal: gone.signal });
  expect(asked).toMatchObject([{ method: 'top', abortable: true }]);
  gone.abort(new Error('the client went away'));
  await expect(top).rejects.toThrow('the client went away');
  expect(aborted).toEqual([{ id: asked[0]?.id, abort: true }]);
  events.emit('message', { id: asked[0]?.id, value: [] });
  expect(channel.waiting).toBe(0);
  await expect(channel.ask({ method: 'top', args: [window, {}], signal: gone.signal })).rejects.toThrow('went away');
  expect(asked).toHaveLength(1);
});
