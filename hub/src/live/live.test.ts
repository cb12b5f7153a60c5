import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { silentLog } from '@muster/shared/log';
import { createSignal } from '@muster/shared/signal';
import { createTestClock, type TestClock } from '@muster/shared/testing/clock';
import type { LiveAlert, LiveAlertEvent, LiveDevice, LiveMessage, LiveValue } from '@muster/shared/wire/live';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { WebSocket } from 'ws';
import type { Identity, PresenceChange } from '../parts.js';
import type { LiveLimits } from './limits.js';
import { createLive, type Live, type LiveNeeds } from './live.js';

const device = (id: string, change: Partial<LiveDevice> = {}): LiveDevice => ({
  id,
  name: id,
  state: 'online',
  since: 0,
  last_seen: 0,
  boot: null,
  site: null,
  tags: [],
  carried_by: null,
  main: {},
  earnings_today: [],
  alerts: { firing: 0, pending: 0 },
  ...change,
});
const value = (metric: string, number: number): LiveValue => ({ metric, labels: {}, value: number, ts: 1 });
const alert = (id: string, event: number): LiveAlert => ({
  id,
  rule: 'offline',
  device: 'a',
  device_name: 'a',
  title: 'Offline',
  why: '',
  severity: 'critical',
  state: 'firing',
  value: null,
  since: 0,
  fired_at: 0,
  resolved_at: null,
  acknowledged: null,
  event,
});
const event = (number: number): LiveAlertEvent => ({
  number,
  ts: number,
  change: 'firing',
  by: 'rule',
  alert: alert(`x${number}`, number),
});

/** The hub behind the channel, moved by hand. */
const createHub = (clock: TestClock) => {
  const fleet = new Map<string, LiveDevice>([device('a'), device('b')].map((one) => [one.id, one]));
  const log: LiveAlertEvent[] = [];
  const identities: Record<string, Identity> = {};
  for (const id of ['t1', 't2']) identities[id] = { kind: 'token', id, name: id, role: 'viewer' };
  const presence = createSignal<PresenceChange>();
  const hub = {
    fleet,
    log,
    /** Runs before each page of events is answered. */
    onPage: () => {},
    state(id: string, state: LiveDevice['state']) {
      fleet.set(id, device(id, { state }));
      presence.emit({ device: id, state, before: 'online', since: 0, last_seen: 0, boot: null });
    },
    fire(count = 1) {
      for (let n = 0; n < count; n++) {
        const next = event((log.at(-1)?.number ?? hub.base) + 1);
        log.push(next);
        needs.alerts.event.emit(next);
      }
    },
    /** Number of the newest event that is no longer kept. */
    base: 0,
    needs: null as unknown as LiveNeeds,
  };
  const needs: LiveNeeds = {
    identify: ({ session, bearer }) => identities[bearer ?? session ?? ''] ?? null,
    ended: createSignal<string>(),
    views: () => [...fleet.values()],
    view: (id) => fleet.get(id),
    latest: { of: (id) => [value(`of.${id}`, 1)], updated: createSignal() },
    presence: { changed: presence },
    registry: { changed: createSignal<string>(), removed: createSignal<string>() },
    alerts: {
      open: () => log.slice(-2).map((one) => one.alert),
      events: async (after, limit) => {
        const page = log.filter((one) => (one.number ?? 0) > after).slice(0, limit);
        hub.onPage();
        return page;
      },
      get newest() {
        return log.at(-1)?.number ?? hub.base;
      },
      event: createSignal<LiveAlertEvent>(),
    },
    earnings: {
      today: () => [{ network: 'n', token: 'T', decimals: 0, amount: '5', estimated: false }],
      changed: createSignal<string>(),
    },
    now: () => clock.now(),
    clock,
    log: silentLog,
  };
  hub.needs = needs;
  return hub;
};

interface Browser {
  socket: WebSocket;
  heard: LiveMessage[];
  kinds(): string[];
  of<K extends LiveMessage['kind']>(kind: K): Extract<LiveMessage, { kind: K }>[];
  closed(): number | null;
  ask(channels: string[], after?: number): Promise<void>;
}

describe('live channel', () => {
  let clock: TestClock;
  let hub: ReturnType<typeof createHub>;
  let server: Server;
  let live: Live;
  let sockets: WebSocket[];

  const start = async (limits: Partial<LiveLimits> = {}) => {
    live = createLive(hub.needs, { limits });
    live.attach(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  };
  beforeEach(() => {
    clock = createTestClock();
    hub = createHub(clock);
    server = createServer((_request, response) => response.end('page'));
    sockets = [];
  });
  afterEach(async () => {
    for (const socket of sockets) socket.terminate();
    live.stop();
    await new Promise((resolve) => server.close(resolve));
  });

  const port = () => (server.address() as AddressInfo).port;
  const open = async (token = 't1'): Promise<Browser> => {
    const socket = new WebSocket(`ws://127.0.0.1:${port()}/api/v1/live`, { headers: { authorization: `Bearer ${token}` } });
    sockets.push(socket);
    const heard: LiveMessage[] = [];
    let closed: number | null = null;
    socket.on('message', (data) => heard.push(JSON.parse(String(data)) as LiveMessage));
    socket.on('close', (code) => {
      closed = code;
    });
    await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
    const browser: Browser = {
      socket,
      heard,
      kinds: () => heard.map((message) => message.kind),
      of: <K extends LiveMessage['kind']>(kind: K) =>
        heard.filter((message): message is Extract<LiveMessage, { kind: K }> => message.kind === kind),
      closed: () => closed,
      async ask(channels, after) {
        const before = browser.of('snapshot').length;
        socket.send(JSON.stringify({ kind: 'subscribe', channels, after }));
        await until(() => browser.of('snapshot').length > before);
      },
    };
    return browser;
  };
  const until = (condition: () => unknown) =>
    vi.waitFor(
      () => {
        if (!condition()) throw new Error(`still waiting for: ${condition}`);
      },
      { timeout: 10_000, interval: 5 },
    );
  /** All that was sent before has arrived once this has: frames keep their order. */
  const settle = async (browser: Browser) => {
    const before = browser.of('error').length;
    browser.socket.send('?');
    await until(() => browser.of('error').length > before);
  };
  const numbers = (browser: Browser) => browser.of('alert').map((message) => message.event.number);

  it('opens with the fleet, the open alerts and the values of a device, as asked for', async () => {
    hub.fire(3);
    await start();
    const browser = await open();
    await browser.ask(['fleet', 'alerts', 'device:a', 'device:b']);
    await settle(browser);
    const [first, second] = browser.of('snapshot');
    expect(first).toMatchObject({ now: clock.now(), event: 3, device: { id: 'a', values: [{ metric: 'of.a' }] } });
    expect(first?.devices?.map((one) => one.id)).toEqual(['a', 'b']);
    expect(first?.alerts?.map((one) => one.id)).toEqual(['x2', 'x3']);
    expect(second).toEqual({
      kind: 'snapshot',
      now: clock.now(),
      event: 3,
      device: { id: 'b', values: hub.needs.latest.of('b') },
    });
    await browser.ask(['alerts']);
    expect(Object.keys(browser.of('snapshot').at(-1) ?? {})).toEqual(['kind', 'now', 'event', 'alerts']);
  });

  it('sends a change of state at once and everything else with the tick, newest only', async () => {
    await start();
    const browser = await open();
    await browser.ask(['fleet', 'device:a']);
    for (const n of [1, 2, 3]) hub.needs.latest.updated.emit({ device: 'a', values: [value('m', n), value(`k${n}`, n)] });
    hub.needs.latest.updated.emit({ device: 'b', values: [value('m', 1)] });
    hub.needs.earnings.changed.emit('a');
    hub.state('b', 'lost');
    await until(() => browser.of('devices').length === 1);
    expect(browser.of('devices')[0]?.devices).toMatchObject([{ id: 'b', state: 'lost' }]);
    expect(browser.kinds()).toEqual(['snapshot', 'devices']);
    clock.advance(250);
    await until(() => browser.of('earnings').length === 1);
    expect(browser.kinds()).toEqual(['snapshot', 'devices', 'devices', 'samples', 'earnings']);
    expect(browser.of('devices')[1]?.devices.map((one) => one.id)).toEqual(['a']);
    expect(browser.of('samples')[0]?.values.map((one) => [one.metric, one.value])).toEqual([
      ['m', 3],
      ['k1', 1],
      ['k2', 2],
      ['k3', 3],
    ]);
    expect(browser.of('earnings')[0]).toMatchObject({ device: 'a', earnings_today: [{ amount: '5' }] });
    clock.advance(1_000);
    await settle(browser);
    expect(browser.kinds().slice(5)).toEqual(['error']);
  });

  it('puts the states of one moment into one frame, and a whole fleet that comes back into a few', async () => {
    await start({ urgent_frames: 3 });
    const browser = await open();
    await browser.ask(['fleet']);
    hub.state('a', 'lost');
    hub.state('b', 'lost');
    await until(() => browser.of('devices').length === 1);
    expect(browser.of('devices')[0]?.devices).toHaveLength(2);
    for (let n = 2; n <= 3; n++) {
      hub.state('a', 'online');
      await until(() => browser.of('devices').length === n);
    }
    hub.state('b', 'quiet');
    await settle(browser);
    expect(browser.of('devices')).toHaveLength(3);
    clock.advance(250);
    await until(() => browser.of('devices').length === 4);
    expect(browser.of('devices')[3]?.devices).toMatchObject([{ id: 'b', state: 'quiet' }]);
  });

  it('tells of new, renamed and removed devices', async () => {
    await start();
    const browser = await open();
    await browser.ask(['fleet']);
    hub.fleet.set('c', device('c'));
    hub.needs.registry.changed.emit('c');
    hub.fleet.delete('a');
    hub.needs.registry.removed.emit('a');
    clock.advance(250);
    await until(() => browser.of('devices').length === 1);
    expect(browser.of('devices')[0]).toMatchObject({ devices: [{ id: 'c' }], removed: ['a'] });
  });

  it('shows a device page the state of its device without the fleet, and nothing of others', async () => {
    await start();
    const browser = await open();
    await browser.ask(['device:a']);
    hub.state('b', 'lost');
    hub.needs.latest.updated.emit({ device: 'b', values: [value('m', 1)] });
    hub.state('a', 'quiet');
    clock.advance(250);
    await until(() => browser.of('devices').length === 1);
    await settle(browser);
    expect(browser.of('devices')).toMatchObject([{ devices: [{ id: 'a', state: 'quiet' }] }]);
    expect(browser.of('samples')).toEqual([]);
  });

  it('gives a newcomer the fleet as it stands, also within the same tick as another', async () => {
    await start();
    const first = await open();
    await first.ask(['fleet']);
    first.socket.terminate();
    await until(() => live.counts().sockets === 0);
    hub.state('a', 'lost');
    const second = await open();
    await second.ask(['fleet']);
    expect(second.of('snapshot')[0]?.devices).toMatchObject([{ id: 'a', state: 'lost' }, { id: 'b' }]);
  });

  describe('alert events', () => {
    it('leave at once, with their number', async () => {
      await start();
      const browser = await open();
      await browser.ask(['alerts']);
      hub.fire();
      await until(() => numbers(browser).length === 1);
      expect(numbers(browser)).toEqual([1]);
    });

    it('are replayed after a number: exactly those missed, in order, none twice while more of them happen', async () => {
      hub.fire(20);
      await start({ replay_page: 5 });
      hub.onPage = () => hub.fire();
      const browser = await open();
      await browser.ask(['alerts'], 7);
      await until(() => numbers(browser).length >= 14);
      hub.onPage = () => {};
      hub.fire();
      await settle(browser);
      const newest = hub.needs.alerts.newest;
      expect(newest).toBeGreaterThan(22);
      await until(() => numbers(browser).at(-1) === newest);
      expect(numbers(browser)).toEqual(Array.from({ length: newest - 7 }, (_, n) => n + 8));
      expect(browser.of('gap')).toEqual([]);
    });

    it('are not replayed to a client without a number or one that has them all', async () => {
      hub.fire(5);
      await start();
      for (const after of [undefined, 5]) {
        const browser = await open();
        await browser.ask(['alerts'], after);
        await settle(browser);
        expect(browser.kinds()).toEqual(['snapshot', 'error']);
      }
    });

    it('say where some are no longer kept, and go on from there', async () => {
      hub.base = 100;
      hub.fire(3);
      await start();
      const browser = await open();
      await browser.ask(['alerts'], 40);
      await until(() => numbers(browser).length === 3);
      expect(browser.kinds()).toEqual(['snapshot', 'gap', 'alert', 'alert', 'alert']);
      expect(browser.of('gap')).toEqual([{ kind: 'gap', after: 40, from: 101 }]);
    });

    it('start over for a number that this hub has not reached', async () => {
      hub.fire(3);
      await start();
      const browser = await open();
      await browser.ask(['alerts'], 90);
      hub.fire();
      await until(() => numbers(browser).length === 1);
      expect(browser.of('gap')).toEqual([{ kind: 'gap', after: 90, from: 4 }]);
      expect(numbers(browser)).toEqual([4]);
    });

    it('come once when a socket subscribes again while they are on their way', async () => {
      hub.fire(10);
      await start();
      const browser = await open();
      await browser.ask(['alerts'], 8);
      hub.fire(2);
      await browser.ask(['alerts', 'device:a'], 8);
      hub.fire();
      await until(() => numbers(browser).at(-1) === 13);
      expect(numbers(browser)).toEqual([9, 10, 11, 12, 13]);
    });

    it('without a number come too: the store could not commit them yet', async () => {
      await start();
      const browser = await open();
      await browser.ask(['alerts'], 0);
      hub.needs.alerts.event.emit({ ...event(1), number: null });
      await until(() => numbers(browser).length === 1);
      expect(numbers(browser)).toEqual([null]);
    });

    it('that cannot be read end the socket, so that it comes back', async () => {
      hub.fire(3);
      hub.needs.alerts.events = () => Promise.reject(new Error('disk'));
      await start();
      const browser = await open();
      await browser.ask(['alerts'], 1);
      await until(() => browser.closed());
      expect(browser.closed()).toBe(1011);
    });
  });

  describe('slow clients', () => {
    const big = () => {
      for (let n = 0; n < 2_000; n++) hub.fleet.set(`d${n}`, device(`d${n}`, { name: 'x'.repeat(8_000) }));
    };

    it('get the newest state when they have caught up, and every alert event', async () => {
      big();
      await start();
      const browser = await open();
      await browser.ask(['fleet', 'alerts'], 0);
      const other = await open('t2');
      await other.ask(['device:a']);
      browser.socket.pause();
      browser.socket.send(JSON.stringify({ kind: 'subscribe', channels: ['fleet', 'alerts'], after: 0 }));
      // The second snapshot fills the pipe; what follows is for the newest state to say.
      await until(() => {
        hub.state('a', 'quiet');
        clock.advance(1);
        return other.of('devices').length > 3;
      });
      hub.fire(5);
      hub.state('a', 'stopped');
      await until(() => other.of('devices').at(-1)?.devices[0]?.state === 'stopped');
      const frames = browser.heard.length;
      browser.socket.resume();
      await until(() => browser.of('snapshot').length >= 2 && numbers(browser).length === 5);
      for (let n = 0; n < 5; n++) clock.advance(250);
      await until(() => {
        clock.advance(250);
        const last = browser.heard.findLast((message) => 'devices' in message && message.devices?.some((one) => one.id === 'a'));
        return last && 'devices' in last && last.devices?.find((one) => one.id === 'a')?.state === 'stopped';
      });
      expect(browser.heard.length - frames).toBeLessThan(20);
      expect(numbers(browser)).toEqual([1, 2, 3, 4, 5]);
      expect(browser.of('snapshot').at(-1)?.event).toBe(5);
      expect(browser.closed()).toBeNull();
    });

    it('are closed when they stay behind, and only they', async () => {
      big();
      await start({ close_ms: 50, ping_ms: 86_400_000 });
      const slow = await open();
      const quick = await open('t2');
      await quick.ask(['alerts']);
      slow.socket.pause();
      for (let n = 0; n < 3; n++) slow.socket.send(JSON.stringify({ kind: 'subscribe', channels: ['fleet'] }));
      await until(() => {
        clock.advance(5_000);
        return live.counts().sockets === 1;
      });
      hub.fire();
      await until(() => numbers(quick).length === 1);
    });
  });

  it('says what is wrong with a message, and closes who goes on', async () => {
    await start({ mistakes: 3 });
    const browser = await open();
    for (const text of ['', '{', '{"kind":"subscribe","channels":["everything"]}', '[]']) browser.socket.send(text);
    await until(() => browser.closed());
    expect(browser.of('error')).toHaveLength(3);
    expect(browser.of('error')[2]).toMatchObject({ code: 'bad_request', message: expect.stringContaining('channels') });
    expect(browser.closed()).toBe(4400);
  });

  it('closes who subscribes without end, who sends too much, and who breaks the protocol', async () => {
    await start({ subscribes: 3 });
    const eager = await open();
    for (let n = 0; n < 5; n++) eager.socket.send('{"kind":"subscribe","channels":["alerts"]}');
    await until(() => eager.closed());
    expect(eager.closed()).toBe(4429);
    const large = await open();
    large.socket.send('x'.repeat(70_000));
    await until(() => large.closed());
    const raw = connect(port(), '127.0.0.1').on('error', () => {});
    raw.write(
      'GET /api/v1/live HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer t1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
        'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n',
    );
    raw.write(Buffer.alloc(100, 0xff));
    await new Promise((resolve) => raw.resume().once('close', resolve));
    const browser = await open();
    await browser.ask(['fleet']);
  });

  it('refuses an upgrade in plain HTTP: path, credential, origin, number of sockets', async () => {
    await start({ sockets_per_identity: 2, sockets: 3 });
    const refused = (path: string, headers: Record<string, string>) =>
      new Promise<number | undefined>((resolve) => {
        const socket = new WebSocket(`ws://127.0.0.1:${port()}${path}`, { headers });
        socket.on('error', () => {});
        socket.on('unexpected-response', (_request, response) => {
          resolve(response.statusCode);
          response.resume();
        });
      });
    expect(await refused('/api/v1/other', { authorization: 'Bearer t1' })).toBe(404);
    expect(await refused('/api/v1/live', {})).toBe(401);
    expect(await refused('/api/v1/live', { authorization: 'Bearer nobody' })).toBe(401);
    expect(await refused('/api/v1/live', { cookie: 'muster_session=t1', origin: 'http://evil.example' })).toBe(403);
    await open('t1');
    const second = await open('t1');
    expect(await refused('/api/v1/live', { authorization: 'Bearer t1' })).toBe(429);
    await open('t2');
    expect(await refused('/api/v1/live', { authorization: 'Bearer t2' })).toBe(429);
    second.socket.terminate();
    await until(() => live.counts().sockets === 2);
    await open('t1');
  });

  it('closes the sockets of a session or token that has ended, and sends them nothing more', async () => {
    await start();
    const [gone, other] = [await open('t1'), await open('t2')];
    for (const browser of [gone, other]) await browser.ask(['alerts']);
    hub.needs.ended.emit('t1');
    hub.fire();
    await until(() => gone.closed() && numbers(other).length === 1);
    expect(gone.closed()).toBe(4401);
    expect(numbers(gone)).toEqual([]);
    expect(live.counts().sockets).toBe(1);
  });

  it('drops a socket that no longer answers pings and keeps one that does', async () => {
    await start();
    const alive = await open();
    const dead = await open();
    let pings = 0;
    alive.socket.on('ping', () => {
      pings += 1;
    });
    dead.socket.pause();
    clock.advance(20_000);
    await until(() => pings === 1);
    await settle(alive);
    clock.advance(20_000);
    await until(() => live.counts().sockets === 1 && pings === 2);
    expect(alive.closed()).toBeNull();
  });

  it('outlives a view that cannot be made', async () => {
    await start();
    const browser = await open();
    await browser.ask(['fleet']);
    const get = hub.fleet.get.bind(hub.fleet);
    hub.fleet.get = () => {
      throw new Error('view');
    };
    hub.state('a', 'lost');
    hub.needs.registry.changed.emit('b');
    clock.advance(250);
    await settle(browser);
    hub.fleet.get = get;
    hub.state('a', 'quiet');
    clock.advance(250);
    await until(() => browser.of('devices').length > 0);
  });

  it('closes every socket when it stops, and lets go of its signals', async () => {
    await start();
    const browser = await open();
    await browser.ask(['fleet', 'alerts']);
    live.stop();
    live.stop();
    await until(() => browser.closed() !== null);
    hub.fire();
    clock.advance(60_000);
    expect(numbers(browser)).toEqual([]);
    expect(server.listenerCount('upgrade')).toBe(0);
  });
});
