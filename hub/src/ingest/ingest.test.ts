import { idOfColumns } from '@muster/shared/wire/codec';
import { WIRE_LIMITS } from '@muster/shared/wire/limits';
import type { UpwardKind } from '@muster/shared/wire/topics';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BOOT, COLUMNS, setUp } from './testing/harness.js';

describe('columnar reports', () => {
  it('are stored, then acknowledged, and shown at once', () => {
    const { writer, latest, said, outcomes, row, report, rows, clock } = setUp();
    writer.automatic = false;
    report(row(1, clock.now(), 0.5, 40));
    expect(outcomes).toEqual([]);
    expect(latest.value('pi', 'cpu')).toEqual({ value: 0.5, ts: clock.now() });
    expect(said).toEqual(['reported pi true']);
    writer.commit();
    expect(outcomes).toEqual(['ack']);
    expect(rows()).toEqual([{ boot: BOOT, seq: 1, ts: clock.now(), values: [0.5, 40] }]);
  });

  it('with an unknown columns id close the connection; nothing of them is stored or counts as known', () => {
    const { outcomes, send, row, columns, seqs } = setUp();
    const unknown = idOfColumns(['x', 'y']);
    const carried = [{ device: 'van', columns: unknown, rows: [row(1)] }];
    send('report', { boot: BOOT, columns: COLUMNS, rows: [row(1)], carried });
    send('report', { boot: BOOT, columns: unknown, rows: [row(2)] });
    expect([outcomes, seqs()]).toEqual([['close', 'close'], []]);
    columns.set(`van ${unknown}`, ['x', 'y']);
    send('report', { boot: BOOT, columns: COLUMNS, rows: [row(1)], carried });
    expect([seqs(), seqs('van')]).toEqual([[1], [1]]);
  });

  it('that come again are acknowledged behind what came before, and stored once', () => {
    const { writer, outcomes, row, report, seqs } = setUp();
    writer.automatic = false;
    report(row(1));
    report(row(1));
    expect([outcomes, writer.queued.length]).toEqual([[], 2]);
    writer.commit();
    report(row(1), row(2));
    writer.commit();
    expect(outcomes).toEqual(['ack', 'ack', 'ack']);
    expect(seqs()).toEqual([1, 2]);
  });

  it('with a row of the wrong length or out of the clock window lose that row only', () => {
    const { quarantine, outcomes, clock, row, report, seqs } = setUp();
    const now = clock.now();
    report(
      row(1),
      [2, now, 1],
      [3, now, 1, 2, 3],
      row(4, now - WIRE_LIMITS.past_ms - 1),
      row(5, now + WIRE_LIMITS.future_ms + 1),
      row(6, now - WIRE_LIMITS.past_ms),
      row(7, now + WIRE_LIMITS.future_ms),
    );
    expect([outcomes, seqs()]).toEqual([['ack'], [1, 6, 7]]);
    expect(quarantine.counts()).toEqual({ wrong_shape: 1, clock: 1 });
  });

  it('carry rows of granted devices; a part of any other is quarantined, the rest is stored', () => {
    const { quarantine, said, send, row, seqs, rows } = setUp();
    const part = (device: string) => ({ device, columns: COLUMNS, rows: [row(9)] });
    const carried = ['van', 'stranger', 'no-document'].map(part);
    send('report', { boot: BOOT, columns: COLUMNS, rows: [row(1)], carried });
    expect([seqs(), seqs('van'), rows('stranger'), rows('no-document')]).toEqual([[1], [9], [], []]);
    expect(quarantine.counts()).toEqual({ not_granted: 2 });
    expect(said).toEqual(['reported pi true', 'reported van true']);
  });

  it('in back-fill are stored, not shown and not judged', () => {
    const { latest, said, clock, row, report, seqs } = setUp();
    const now = clock.now();
    report(row(1, now - 3_600_000, 9, 9), row(2, now - 5 * 60_000 - 1, 9, 9));
    expect(latest.of('pi')).toEqual([]);
    report(row(5, now, 1, 1));
    report(row(4, now - 10_000, 8, 8));
    expect(latest.value('pi', 'cpu')).toEqual({ value: 1, ts: now });
    expect(seqs()).toEqual([1, 2, 5, 4]);
    expect(said).toEqual(['reported pi false', 'reported pi true', 'reported pi false']);
  });

  it('with several rows show the newest of each value once', () => {
    const { ingest, latest, clock, row, report } = setUp();
    const now = clock.now();
    const updates: number[] = [];
    latest.updated.on(({ values }) => updates.push(values.length));
    report(row(2, now, 2, null), row(1, now - 1_000, 1, 1));
    expect(latest.of('pi').map(({ value }) => value)).toEqual([2, 1]);
    expect(updates).toEqual([2]);
    expect(ingest.counts()).toEqual({ messages: 1, rows: 2 });
  });

  it('a clock that ran ahead and is put right is live again with its next row', () => {
    const { latest, clock, row, report } = setUp();
    report(row(1, clock.now() + 240_000, 1, 1));
    clock.advance(10_000);
    report(row(2, clock.now(), 2, 2));
    expect(latest.value('pi', 'cpu')).toEqual({ value: 2, ts: clock.now() });
  });

  it('of a device that was removed are acknowledged and quarantined', () => {
    const { devices, quarantine, outcomes, row, report, rows } = setUp();
    devices.delete('pi');
    report(row(1));
    expect([outcomes, rows(), quarantine.counts()]).toEqual([['ack'], [], { not_granted: 1 }]);
  });

  it('a removed device that comes back under the same name starts anew', () => {
    const { ingest, row, report, seqs } = setUp();
    report(row(1));
    ingest.forget('pi');
    report(row(1));
    expect(seqs()).toEqual([1, 1]);
  });
});

describe('named reports', () => {
  it('need no birth; time defaults to the receipt, identity to none', () => {
    const { latest, clock, send, rows, writer } = setUp();
    send('report', { metrics: { 'temp{zone=b,area=a}': 54.2, humidity: 3 } });
    expect(rows()).toEqual([{ boot: null, seq: null, ts: clock.now(), values: [54.2, 3] }]);
    expect(writer.committed[0]).toMatchObject({ columns: ['temp{area=a,zone=b}', 'humidity'] });
    expect(latest.value('pi', 'temp{area=a,zone=b}')).toMatchObject({ value: 54.2 });
  });

  it('with boot and seq are stored once; with one of them they have no identity', () => {
    const { send, rows } = setUp();
    for (let at = 0; at < 2; at++) send('report', { boot: BOOT, seq: 7, metrics: { a: 1 } });
    send('report', { boot: BOOT, metrics: { a: 1 } });
    send('report', { seq: 7, metrics: { a: 1 } });
    expect(rows().map(({ boot, seq }) => [boot, seq])).toEqual([
      [BOOT, 7],
      [null, null],
      [null, null],
    ]);
  });

  it('several of the same time with different metrics are all live', () => {
    const { latest, send } = setUp();
    for (const metric of ['a', 'b', 'c']) send('report', { metrics: { [metric]: 1 } });
    expect(latest.of('pi')).toHaveLength(3);
  });

  it('beyond 2,000 series a device lose what is too much, and say so', () => {
    const { quarantine, send, writer } = setUp();
    const many = (from: number, count: number) =>
      Object.fromEntries(Array.from({ length: count }, (_, at) => [`m${from + at}`, at]));
    send('report', { metrics: many(0, 1_999) });
    send('report', { metrics: many(1_998, 3) });
    send('report', { metrics: many(5_000, 2) });
    expect(writer.committed.flatMap((change) => (change.kind === 'rows' ? [change.columns.length] : []))).toEqual([1_999, 2]);
    expect(quarantine.counts()).toEqual({ too_many_series: 2 });
  });
});

describe('births', () => {
  const birth = (more: object = {}) => ({
    boot: BOOT,
    session: 3,
    agent_version: '0.1.0',
    interval_ms: 10_000,
    about: {},
    metrics: [],
    columns: [],
    ...more,
  });

  it('are committed urgently before their acknowledgement, and announced', () => {
    const { ingest, writer, outcomes, said, send } = setUp();
    const heard: number[] = [];
    ingest.born.on(({ link, birth }) => heard.push(link.id, birth.session));
    writer.automatic = false;
    send('birth', birth());
    expect([writer.queued[0]?.urgent, outcomes, said, heard]).toEqual([true, [], [`born ${BOOT} 3`], [1, 3]]);
    writer.commit();
    expect([outcomes, writer.document('devices', 'pi')]).toEqual([['ack'], '0.1.0']);
  });

  it('on the topic of a carried device are wrong', () => {
    const { quarantine, said, outcomes, send } = setUp();
    send('birth', birth(), 'van');
    expect([quarantine.counts(), said, outcomes]).toEqual([{ wrong_shape: 1 }, [], ['ack']]);
  });

  it('a mistake of ours costs one message: acknowledged, quarantined as internal, the rest is served on', () => {
    const { quarantine, outcomes, row, report, send, seqs } = setUp();
    send('birth', birth({ agent_version: 'broken' }));
    report(row(1));
    expect([outcomes, quarantine.counts(), seqs()]).toEqual([['ack', 'ack'], { internal: 1 }, [1]]);
  });
});

describe('rewards, events, wills and results', () => {
  const reading = (account: string, more: object = {}) => ({
    network: 'json',
    source: 'json',
    account,
    token: 'T',
    decimals: 18,
    as_of: 1,
    exact: true,
    kind: 'lifetime',
    amount: '5',
    resets: 'never',
    ...more,
  });
  const rewards = (seq: number, ...readings: object[]) => ({ boot: BOOT, seq, ts: 1, readings });

  it('rewards are booked once, however old, with their mark', () => {
    const { writer, outcomes, send } = setUp();
    for (let at = 0; at < 2; at++) send('rewards', rewards(1, reading('x')));
    expect(writer.committed).toEqual([
      { kind: 'document', collection: 'booked', key: 'x', value: true },
      { kind: 'mark', device: 'pi', boot: BOOT, seq: 1 },
    ]);
    expect(outcomes).toEqual(['ack', 'ack']);
  });

  it('readings for other devices or from the future are not booked', () => {
    const { writer, clock, quarantine, send } = setUp();
    const future = reading('future', { as_of: clock.now() + WIRE_LIMITS.future_ms + 1 });
    send('rewards', rewards(1, reading('foreign', { device: 'stranger' }), future, reading('good', { device: 'van' })));
    const booked = writer.documents().map(({ key }) => key);
    expect([booked, quarantine.counts()]).toEqual([['good'], { not_granted: 1, clock: 1 }]);
  });

  it('a goodbye is urgent and heard once; one of a carried device is not the agent’s', () => {
    const { writer, said, send } = setUp();
    const stopping = { boot: BOOT, seq: 4, ts: 1, event: 'stopping' };
    writer.automatic = false;
    send('event', stopping);
    send('event', stopping);
    send('event', stopping, 'van');
    expect([said, writer.queued[0]?.urgent]).toEqual([[`stopping ${BOOT}`], true]);
    writer.commit();
    expect(writer.committed).toContainEqual({ kind: 'mark', device: 'pi', boot: BOOT, seq: 4 });
  });

  it('reports, rewards and events of a device share one counter', () => {
    const { row, report, send, writer } = setUp();
    report(row(1));
    send('event', { boot: BOOT, seq: 1, ts: 1, event: 'other' });
    expect(writer.committed.filter(({ kind }) => kind === 'mark')).toEqual([]);
  });

  it('wills reach presence, results are announced', () => {
    const { ingest, said, outcomes, send } = setUp();
    const results: boolean[] = [];
    ingest.result.on(({ result }) => results.push(result.ok));
    send('status', { boot: BOOT, session: 3, state: 'lost' });
    send('result', { id: 'c', ok: true });
    expect([said, results, outcomes]).toEqual([['willed 3'], [true], ['ack', 'ack']]);
  });
});

describe('whatever arrives', () => {
  it('without room in the store closes the connection and counts as unknown: its next sending is stored', () => {
    const { outcomes, row, report, send, seqs, writer } = setUp();
    const event = { boot: BOOT, seq: 2, ts: 1, event: 'other' };
    writer.full = true;
    report(row(1));
    send('event', event);
    expect(outcomes).toEqual(['close', 'close']);
    writer.full = false;
    report(row(1));
    send('event', event);
    expect([outcomes.slice(2), seqs()]).toEqual([['ack', 'ack'], [1]]);
    expect(writer.committed).toContainEqual({ kind: 'mark', device: 'pi', boot: BOOT, seq: 2 });
  });

  it('a listener that fails costs nothing that was stored', () => {
    const { latest, outcomes, row, report, seqs, writer } = setUp();
    latest.updated.on(() => {
      throw new Error('a mistake of a listener');
    });
    writer.automatic = false;
    report(row(1));
    report(row(1));
    writer.commit();
    expect([outcomes, seqs()]).toEqual([['ack', 'ack'], [1]]);
  });

  it('each message has exactly one outcome, and no bytes throw', () => {
    const kind = fc.constantFrom<UpwardKind>('birth', 'report', 'rewards', 'event', 'status', 'result');
    const payload = fc.oneof(
      fc.uint8Array({ maxLength: 100 }).map((bytes) => Buffer.from(bytes)),
      fc.json().map((text) => Buffer.from(text)),
    );
    fc.assert(
      fc.property(
        fc.array(fc.tuple(kind, payload, fc.constantFrom('pi', 'van', 'stranger')), { maxLength: 20, size: 'max' }),
        (messages) => {
          const { outcomes, send } = setUp();
          for (const [what, bytes, device] of messages) send(what, bytes, device);
          expect(outcomes).toHaveLength(messages.length);
        },
      ),
    );
  });

  it('rows in any order, cut into any messages and sent any number of times are stored once each', () => {
    const batches = fc.array(fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1, maxLength: 6 }), {
      maxLength: 20,
      size: 'max',
    });
    fc.assert(
      fc.property(batches, (sent) => {
        const { row, report, seqs, outcomes } = setUp();
        for (const batch of sent) report(...batch.map((seq) => row(seq)));
        expect([...seqs()].sort()).toEqual([...new Set(sent.flat())].sort());
        expect(outcomes).toEqual(sent.map(() => 'ack'));
      }),
    );
  });
});
