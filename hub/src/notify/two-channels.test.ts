import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createHttp } from '@muster/shared/http';
import { afterEach, describe, expect, it } from 'vitest';
import { loadNotifiers } from './notifier-plugins.js';
import { createHarness } from './testing/harness.js';

const notifiers = await loadNotifiers();
const open: (() => void)[] = [];
afterEach(() => {
  for (const close of open.splice(0)) close();
});

interface Body {
  title: string;
  text?: string;
  message?: string;
}

/** A receiver over real HTTP; takes what comes while `status` says so. */
const startReceiver = async () => {
  const state = { status: 200, bodies: [] as Body[] };
  const server = createServer(async (request, response) => {
    let text = '';
    for await (const part of request) text += part;
    if (state.status === 200) state.bodies.push(JSON.parse(text) as Body);
    response.writeHead(state.status).end('{"id": "x", "error": "not now"}');
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  open.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return { state, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
};

/** What the hub says of itself is an alert like every other, as its engine makes it. */
const setUp = async () => {
  const [hook, phone] = [await startReceiver(), await startReceiver()];
  const raised = new Map<string, string>();
  let count = 0;
  const hub = createHarness({
    ...{ notifiers, http: createHttp() },
    raise(subject, firing, why) {
      const id = raised.get(subject) ?? `hub-${++count}`;
      if (firing === raised.has(subject)) return;
      if (firing) hub.fire(id, '', { rule: 'hub', subject, device_name: 'Hub', title: 'Hub problem', why });
      else hub.resolve(id);
      if (firing) raised.set(subject, id);
      else raised.delete(subject);
    },
  });
  open.push(() => hub.notify.stop());
  await hub.start([]);
  await hub.notify.putNotifier('hook', { kind: 'webhook', config: { url: hook.url } });
  await hub.notify.putNotifier('phone', { kind: 'ntfy', config: { server: phone.url, topic: 'fleet' } });
  return { hub, hook: hook.state, phone: phone.state };
};

describe('of two channels', () => {
  it('one that fails shows so, and is an alert on the other alone until it works again', async () => {
    const { hub, hook, phone } = await setUp();
    hook.status = 503;
    hub.fire('1', 'pi');
    const told = () => phone.bodies.find(({ title }) => title === 'Hub: Hub problem');
    await hub.until(told, 'the other channel tells of it');
    expect(told()?.message).toMatch(
      /^The notifier hook fails: The webhook at 127\.0\.0\.1:\d+ answered with status 503: not now/,
    );
    expect(hub.notify.notifier('hook')).toMatchObject({
      ...{ state: 'failed', last_error: expect.stringContaining('status 503: not now'), waiting: 1 },
      next_at: expect.any(Number),
    });
    expect(hub.notify.notifier('phone')).toMatchObject({ state: 'ok', last_error: null });
    hook.status = 200;
    await hub.until(() => phone.bodies.some(({ title }) => title === 'Resolved: Hub: Hub problem'), 'its end is told too');
    await hub.until(() => hub.notify.notifier('hook')?.waiting === 0, 'nothing waits any more');
    expect(hook.bodies.map(({ title }) => title)).toEqual(['Name of pi: Device offline']);
    expect(hub.notify.notifier('hook')).toMatchObject({ state: 'ok', last_error: null });
  });

  it('one that refuses for good is an alert on the other at once, with what was given up on record', async () => {
    const { hub, hook, phone } = await setUp();
    hook.status = 401;
    hub.fire('1', 'pi');
    await hub.until(() => phone.bodies.length === 2, 'the other channel tells of both');
    expect(phone.bodies.map(({ title }) => title).sort()).toEqual(['Hub: Hub problem', 'Name of pi: Device offline']);
    expect(hub.notify.notifier('hook')).toMatchObject({ given_up: 1, waiting: 0, state: 'failed' });
    expect(hub.audited).toMatchObject([['hub', 'notice given up', 'hook', { title: 'Name of pi: Device offline' }]]);
  });

  it('each has its own limit, and the one that is full says how many were held back, by title', async () => {
    const { hub, hook, phone } = await setUp();
    const server = hub.notify.notifier('phone')?.config['server'];
    await hub.notify.putNotifier('phone', { kind: 'ntfy', config: { topic: 'fleet', server }, per_minute: 600 });
    await hub.notify.setRoutes([{ id: 'default', match: {}, group_by: 'none', repeat_ms: null }]);
    for (let index = 0; index < 25; index++) hub.fire(`a${index}`, `pi-${index}`);
    await hub.until(() => hook.bodies.length === 11 && phone.bodies.length === 25, 'ten and one that tells of the rest');
    expect(hook.bodies.at(-1)?.title).toBe('15 notices were held back');
    const lines = hook.bodies.at(-1)?.text?.split('\n') ?? [];
    expect(lines[0]).toBe('15 notices were held back, because this channel takes at most 10 a minute:');
    expect(lines.slice(1)).toEqual(Array.from({ length: 15 }, (_, index) => `- Name of pi-${index + 10}: Device offline`));
    await hub.until(() => hub.notify.notifiers().every(({ waiting }) => waiting === 0), 'nothing waits');
    expect(hub.notify.notifiers()).toMatchObject([{ held_back: 15 }, { held_back: 0 }]);
  });
});
