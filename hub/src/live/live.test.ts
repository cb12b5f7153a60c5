import { connect } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { createBench, device, numbers, settle, until, value } from './testing.js';

describe('live channel', () => {
  let bench: ReturnType<typeof createBench>;
  let clock: ReturnType<typeof createBench>['clock'];
  let hub: ReturnType<typeof createBench>['hub'];
  beforeEach(() => {
    bench = createBench();
    ({ clock, hub } = bench);
  });
  afterEach(() => bench.stop());

  it('opens with the fleet, the open alerts and the values of a device, as asked for', async () => {
    hub.fire(3);
    await bench.start();
    const browser = await bench.open();
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
    await bench.start();
    const browser = await bench.open();
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
    await bench.start({ urgent_frames: 3 });
    const browser = await bench.open();
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
    await bench.start();
    const browser = await bench.open();
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
    await bench.start();
    const browser = await bench.open();
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
    await bench.start();
    const first = await bench.open();
    await first.ask(['fleet']);
    first.socket.terminate();
    await until(() => bench.live().counts().sockets === 0);
    hub.state('a', 'lost');
    const second = await bench.open();
    await second.ask(['fleet']);
    expect(second.of('snapshot')[0]?.devices).toMatchObject([{ id: 'a', state: 'lost' }, { id: 'b' }]);
  });

  it('says what is wrong with a message, and closes who goes on', async () => {
    await bench.start({ mistakes: 3 });
    const browser = await bench.open();
    for (const text of ['', '{', '{"kind":"subscribe","channels":["everything"]}', '[]']) browser.socket.send(text);
    await until(() => browser.closed());
    expect(browser.of('error')).toHaveLength(3);
    expect(browser.of('error')[2]).toMatchObject({ code: 'bad_request', message: expect.stringContaining('channels') });
    expect(browser.closed()).toBe(4400);
    const hint = 'Send {"kind":"subscribe","channels":["fleet","alerts","device:ID"]}';
    expect(browser.of('error').map(({ message }) => message.slice(0, hint.length))).toEqual([hint, hint, hint]);
    expect(browser.of('error')[0]?.message).toBe(`${hint}; the message must be an object`);
    for (const { message } of browser.of('error')) expect(message).not.toMatch(/Invalid|Expected|received/i);
  });

  it('closes who subscribes without end, who sends too much, and who breaks the protocol', async () => {
    await bench.start({ subscribes: 3 });
    const eager = await bench.open();
    for (let n = 0; n < 5; n++) eager.socket.send('{"kind":"subscribe","channels":["alerts"]}');
    await until(() => eager.closed());
    expect(eager.closed()).toBe(4429);
    const large = await bench.open();
    large.socket.send('x'.repeat(70_000));
    await until(() => large.closed());
    const raw = connect(bench.port(), '127.0.0.1').on('error', () => {});
    raw.write(
      'GET /api/v1/live HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer t1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
        'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n',
    );
    raw.write(Buffer.alloc(100, 0xff));
    await new Promise((resolve) => raw.resume().once('close', resolve));
    const browser = await bench.open();
    await browser.ask(['fleet']);
  });

  it('refuses an upgrade in plain HTTP: path, credential, origin, number of sockets', async () => {
    await bench.start({ sockets_per_identity: 2, sockets: 3 });
    const refused = (path: string, headers: Record<string, string>) =>
      new Promise<number | undefined>((resolve) => {
        const socket = new WebSocket(`ws://127.0.0.1:${bench.port()}${path}`, { headers });
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
    await bench.open('t1');
    const second = await bench.open('t1');
    expect(await refused('/api/v1/live', { authorization: 'Bearer t1' })).toBe(429);
    await bench.open('t2');
    expect(await refused('/api/v1/live', { authorization: 'Bearer t2' })).toBe(429);
    second.socket.terminate();
    await until(() => bench.live().counts().sockets === 2);
    await bench.open('t1');
  });

  it('closes the sockets of a session or token that has ended, and sends them nothing more', async () => {
    await bench.start();
    const [gone, other] = [await bench.open('t1'), await bench.open('t2')];
    for (const browser of [gone, other]) await browser.ask(['alerts']);
    hub.needs.ended.emit('t1');
    hub.fire();
    await until(() => gone.closed() && numbers(other).length === 1);
    expect(gone.closed()).toBe(4401);
    expect(numbers(gone)).toEqual([]);
    expect(bench.live().counts().sockets).toBe(1);
  });

  it('drops a socket that no longer answers pings and keeps one that does', async () => {
    await bench.start();
    const alive = await bench.open();
    const dead = await bench.open();
    let pings = 0;
    alive.socket.on('ping', () => {
      pings += 1;
    });
    dead.socket.pause();
    clock.advance(20_000);
    await until(() => pings === 1);
    await settle(alive);
    clock.advance(20_000);
    await until(() => bench.live().counts().sockets === 1 && pings === 2);
    expect(alive.closed()).toBeNull();
  });

  it('outlives a view that cannot be made', async () => {
    await bench.start();
    const browser = await bench.open();
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
    await bench.start();
    const browser = await bench.open();
    await browser.ask(['fleet', 'alerts']);
    bench.live().stop();
    bench.live().stop();
    await until(() => browser.closed() !== null);
    hub.fire();
    clock.advance(60_000);
    expect(numbers(browser)).toEqual([]);
    expect(bench.server.listenerCount('upgrade')).toBe(0);
  });
});
