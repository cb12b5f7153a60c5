import { expect, it } from 'vitest';
import { decimalOf, numberOf, readPage, readSeries } from './prometheus-text.js';

it.each([
  ['up 1', { name: 'up', labels: {}, text: '1' }],
  ['up{} 1 1795342922808', { name: 'up', labels: {}, text: '1' }],
  ['a{b="c",d="e",} 1.5e+3', { name: 'a', labels: { b: 'c', d: 'e' }, text: '1.5e+3' }],
  ['a { b = "c" , d="}" } -Inf', null],
  ['a{ b = "c" , d="}" } -Inf', { name: 'a', labels: { b: 'c', d: '}' }, text: '-Inf' }],
  ['a{b="\\\\ \\" \\n"} NaN', { name: 'a', labels: { b: '\\ " \n' }, text: 'NaN' }],
  ['a{__proto__="x"} 1', { name: 'a', labels: Object.assign(Object.create(null), { ['__proto__']: 'x' }), text: '1' }],
  ['a_total 1.0 # {trace="x"} 0.5 1.7', { name: 'a_total', labels: {}, text: '1.0' }],
  ['{"my.name",b="c"} 2', { name: 'my.name', labels: { b: 'c' }, text: '2' }],
  ['a{b="c} 1', null],
  ['a{b=c} 1', null],
  ['a', null],
  ['a one', null],
  ['{b="c"} 1', null],
])('the line %s', (line, expected) => {
  const series = readSeries(line);
  expect(series && { ...series, labels: { ...series.labels } }).toEqual(
    expected && { ...expected, labels: { ...expected.labels } },
  );
});

it('keeps of two series with one set of labels the first, whatever their order', () => {
  const page = readPage('a{x="1",y="2"} 1\nb 5\na{y="2",x="1"} 2\n', (name) => name === 'a');
  expect(page.series.map(({ text }) => text)).toEqual(['1']);
});

it('tells a page of another kind from one with a damaged line', () => {
  expect(readPage('<html>\n<b>1</b>', () => true).odd).toBe(2);
  expect(readPage('up 1\nhalf a li', () => true).odd).toBe(0);
});

it('reads a page of 4 MB in one pass and a line without an end in none', () => {
  const line = `a{b="${'x'.repeat(80)}"} 1\n`;
  expect(readPage(line.repeat(40_000), () => false).series).toEqual([]);
  expect(readPage(`a{b="${'\\'.repeat(3_000_000)}`, () => true).odd).toBe(1);
});

it('writes numbers as money takes them', () => {
  expect(['+1.5e+18', '.5', '12.', '-0.1', '1E3'].map(decimalOf)).toEqual(['1.5e+18', '0.5', '12', '-0.1', '1e3']);
  expect(['NaN', '+Inf', '1e400'].map(numberOf).map(Number.isFinite)).toEqual([false, false, false]);
});
