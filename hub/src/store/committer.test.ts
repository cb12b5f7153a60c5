import { AppError } from '@muster/shared/errors';
import { silentLog } from '@muster/shared/log';
import { createTestClock } from '@muster/shared/testing/clock';
import { describe, expect, it } from 'vitest';
import { type CommitterSettings, createCommitter } from './committer.js';
import type { Change } from './store.js';
import { createHandEngine, turn } from './testing/hand-engine.js';

const FULL = new AppError('storage', 'the disk is full');
const change = (n: number): Change => ({ kind: 'document', collection: 'test', key: `${n}`, value: n });
const keysOf = (changes: readonly Change[] = []): string[] =>
  changes.map((one) => (one.kind === 'document' ? one.key : one.kind));

/** What a promise was rejected with; listens at once, so that nothing counts as unhandled. */
const fault = (promise: Promise<void>): Promise<unknown> =>
  promise.then(
    () => null,
    (error) => error,
  );

const create = (settings: Partial<CommitterSettings> = {}) => {
  const engine = createHandEngine();
  const clock = createTestClock();
  const numbers = { alerts: 41, audit: 0, quarantine: 0 };
  const committer = createCommitter({ engine, clock, log: silentLog, numbers }, settings);
  const done: number[] = [];
  const heard: string[] = [];
  for (const name of ['stalled', 'recovered', 'refused', 'pressure'] as const) committer[name].on(() => heard.push(name));
  const send = (n: number, options: { bytes?: number; urgent?: boolean; empty?: boolean } = {}) =>
    committer.queue(options.empty ? [] : [change(n)], { bytes: 100, ...options, done: () => done.push(n) });
  return { engine, clock, committer, done, heard, send };
};

describe('a group', () => {
  it('closes after 2.5 s, and acknowledges only after the commit', async () => {
    const { engine, clock, send, done } = create();
    send(1);
    clock.advance(1_000);
    send(2);
    clock.advance(1_499);
    expect(engine.commits).toHaveLength(0);
    clock.advance(1);
    expect(keysOf(engine.commits[0])).toEqual(['1', '2']);
    await turn();
    expect(done).toEqual([]);
    await engine.answer();
    expect(done).toEqual([1, 2]);
  });

  it('closes at 64 reports, at 64 KB, and at once when one is urgent', async () => {
    const { engine, send } = create();
    for (let n = 1; n <= 64; n++) send(n);
    expect(engine.commits[0]).toHaveLength(64);
    await engine.answer();
    send(65, { bytes: 63_999 });
    expect(engine.commits).toHaveLength(1);
    send(66, { bytes: 1 });
    expect(keysOf(engine.commits[1])).toEqual(['65', '66']);
    await engine.answer();
    send(67);
    send(68, { urgent: true });
    expect(keysOf(engine.commits[2])).toEqual(['67', '68']);
  });

  it('fills while another is being written, up to 1,000 reports or 1 MB', async () => {
    const { engine, send } = create();
    send(0, { urgent: true });
    for (let n = 1; n <= 1_500; n++) send(n);
    await engine.answer();
    expect(engine.commits[1]).toHaveLength(1_000);
    await engine.answer();
    expect(engine.commits[2]).toHaveLength(500);
    for (let n = 0; n < 3; n++) send(n, { bytes: 600_000 });
    await engine.answer();
    expect(engine.commits[3]).toHaveLength(1);
  });

  it('never has two commits under way, and keeps the order of arrival', async () => {
    const { engine, send, done } = create();
    for (let n = 0; n < 200; n++) send(n, { urgent: n % 7 === 0 });
    for (let at = 0; at < 20; at++) {
      expect(engine.open).toBeLessThanOrEqual(1);
      await engine.answer();
    }
    expect(done).toEqual(Array.from({ length: 200 }, (_, n) => n));
  });

  it('lets a report without changes through in its turn', async () => {
    const { engine, send, done } = create();
    send(1, { empty: true });
    expect(done).toEqual([]);
    await turn();
    expect(done).toEqual([1]);
    send(2, { urgent: true });
    send(3, { empty: true });
    await turn();
    expect(done).toEqual([1]);
    await engine.answer();
    expect(done).toEqual([1, 2]);
    send(4, { urgent: true });
    expect(keysOf(engine.commits[1])).toEqual(['4']);
    await engine.answer();
    expect(done).toEqual([1, 2, 3, 4]);
  });

  it('goes on when what follows a commit throws', async () => {
    const { engine, committer, send, done } = create();
    committer.queue([change(1)], {
      bytes: 1,
      done: () => {
        throw new Error('broken');
      },
    });
    send(2, { urgent: true });
    await engine.answer();
    expect(done).toEqual([2]);
  });
});

describe('a store that cannot commit', () => {
  it('keeps what is queued, tries again with growing waits, and acknowledges it in order in the end', async () => {
    const { engine, clock, committer, send, done, heard } = create();
    send(1, { urgent: true });
    send(2);
    await engine.answer(FULL);
    expect(committer.healthy).toBe(false);
    const waits = [500, 1_000, 2_000, 4_000, 5_000, 5_000];
    for (const [tries, wait] of waits.entries()) {
      clock.advance(wait - 1);
      expect(engine.commits).toHaveLength(tries + 1);
      clock.advance(1);
      expect(keysOf(engine.commits.at(-1))).toEqual(['1']);
      if (wait < 5_000 || tries === 4) await engine.answer(FULL);
    }
    expect(done).toEqual([]);
    await engine.answer();
    expect(committer.healthy).toBe(true);
    expect(done).toEqual([1]);
    await engine.answer();
    expect(done).toEqual([1, 2]);
    expect(heard).toEqual(['stalled', 'recovered']);
  });

  it('gives `write` back at once and does not write its changes later', async () => {
    const { engine, clock, committer, send } = create();
    send(1);
    const early = fault(committer.write([change(7)]));
    const waiting = fault(committer.write([change(8)]));
    await engine.answer(FULL);
    expect(await early).toMatchObject({ code: 'storage' });
    expect(await waiting).toMatchObject({ code: 'storage' });
    await expect(committer.write([change(9)])).rejects.toMatchObject({ code: 'storage' });
    clock.advance(500);
    await engine.answer();
    expect(engine.commits.map(keysOf)).toEqual([['1', '7'], ['1']]);
    const later = committer.write([change(10)]);
    await engine.answer();
    await expect(later).resolves.toBeUndefined();
  });

  it('finds out by a probe that it is well again when nothing is queued', async () => {
    const { engine, clock, committer } = create();
    const lone = fault(committer.write([change(1)]));
    await engine.answer(FULL);
    expect(await lone).toMatchObject({ code: 'storage' });
    clock.advance(500);
    expect(keysOf(engine.commits[1])).toEqual(['probe']);
    await engine.answer();
    expect(committer.healthy).toBe(true);
  });

  it('counts as stalled when a commit hangs for 5 s, and as recovered when it ends', async () => {
    const { engine, clock, committer, send, done, heard } = create();
    send(1, { urgent: true });
    clock.advance(4_999);
    expect(committer.healthy).toBe(true);
    clock.advance(1);
    expect(committer.healthy).toBe(false);
    expect(engine.commits).toHaveLength(1);
    await engine.answer();
    expect(done).toEqual([1]);
    expect(heard).toEqual(['stalled', 'recovered']);
  });

  it('says when it is full, and refuses more at its last bound', async () => {
    const { engine, clock, committer, send, heard } = create({ full_bytes: 1_000, refuse_bytes: 2_000 });
    send(1, { urgent: true });
    await engine.answer(FULL);
    for (let n = 2; n <= 20; n++) send(n);
    expect(committer.full).toBe(true);
    expect([committer.accepts(0), committer.accepts(1)]).toEqual([true, false]);
    expect(() => send(21)).toThrow(/behind/);
    clock.advance(500);
    await engine.answer();
    clock.advance(2_000);
    await engine.answer();
    expect(committer.full).toBe(false);
    expect(heard).toEqual(['stalled', 'pressure', 'recovered', 'pressure']);
  });
});

describe('a change that can never be stored', () => {
  const bad = new AppError('bad_request', 'a value is not a finite number');

  it('is dropped alone: the others of its group are stored, in order', async () => {
    const { engine, committer, send, done, heard } = create();
    send(1);
    send(2);
    const last = committer.write([change(3)]);
    await engine.answer(bad);
    await engine.answer();
    await engine.answer(bad);
    await engine.answer();
    await last;
    expect(engine.commits.map(keysOf)).toEqual([['1', '2', '3'], ['1'], ['2'], ['3']]);
    expect(done).toEqual([1, 2]);
    expect(heard).toEqual(['refused']);
    expect(committer.healthy).toBe(true);
  });

  it('rejects the `write` that brought it', async () => {
    const { engine, committer } = create();
    const broken = fault(committer.write([change(1)]));
    await engine.answer(bad);
    expect(await broken).toMatchObject({ code: 'bad_request' });
    expect(committer.healthy).toBe(true);
  });
});

describe('numbers and the end', () => {
  it('gives every log its next number', () => {
    const { committer } = create();
    expect([committer.number('alerts'), committer.number('alerts'), committer.number('audit')]).toEqual([42, 43, 1]);
  });

  it('writes what is queued before it stops, and nothing after', async () => {
    const { engine, committer, send, done } = create();
    send(1);
    const stopped = committer.stop();
    await turn();
    await engine.answer();
    await stopped;
    expect(done).toEqual([1]);
    send(2, { urgent: true });
    await expect(committer.write([change(3)])).rejects.toMatchObject({ code: 'storage' });
    await committer.stop();
    expect(engine.commits).toHaveLength(1);
  });

  it('stops after 5 s when the store cannot commit, and acknowledges nothing', async () => {
    const { engine, clock, committer, send, done } = create();
    send(1, { urgent: true });
    await engine.answer(FULL);
    const stopped = committer.stop();
    await turn();
    await engine.answer(FULL);
    clock.advance(5_000);
    await stopped;
    expect(done).toEqual([]);
    const tries = engine.commits.length;
    await engine.answer(FULL);
    clock.advance(60_000);
    expect(engine.commits).toHaveLength(tries);
  });
});
