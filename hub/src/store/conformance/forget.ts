import { expect, it } from 'vitest';
import { ask, type Bench, BOOT, document, entry, row, rows, START, track } from './subject.js';

export const forgetCases = (bench: Bench): void => {
  it('deletes rows, marks and entries of the device and of no other', async () => {
    await bench
      .engine()
      .commit([
        track('pi-1', 'temperature', [1, 2]),
        track('pi-2', 'temperature', [3]),
        { kind: 'mark', device: 'pi-1', boot: BOOT, seq: 40 },
        entry('e1'),
        entry('e2', { device: 'pi-2' }),
        document('a', 1),
      ]);
    await bench.engine().commit([{ kind: 'forget', device: 'pi-1' }]);
    expect((await bench.engine().series(ask())).points).toEqual([]);
    expect((await bench.engine().latest()).map(({ device }) => device)).toEqual(['pi-2']);
    expect((await bench.engine().entries({ limit: 9 })).map(({ id }) => id)).toEqual(['e2']);
    expect(await bench.engine().stats()).toMatchObject({ rows: 1, samples: 1 });
    const { sequences, documents } = await bench.reopen();
    expect(sequences).toEqual([{ device: 'pi-2', boot: BOOT, intervals: [[1, 1]] }]);
    expect(documents).toHaveLength(1);
  });

  it('takes the same identity anew afterwards, also inside one commit', async () => {
    await bench.engine().commit([track('pi-1', 'temperature', [1]), entry('e1', { amount: '1' })]);
    await bench
      .engine()
      .commit([
        { kind: 'forget', device: 'pi-1' },
        rows('pi-1', ['temperature'], [row(1, START, [2])]),
        entry('e1', { amount: '2' }),
      ]);
    expect((await bench.engine().series(ask())).points).toEqual([[START, 2, 2, 2]]);
    expect((await bench.engine().entries({ limit: 9 })).map(({ amount }) => amount)).toEqual(['2']);
  });

  it('is content with a device that it never knew', async () => {
    await bench.engine().commit([{ kind: 'forget', device: 'nobody' }]);
    expect(await bench.engine().verify()).toEqual([]);
  });
};
