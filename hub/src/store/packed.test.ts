import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createPacker, createUnpacker } from './packed.js';
import type { Change } from './store.js';

const LISTS = [['a'], ['a', 'b'], ['c{x=1}', 'a', 'b']] as const;
const value = fc.oneof(fc.constant(null), fc.double({ noNaN: true }), fc.constant(-0));
const row = (width: number) =>
  fc.record({
    boot: fc.option(fc.constantFrom('aaaaaaaa', 'bbbbbbbb')),
    seq: fc.option(fc.nat()),
    ts: fc.nat(),
    values: fc.array(value, { minLength: width, maxLength: width }),
  });
const rows: fc.Arbitrary<Change> = fc.constantFrom(...LISTS).chain((columns) =>
  fc.record({
    kind: fc.constant('rows' as const),
    device: fc.constantFrom('pi-1', 'pi-2', ''),
    columns: fc.constant(columns),
    rows: fc.array(row(columns.length), { maxLength: 4 }),
  }),
);
const other: fc.Arbitrary<Change> = fc.oneof(
  fc.record({ kind: fc.constant('mark' as const), device: fc.string(), boot: fc.string(), seq: fc.nat() }),
  fc.record({ kind: fc.constant('document' as const), collection: fc.string(), key: fc.string(), value: fc.constant(null) }),
);

/** As plain objects: a value that is missing is null on both sides. */
const plain = (changes: readonly Change[]) =>
  changes.map((change) =>
    change.kind === 'rows'
      ? {
          ...change,
          rows: change.rows.map((one) => ({ ...one, values: Array.from(one.values, (v) => (Number.isNaN(v) ? null : v)) })),
        }
      : change,
  );

describe('commits packed for the storage thread', () => {
  it('come out as they went in, whatever their order, over many commits of one thread', () => {
    fc.assert(
      fc.property(fc.array(fc.array(fc.oneof(rows, other), { maxLength: 6 }), { maxLength: 5 }), (commits) => {
        const packer = createPacker();
        const unpacker = createUnpacker();
        for (const changes of commits)
          expect(plain(unpacker.unpack(structuredClone(packer.pack(changes))))).toEqual(plain(changes));
      }),
    );
  });

  it('tell each name and each list once', () => {
    const packer = createPacker();
    const change: Change = {
      kind: 'rows',
      device: 'pi-1',
      columns: LISTS[1],
      rows: [{ boot: 'aaaaaaaa', seq: 1, ts: 5, values: [1, 2] }],
    };
    expect(packer.pack([change])).toMatchObject({ anew: true, texts: ['pi-1', 'aaaaaaaa'], lists: [['a', 'b']] });
    expect(packer.pack([change])).toMatchObject({ anew: false, texts: [], lists: [] });
  });

  it('give rows of one list the same array, so that it can be known by identity', () => {
    const [packer, unpacker] = [createPacker(), createUnpacker()];
    const change: Change = { kind: 'rows', device: 'pi-1', columns: LISTS[1], rows: [] };
    const columns = [1, 2]
      .flatMap(() => unpacker.unpack(structuredClone(packer.pack([change]))))
      .map((one) => one.kind === 'rows' && one.columns);
    expect(columns[0]).toBe(columns[1]);
  });

  it('carry rows that no store could hold as they are, for the engine to refuse', () => {
    const bad: Change = {
      kind: 'rows',
      device: 'pi-1',
      columns: ['a', 'b'],
      rows: [{ boot: null, seq: null, ts: 1, values: [1] }],
    };
    const packed = createPacker().pack([bad]);
    expect(packed.others).toEqual([bad]);
    expect(createUnpacker().unpack(packed)).toEqual([bad]);
  });
});
