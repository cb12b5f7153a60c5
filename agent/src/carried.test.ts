import { createTestClock } from '@muster/shared/testing/clock';
import { decodeMessage, idOfColumns } from '@muster/shared/wire/codec';
import type { ColumnarReport } from '@muster/shared/wire/messages';
import { describe, expect, it } from 'vitest';
import { nextBatch } from './batch.js';
import { splitBirth } from './birth.js';
import { createCarried } from './carried.js';
import { createOutbox } from './outbox.js';
import { createMemorySpool } from './spool.js';

const MINUTE = 60_000;
const RANDOM = new Uint8Array(8);

const rig = () => {
  const clock = createTestClock();
  const spool = createMemorySpool();
  const own = createOutbox(spool, 'pi-1', RANDOM);
  const state = { known: true, shift: 0 };
  const devices = ['roof', 'van'].map((device) => ({ device, about: { name: device }, interval_ms: MINUTE }));
  const time = { now: clock.now, isTimeKnown: () => state.known, shift: () => state.shift };
  const carried = createCarried({ clock, spool, random: RANDOM, ...time }, devices);
  const hear = (device: string, value: number, seen_at?: number) => {
    carried.table(device)?.put({ metric: 'battery', value }, undefined, MINUTE);
    carried.answered(device, seen_at);
  };
  const way = { own: 'pi-1', stamp: (item: { ts: number }) => item.ts };
  const message = () => {
    const batch = nextBatch(spool.oldest(1_000), way);
    const read = decodeMessage('report', Buffer.from(batch?.payload ?? ''));
    expect(read).toMatchObject({ ok: true });
    spool.remove(batch?.items ?? []);
    return { topic: batch?.topic, ...(read as { message: ColumnarReport }).message };
  };
  return { clock, spool, own, state, carried, hear, message };
};

const LIST = idOfColumns(['battery']);

describe('carried devices', () => {
  it('send what their sources said in the message of their agent, each with a counter of its own', () => {
    const { own, carried, hear, message, clock } = rig();
    hear('roof', 1);
    hear('van', 2);
    own.row(clock.now(), '0a0a0a0a', [5]);
    own.row(clock.now(), '0a0a0a0a', [6]);
    expect(carried.flush()).toHaveLength(2);
    clock.advance(MINUTE);
    hear('roof', 3);
    carried.flush();
    const then = clock.now() - MINUTE;
    const { topic, rows, columns, carried: others } = message();
    expect([topic, columns, rows.map(([seq]) => seq)]).toEqual(['muster/v1/pi-1/report', '0a0a0a0a', [1, 2]]);
    expect(others).toEqual([
      {
        device: 'roof',
        columns: LIST,
        rows: [
          [1, then, 1],
          [2, clock.now(), 3],
        ],
      },
      { device: 'van', columns: LIST, rows: [[1, then, 2]] },
    ]);
  });

  it('are sent though their agent has nothing to say itself', () => {
    const { carried, hear, message, spool } = rig();
    hear('van', 2);
    carried.flush();
    expect(message()).toMatchObject({ topic: 'muster/v1/pi-1/report', rows: [], carried: [{ device: 'van' }] });
    expect(spool.length).toBe(0);
  });

  it('get no row while their source is silent, or tells of the same moment again', () => {
    const { carried, hear, clock } = rig();
    const seen_at = clock.now() - 5_000;
    hear('van', 2, seen_at);
    expect(carried.flush()).toMatchObject([{ device: 'van', ts: seen_at }]);
    clock.advance(MINUTE);
    hear('van', 2, seen_at);
    expect(carried.flush()).toEqual([]);
    hear('van', 3, clock.now() + 9 * MINUTE);
    expect(carried.flush()).toMatchObject([{ ts: clock.now() }]);
  });

  it('are stamped right though the time became known later', () => {
    const { carried, hear, state, clock } = rig();
    state.known = false;
    hear('roof', 1);
    const [sent] = carried.flush();
    hear('roof', 2);
    Object.assign(state, { known: true, shift: 1_000 });
    const [after] = carried.flush();
    hear('roof', 3);
    const [later] = carried.flush();
    if (!sent || !after || !later) throw new Error('no rows');
    const stamps = [sent, after, later].map((row) => row.ts + carried.shiftOf(row) - clock.now());
    expect(stamps).toEqual([1_000, 1_000, 0]);
  });

  it('are named in the birth, with lists of their own', () => {
    const { carried, hear } = rig();
    hear('roof', 1);
    const facts = { boot: 'aaaaaaaa', session: 1, agent_version: '0', interval_ms: 10_000, about: {}, metrics: [] };
    const [birth, ...more] = splitBirth({ ...facts, ...carried.describe() });
    expect(more).toEqual([]);
    expect(birth?.carries).toEqual([
      { device: 'roof', about: { name: 'roof' }, interval_ms: MINUTE },
      { device: 'van', about: { name: 'van' }, interval_ms: MINUTE },
    ]);
    expect(birth?.columns).toEqual([{ id: LIST, device: 'roof', list: ['battery'] }]);
  });

  it('are told in several births where one is too small', () => {
    const about = { text: 'x'.repeat(300) };
    const carries = Array.from({ length: 1_000 }, (_, n) => ({ device: `van-${n}`, about, interval_ms: MINUTE }));
    const facts = { boot: 'aaaaaaaa', session: 1, agent_version: '0', interval_ms: 10_000, about: {}, metrics: [], columns: [] };
    const births = splitBirth({ ...facts, carries });
    expect(births.length).toBeGreaterThan(1);
    for (const birth of births) expect(decodeMessage('birth', Buffer.from(JSON.stringify(birth)))).toMatchObject({ ok: true });
    expect(births.flatMap((birth) => birth.carries ?? [])).toEqual(carries);
  });
});
