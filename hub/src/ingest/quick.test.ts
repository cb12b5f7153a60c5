import { isColumnar } from '@muster/shared/wire/codec';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createQuickReader } from './quick.js';

const LIST = ['a', 'b', 'c'];
const read = createQuickReader();
const quick = (text: string, list: readonly string[] | undefined = LIST) => read(Buffer.from(text), () => list);

/** What the plain way makes of the same bytes; null where it finds something else than a report of one device with this list. */
const plain = (text: string) => {
  try {
    const json: unknown = JSON.parse(text);
    if (!isColumnar(json) || json.carried || json.rows.some((row) => row.length !== LIST.length + 2)) return null;
    const { boot, rows } = json;
    return {
      boot,
      rows: rows.map(([seq, ts, ...values]) => ({ boot, seq, ts, values: values.map((value) => value ?? Number.NaN) })),
    };
  } catch {
    return null;
  }
};

const number = fc.oneof(
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.integer(),
  fc.maxSafeInteger(),
  fc.constantFrom(0, -0, 0.1, 1e-7, 1e21, 123456.789, 2 ** 53, 2 ** 53 + 2, 5e-324, 0.000001),
  fc.tuple(fc.integer({ min: -1e9, max: 1e9 }), fc.integer({ min: 0, max: 9 })).map(([whole, places]) => whole / 10 ** places),
);
const row = fc.tuple(fc.integer({ min: 1, max: 1e9 }), fc.nat(), ...LIST.map(() => fc.option(number)));
const report = fc.record({
  boot: fc.constantFrom('aaaaaaaa', 'zz23456b'),
  columns: fc.constantFrom('0123abcd', 'ffffffff'),
  rows: fc.array(row, { minLength: 1, maxLength: 3 }),
});

describe('a report read from its bytes', () => {
  it('is what JSON.parse and the hand check make of it, to the last bit', () => {
    fc.assert(
      fc.property(report, (message) => {
        const text = JSON.stringify(message);
        const found = quick(text);
        // Numbers with an exponent or of 23 decimals and more are left to JSON.parse.
        if (!/\de|\.\d{23}/.test(text)) expect(found).not.toBeNull();
        if (found) expect({ boot: found.boot, rows: found.rows }).toEqual(plain(text));
      }),
      { numRuns: 1_000 },
    );
  });

  it('is never taken where the plain way refuses it, whatever happens to its bytes', () => {
    const change = fc.record({
      at: fc.nat(200),
      text: fc.constantFrom('', '0', '-', '.', ',', 'e', '[', ']', '}', ' ', 'null', '"', '00'),
    });
    fc.assert(
      fc.property(report, fc.array(change, { minLength: 1, maxLength: 3 }), (message, changes) => {
        let text = JSON.stringify(message);
        for (const { at, text: put } of changes) text = `${text.slice(0, at)}${put}${text.slice(at + 1)}`;
        const found = quick(text);
        if (found) expect({ boot: found.boot, rows: found.rows }).toEqual(plain(text));
      }),
      { numRuns: 3_000 },
    );
  });

  it.each([
    ['an unknown list', '{"boot":"aaaaaaaa","columns":"0123abcd","rows":[[1,2,3,4,5]]}', undefined],
    ['another number of values', '{"boot":"aaaaaaaa","columns":"0123abcd","rows":[[1,2,3,4]]}', LIST],
    ['carried devices', '{"boot":"aaaaaaaa","columns":"0123abcd","rows":[[1,2,3,4,5]],"carried":[]}', LIST],
    ['no rows', '{"boot":"aaaaaaaa","columns":"0123abcd","rows":[]}', LIST],
    ['a seq of 0', '{"boot":"aaaaaaaa","columns":"0123abcd","rows":[[0,2,3,4,5]]}', LIST],
    ['a ts that is no whole number', '{"boot":"aaaaaaaa","columns":"0123abcd","rows":[[1,2.5,3,4,5]]}', LIST],
    ['no ts', '{"boot":"aaaaaaaa","columns":"0123abcd","rows":[[1,null,3,4,5]]}', LIST],
    [
      'more rows than a report may have',
      `{"boot":"aaaaaaaa","columns":"0123abcd","rows":[${Array(501).fill('[1,2,3,4,5]')}]}`,
      LIST,
    ],
    ['something behind it', '{"boot":"aaaaaaaa","columns":"0123abcd","rows":[[1,2,3,4,5]]} ', LIST],
  ])('is left to the plain way with %s', (_what, text, list) => {
    expect(read(Buffer.from(text), () => list)).toBeNull();
  });
});
