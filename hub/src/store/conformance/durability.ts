import { expect, it } from 'vitest';
import type { Change } from '../store.js';
import { ask, type Bench, BOOT, document, entry, row, rows, START, track } from './subject.js';

const everything: Change[] = [
  track('pi-1', 'temperature', [1, 2.5, null]),
  { kind: 'mark', device: 'pi-1', boot: BOOT, seq: 9 },
  document('home', { tariff: '0.30', tags: ['a', null] }),
  document('home', true, 'other'),
  { kind: 'log', log: 'audit', number: 1, ts: START, device: null, value: 'started' },
  entry('e1'),
];

const BAD: [string, Change][] = [
  ['a value without end', rows('pi-1', ['a'], [row(1, START, [Number.POSITIVE_INFINITY])])],
  ['more values than columns', rows('pi-1', ['a'], [row(1, START, [1, 2])])],
  ['a time that is no whole number', rows('pi-1', ['a'], [row(1, 0.5, [1])])],
  ['an amount that is no whole number', entry('e9', { amount: '1.5' })],
  ['a kind that nobody knows', { kind: 'dance' } as unknown as Change],
];

export const durabilityCases = (bench: Bench): void => {
  it('keeps everything over a restart', async () => {
    await bench.engine().commit(everything);
    const recovered = await bench.reopen();
    expect(recovered.documents.sort((a, b) => (a.collection < b.collection ? -1 : 1))).toEqual([
      { collection: 'other', key: 'home', value: true },
      { collection: 'sites', key: 'home', value: { tariff: '0.30', tags: ['a', null] } },
    ]);
    expect(recovered.sequences).toEqual([
      {
        device: 'pi-1',
        boot: BOOT,
        intervals: [
          [1, 3],
          [9, 9],
        ],
      },
    ]);
    expect(recovered.numbers).toEqual({ alerts: 0, audit: 1, quarantine: 0 });
    expect((await bench.engine().series(ask())).points).toHaveLength(2);
    expect(await bench.engine().log({ log: 'audit', after: 0, limit: 5 })).toHaveLength(1);
    expect(await bench.engine().entries({ limit: 5 })).toHaveLength(1);
    expect(await bench.engine().stats()).toMatchObject({ rows: 3, samples: 2 });
    expect(await bench.engine().verify()).toEqual([]);
  });

  it('replaces a document and deletes it by null', async () => {
    await bench.engine().commit([document('a', 1), document('b', 2)]);
    await bench.engine().commit([document('a', { n: 3 }), document('b', null), document('c', null)]);
    expect((await bench.reopen()).documents).toEqual([{ collection: 'sites', key: 'a', value: { n: 3 } }]);
  });

  it.each(BAD)('stores nothing of a commit with %s in the middle', async (_name, bad) => {
    const commit = bench.engine().commit([track('pi-1', 'temperature', [1]), bad, document('a', 1), entry('e1')]);
    await expect(commit).rejects.toMatchObject({ code: 'bad_request' });
    expect(await bench.engine().rows('pi-1', 0, 9)).toEqual([]);
    expect(await bench.engine().entries({ limit: 9 })).toEqual([]);
    await bench.engine().commit([track('pi-1', 'temperature', [2])]);
    const { documents } = await bench.reopen();
    expect(documents).toEqual([]);
    expect((await bench.engine().series(ask())).points).toEqual([[START, 2, 2, 2]]);
  });

  it('changes nothing when a whole commit is repeated, as after an answer that got lost', async () => {
    await bench.engine().commit(everything);
    const once = [
      await bench.engine().stats(),
      await bench.engine().rows('pi-1', 0, 9),
      await bench.engine().entries({ limit: 9 }),
    ];
    await bench.engine().commit(everything);
    const twice = [
      await bench.engine().stats(),
      await bench.engine().rows('pi-1', 0, 9),
      await bench.engine().entries({ limit: 9 }),
    ];
    expect(twice.slice(1)).toEqual(once.slice(1));
    expect(twice[0]).toMatchObject({ rows: 3, samples: 2 });
  });

  it('takes an empty commit', async () => {
    await bench.engine().commit([]);
    expect(await bench.engine().stats()).toMatchObject({ rows: 0, samples: 0 });
  });

  it('may be closed twice', async () => {
    await bench.engine().close();
    await bench.engine().close();
  });
};
