import { createTestClock } from '@muster/shared/testing/clock';
import { decodeMessage, idOfColumns } from '@muster/shared/wire/codec';
import type { ColumnarReport } from '@muster/shared/wire/messages';
import { describe, expect, it } from 'vitest';
import { nextBatch } from './batch.js';
import { splitBirth } from './birth.js';
import { createCarried } from './carried.js';
import { createOutbox } from './outbox.js';
import { createMemorySpool, type SpoolRow } from './spool.js';

const MINUTE = 60_000;
const RANDOM = new Uint8Array(8);

const rig = () => {
  const clock = createTestClock();
  const spool = createMemorySpool();
  const own = createOutbox(spool, 'pi-1', RANDOM);
  const state = { known: true };
  const held: SpoolRow[] = [];
  const devices = ['roof', 'van'].map((device) => ({ device, about: { name: device }, interval_ms: MINUTE }));
  const moment = () => ({ ts: clock.now(), blind: !state.known });
  const carried = createCarried({ clock, spool, random: RANDOM, moment, hold: (row) => held.push(row) }, devices);
  const hear = (device: string, value: number, seen_at?: number) => {
    carried.table(device)?.put({ metric: 'battery', value }, undefined, MINUTE);
    carried.answered(device, seen_at);
  };
  const way = { own: 'pi-1', stamp: (item: { ts: number }) => item.ts };
  const message = () => {
    const batch = nextBatch(spool.oldest({ items: 1_000, bytes: 1_000_000 }), way);
    const read = decodeMessage('report', Buffer.from(batch?.payload ?? ''));
    expect(read).toMatchObject({ ok: true });
    spool.remove(batch?.items ?? []);
    return { topic: batch?.topic, ...(read as { message: ColumnarReport }).message };
  };
  return { clock, spool, own, state, carried, held, hear, message };
};

const LIST = idOfColumns(['battery']);

describe('carried devices', () => {
  it('send what their sources said in the message of their agent, each with a counter of its own', () => {
    const { own, held, hear, message, clock } = rig();
    hear('roof', 1);
    hear('van', 2);
    own.row({ ts: clock.now() }, '0a0a0a0a', [5]);
    own.row({ ts: clock.now() }, '0a0a0a0a', [6]);
    expect(held).toHaveLength(2);
    clock.advance(MINUTE);
    hear('roof', 3);
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
    const { hear, message, spool } = rig();
    hear('van', 2);
    expect(message()).toMatchObject({ topic: 'muster/v1/pi-1/report', rows: [], carried: [{ device: 'van' }] });
    expect(spool.length).toBe(0);
  });

  it('get no row while their source is silent, or tells of the same moment again', () => {
    const { held, hear, clock } = rig();
    const seen_at = clock.now() - 5_000;
    hear('van', 2, seen_at);
    expect(held.splice(0)).toMatchObject([{ device: 'van', ts: seen_at }]);
    clock.advance(MINUTE);
    hear('van', 2, seen_at);
    expect(held).toEqual([]);
    hear('van', 3, clock.now() + 9 * MINUTE);
    expect(held).toMatchObject([{ ts: clock.now() }]);
  });

  it('say of each row whether the time was known when it was made', () => {
    const { held, hear, state } = rig();
    state.known = false;
    hear('roof', 1);
    state.known = true;
    hear('roof', 2);
    hear('van', 2);
    expect(held.map(({ device, seq, blind }) => [device, seq, blind])).toEqual([
      ['roof', 1, true],
      ['roof', 2, false],
      ['van', 1, false],
    ]);
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
