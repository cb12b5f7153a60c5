import fc from 'fast-check';
import { expect, test } from 'vitest';
import { bytesText, parseBytes, parseNumber, parseShare, parseSpan, shareText, spanText } from './quantities.js';

test.each([
  ['20 s', 20_000],
  ['20s', 20_000],
  ['10 min', 600_000],
  ['10m', 600_000],
  ['2 h', 7_200_000],
  ['1 h 30 min', 5_400_000],
  ['1.5 hours', 5_400_000],
  ['1,5 h', 5_400_000],
  ['3 days', 259_200_000],
  ['1 w', 604_800_000],
  ['250 ms', 250],
  ['0', 0],
])('"%s" is %i ms', (text, ms) => expect(parseSpan(text)).toBe(ms));

test.each(['', '20', 'soon', '5 parsecs', '5 min later!', '-5 min', 'min 5'])('"%s" is no span of time', (text) =>
  expect(parseSpan(text)).toBeNull(),
);

test('a span is written as it is read', () => {
  expect([0, 20_000, 5_400_000, 604_800_000, 90_061_001].map(spanText)).toEqual([
    '0 s',
    '20 s',
    '1 h 30 min',
    '1 w',
    '1 d 1 h 1 min 1 s 1 ms',
  ]);
  fc.assert(fc.property(fc.integer({ min: 0, max: 4e9 }), (ms) => parseSpan(spanText(ms)) === ms));
});

test('bytes are written as they are read, in units of ten or of two', () => {
  expect([10_000_000_000, 2 ** 30, 1_500_000_000, 1_234_567].map(bytesText)).toEqual(['10 GB', '1 GiB', '1.5 GB', '1234567 B']);
  expect(['10 GB', '1GiB', '1.5 gb', '512', 'much', '3 parsecs'].map(parseBytes)).toEqual([
    1e10,
    2 ** 30,
    1.5e9,
    512,
    null,
    null,
  ]);
  fc.assert(fc.property(fc.integer({ min: 0, max: 1e15 }), (bytes) => parseBytes(bytesText(bytes)) === bytes));
});

test('shares are typed as percent', () => {
  expect(['95 %', '95', '0,5', '12.5%', 'half'].map(parseShare)).toEqual([0.95, 0.95, 0.005, 0.125, null]);
  expect([0.95, 0.07, 0.005].map(shareText)).toEqual(['95', '7', '0.5']);
  expect(['1,5', '', ' 7 ', 'x'].map(parseNumber)).toEqual([1.5, null, 7, null]);
});
