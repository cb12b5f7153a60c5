import { type AddressInfo, createServer } from 'node:net';
import { decodeMessage } from '@muster/shared/wire/codec';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { type BrokerMessage, type BrokerSettings, startTestBroker, type TestBroker } from './testing/broker.js';
import { BOOT, createUplinkRig, type UplinkRig } from './testing/uplink.js';
import { backoffMs } from './uplink.js';

const until = (condition: () => unknown) => vi.waitFor(() => expect(condition()).toBeTruthy(), { timeout: 8_000, interval: 5 });

const open: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close();
});

const GOODBYE = { boot: BOOT, seq: 1_000_000, ts: 1, event: 'stopping' };

const start = async (settings: BrokerSettings = {}): Promise<{ broker: TestBroker; rig: UplinkRig }> => {
  const broker = await startTestBroker(settings);
  const rig = createUplinkRig({ address: broker.address, pin: broker.pin });
  open.push(broker.close, () => rig.uplink.stop(GOODBYE));
  return { broker, rig };
};

/** Nothing, a reserved type, an endless length, acknowledgements of nothing, CONNACK then nonsense. */
const GARBAGE = [
  [],
  [0x00, 0x00],
  [0x20, 0xff, 0xff, 0xff, 0xff, 0xff],
  [0x40, 0x02, 0x00, 0x07, 0x90, 0x03, 0x00, 0x01, 0x00],
  [0x20, 0x02, 0x00, 0x00, 0xf0, 0x01, 0x00, 0x30, 0x00],
];

/** Every row as (seq), how often it came. */
const rowsIn = (messages: readonly BrokerMessage[]): Map<number, number> => {
  const seen = new Map<number, number>();
  for (const { kind, body } of messages) {
    if (kind === 'report') for (const [seq] of body.rows) seen.set(Number(seq), (seen.get(Number(seq)) ?? 0) + 1);
  }
  return seen;
};
const seqs = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => from + index);
const sorted = (map: Map<number, number>) => [...map.keys()].sort((a, b) => a - b);

/** After each CONNACK a birth comes first, and nothing else before its PUBACK. */
const expectBirthFirst = ({ messages }: TestBroker) => {
  const connections = new Set(messages.map(({ connection }) => connection));
  connections.delete(0);
  for (const connection of connections) {
    const own = messages.filter((message) => message.connection === connection && message.kind !== 'status');
    expect(own[0]?.kind).toBe('birth');
    const sessions = new Set(own.filter(({ kind }) => kind === 'birth').map(({ body }) => body.session));
    expect(sessions.size).toBe(1);
  }
};

const expectValid = ({ messages }: TestBroker) => {
  for (const { kind, body } of messages) {
    const decoded = decodeMessage(kind as 'birth', Buffer.from(JSON.stringify(body)));
    expect(decoded.ok, JSON.stringify(decoded)).toBe(true);
  }
};

describe('the uplink', () => {
  it('sends a birth first, then the rows, and empties the spool', async () => {
    const { broker, rig } = await start();
    for (let n = 0; n < 5; n++) rig.addRow();
    rig.uplink.start();
    await until(() => rig.spool.length === 0);
    rig.addRow();
    await until(() => rig.spool.length === 0);
    expect(sorted(rowsIn(broker.messages))).toEqual(seqs(1, 6));
    expectBirthFirst(broker);
    expectValid(broker);
  });

  it('never has more than two messages unacknowledged, and loses nothing while the hub withholds them', async () => {
    const { broker, rig } = await start();
    rig.uplink.start();
    rig.addRow();
    await until(() => rig.spool.length === 0);
    broker.hold(true);
    for (let n = 0; n < 40; n++) rig.addRow();
    await until(() => broker.messages.filter(({ acknowledged }) => !acknowledged).length === 2);
    for (let n = 0; n < 40; n++) rig.addRow();
    expect(rig.spool.length).toBe(80);
    broker.hold(false);
    await until(() => rig.spool.length === 0);
    expect(broker.most_unacknowledged).toBe(2);
    expect(broker.connections).toBe(1);
    expect([...rowsIn(broker.messages).values()].every((times) => times === 1)).toBe(true);
    expect(sorted(rowsIn(broker.messages))).toEqual(seqs(1, 81));
  });

  it('drains its spool after the hub was killed, each row at least once and a birth before all', async () => {
    const { broker, rig } = await start();
    rig.uplink.start();
    rig.addRow();
    await until(() => rig.spool.length === 0);
    for (let round = 0; round < 3; round++) {
      broker.hold(true);
      for (let n = 0; n < 20; n++) rig.addRow();
      await broker.kill();
      for (let n = 0; n < 700; n++) rig.addRow();
      broker.hold(false);
      await broker.revive();
      await until(() => rig.spool.length === 0);
    }
    expect(sorted(rowsIn(broker.messages))).toEqual(seqs(1, rig.last_seq()));
    expect(broker.connections).toBeGreaterThanOrEqual(4);
    expect(broker.most_unacknowledged).toBeLessThanOrEqual(2);
    expectBirthFirst(broker);
    expectValid(broker);
  });

  it('counts its sessions, and names the current one in the will', async () => {
    const { broker, rig } = await start();
    rig.uplink.start();
    await until(rig.uplink.online);
    await broker.kill();
    await broker.revive();
    await until(() => broker.messages.filter(({ kind }) => kind === 'birth').length === 2);
    const sessions = broker.messages.filter(({ kind }) => kind === 'birth').map(({ body }) => body.session);
    expect(sessions[1]).toBeGreaterThan(sessions[0] ?? 0);
  });

  it('says in its log since when the hub is away, once for each reason, and for how long it was', async () => {
    const { broker, rig } = await start();
    rig.uplink.start();
    await until(rig.uplink.online);
    await broker.kill();
    await until(() => rig.told.filter((online) => !online).length > 3);
    const away = rig.lines.filter((line) => line.includes('Not connected to the hub'));
    expect(away.length).toBeLessThan(rig.told.filter((online) => !online).length);
    for (const line of away) expect(line).toMatch(/ since=\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC/);
    await broker.revive();
    await until(() => rig.told.at(-1));
    expect(rig.lines.at(-1)).toMatch(/Connected to the hub.* away_s=\d+/);
  });

  it('sends no row before the hub has told the time, and corrects the stamps that were made before', async () => {
    const hub_now = Date.now() + 3_600_000;
    const { broker, rig } = await start({ now: null });
    const row = rig.addRow();
    rig.uplink.start();
    await until(rig.uplink.online);
    rig.addRow();
    expect(rowsIn(broker.messages).size).toBe(0);
    broker.command('pi-1', { id: 't', command: 'time', args: { now: hub_now } });
    await until(() => rig.spool.length === 0);
    const report = broker.messages.find(({ kind }) => kind === 'report');
    expect(Math.abs((report?.body.rows[0]?.[1] ?? 0) - row.ts - 3_600_000)).toBeLessThan(5_000);
  });

  it('announces new columns before the first row that has them', async () => {
    const { broker, rig } = await start();
    rig.uplink.start();
    rig.addRow(['a.metric']);
    await until(() => rig.spool.length === 0);
    const before = broker.messages.length;
    rig.addRow(['a.metric', 'b.metric']);
    await until(() => rig.spool.length === 0);
    const [birth, report] = broker.messages.slice(before);
    expect(birth?.kind).toBe('birth');
    expect(birth?.body.session).toBe(1);
    expect(birth?.body.columns.map(({ id }: { id: string }) => id)).toContain(report?.body.columns);
    expect(report?.body.rows).toHaveLength(1);
  });

  it('sends what carried devices said in the report of the next row, behind a birth with their lists', async () => {
    const { broker, rig } = await start();
    rig.uplink.start();
    rig.addRow();
    await until(() => rig.spool.length === 0);
    for (const device of ['roof', 'van']) rig.holdRow(device);
    rig.uplink.wake();
    const before = broker.messages.length;
    const row = rig.addRow();
    await until(() => rig.spool.length === 0);
    const [birth, report, ...more] = broker.messages.slice(before);
    expect(birth?.body.columns.map(({ device }) => device)).toEqual(['roof', 'van']);
    expect(birth?.body.carries).toBeUndefined();
    expect(report?.body.rows.map(([seq]) => seq)).toEqual([row.seq]);
    expect(report?.body.carried?.map(({ device }) => device)).toEqual(['roof', 'van']);
    expect(more).toEqual([]);
  });

  it('sends messages strictly oldest first among themselves', async () => {
    const { broker, rig } = await start();
    for (let n = 0; n < 30; n++) {
      rig.addMessage();
      rig.addRow();
    }
    rig.uplink.start();
    await until(() => rig.spool.length === 0);
    const order = broker.messages.filter(({ kind }) => kind === 'event').map(({ body }) => body.seq);
    expect(order).toEqual([...order].sort((a, b) => a - b));
    expect(order).toHaveLength(30);
  });

  it('says "stopping" on a clean end, and leaves no will behind', async () => {
    const { broker, rig } = await start();
    rig.uplink.start();
    await until(rig.uplink.online);
    await rig.uplink.stop(GOODBYE);
    expect(broker.messages.at(-1)).toMatchObject({ kind: 'event', acknowledged: true, body: { event: 'stopping' } });
    await rig.uplink.stop(GOODBYE);
    expect(broker.messages.some(({ kind }) => kind === 'status')).toBe(false);
  });

  it('says "stopping" also when it is told to end between its birth and the PUBACK of it', async () => {
    const { broker, rig } = await start();
    broker.hold(true);
    rig.uplink.start();
    await until(() => broker.messages.some(({ kind }) => kind === 'birth'));
    const ended = rig.uplink.stop(GOODBYE);
    broker.hold(false);
    await ended;
    expect(broker.messages.at(-1)).toMatchObject({ kind: 'event', body: { event: 'stopping' } });
    expect(broker.messages.some(({ kind }) => kind === 'status')).toBe(false);
  });

  it('ends within seconds though the hub acknowledges nothing', async () => {
    const { broker, rig } = await start();
    rig.uplink.start();
    await until(rig.uplink.online);
    broker.hold(true);
    rig.addRow();
    rig.addRow();
    const begun = performance.now();
    await rig.uplink.stop(GOODBYE);
    expect(performance.now() - begun).toBeLessThan(6_000);
    expect(rig.spool.length).toBe(2);
  });

  it('refuses a command that the settings do not allow, and carries out one that they do', async () => {
    const { broker, rig } = await start();
    rig.uplink.start();
    await until(rig.uplink.online);
    broker.command('pi-1', { id: 'c1', command: 'reboot' });
    broker.command('pi-1', { id: 'c2', command: 'inventory' });
    await until(() => broker.messages.filter(({ kind }) => kind === 'result').length === 2);
    const results = broker.messages.filter(({ kind }) => kind === 'result').map(({ body }) => body);
    expect(results[0]).toMatchObject({ id: 'c1', ok: false, detail: expect.stringContaining('agent.commands') });
    expect(results[1]).toEqual({ id: 'c2', ok: true, detail: 'done' });
  });

  it('connects over TLS when the key is the pinned one', async () => {
    const { broker, rig } = await start({ tls: true });
    rig.addRow();
    rig.uplink.start();
    await until(() => rig.spool.length === 0);
    expectBirthFirst(broker);
  });

  it('sends not one byte to a hub that shows another key', async () => {
    const broker = await startTestBroker({ tls: true });
    const stranger = await startTestBroker({ tls: true, deaf: true });
    const rig = createUplinkRig({ address: stranger.address, pin: broker.pin });
    open.push(broker.close, stranger.close, () => rig.uplink.stop(GOODBYE));
    rig.uplink.start();
    await until(() => stranger.sockets_seen >= 2);
    expect(stranger.bytes_received).toBe(0);
    expect(rig.uplink.online()).toBe(false);
  });

  it('keeps trying at a hub that refuses it, without a busy loop', async () => {
    const { broker, rig } = await start({ refuses: true });
    rig.uplink.start();
    const begun = performance.now();
    await until(() => broker.connections >= 3);
    expect(performance.now() - begun).toBeGreaterThan(190);
    expect(rig.uplink.online()).toBe(false);
  });

  it('survives a hub that is none', async () => {
    let seen = 0;
    const server = createServer((socket) => {
      seen++;
      socket
        .on('error', () => {})
        .resume()
        .end(Buffer.from(GARBAGE[seen % GARBAGE.length] ?? []));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const rig = createUplinkRig({ address: `mqtt://127.0.0.1:${(server.address() as AddressInfo).port}` });
    open.push(
      () => new Promise((resolve) => server.close(resolve)),
      () => rig.uplink.stop(GOODBYE),
    );
    rig.uplink.start();
    await until(() => seen > 2 * GARBAGE.length);
    expect(rig.uplink.online()).toBe(false);
  });
});

describe('the back-off', () => {
  it('is full jitter from half a second to thirty', () => {
    expect(backoffMs(0, 1)).toBe(500);
    expect(backoffMs(3, 0.5)).toBe(2_000);
    expect(backoffMs(50, 1)).toBe(30_000);
    expect(backoffMs(50, 0)).toBe(100);
  });
});
