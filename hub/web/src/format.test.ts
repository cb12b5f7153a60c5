import { describe, expect, test } from 'vitest';
import {
  age,
  duration,
  exactAmount,
  formatValue,
  percent,
  readableAmount,
  shownAmount,
  shownUnit,
  sumAmounts,
  tickValue,
} from './format.js';

const amount = (text: string, extra = {}) => ({
  network: 'storj',
  token: 'STORJ',
  decimals: 8,
  amount: text,
  estimated: false,
  ...extra,
});

describe('values', () => {
  test.each([
    [0.4213, '1', 'system.cpu.utilization', '42 %'],
    [0.0042, '1', 'system.cpu.utilization', '0.4 %'],
    [0.0998, '1', 'system.cpu.utilization', '10 %'],
    [97.3, '%', 'x', '97 %'],
    [54.25, 'Cel', 'hw.temperature', '54.3 °C'],
    [4026531840, 'By', 'system.memory.usage', '3.75 GiB'],
    [512, 'By', 'x', '512 B'],
    [1536, 'By/s', 'x', '1.50 KiB/s'],
    [0.00262, 's', 'probe.duration', '2.62 ms'],
    [93784, 's', 'system.uptime', '1 d 2 h'],
    [131.7, 'W', 'hw.power', '132 W'],
    [1.234, '1', 'system.cpu.load_average.1m', '1.23'],
    [12, '{process}', 'x', '12'],
    [3.5, '{error}/s', 'x', '3.50/s'],
    [3.5, '/s', 'x', '3.50/s'],
    [0, '1', 'x', '0'],
  ])('%d %s of %s reads %s', (value, unit, metric, text) => {
    expect(formatValue(value, unit, metric)).toBe(text);
  });

  test('what is missing or not a number reads as a dash', () => {
    for (const value of [null, undefined, Number.NaN, Number.POSITIVE_INFINITY]) expect(formatValue(value, 'W')).toBe('–');
    expect(percent(undefined)).toBe('–');
  });

  test('an axis loses the zeros that say nothing', () => {
    expect(tickValue(0, 'Cel', 'x')).toBe('0 °C');
    expect(tickValue(2.5 * 1024 ** 2, 'By', 'x')).toBe('2.5 MiB');
    expect(tickValue(100, 'W', 'x')).toBe('100 W');
    expect(tickValue(0, '1', 'system.cpu.utilization')).toBe('0 %');
  });

  test('counters are shown as a rate', () => {
    expect(shownUnit('By', 'counter')).toBe('By/s');
    expect(shownUnit('1', 'counter')).toBe('/s');
    expect(shownUnit('By', 'gauge')).toBe('By');
  });
});

describe('times', () => {
  test('a duration has two steps at most', () => {
    expect(duration(0)).toBe('0 s');
    expect(duration(8_400)).toBe('8 s');
    expect(duration(125_000)).toBe('2 min');
    expect(duration(3_600_000 + 240_000)).toBe('1 h 4 min');
    expect(duration(3 * 86_400_000)).toBe('3 d');
  });

  test('an age below a minute is now', () => {
    expect(age(59_000)).toBe('now');
    expect(age(-5)).toBe('now');
    expect(age(7_200_000)).toBe('2 h');
  });
});

describe('amounts', () => {
  test('are cut, never rounded up', () => {
    expect(readableAmount('1.99999999')).toBe('1.9999');
    expect(readableAmount('0.000012349')).toBe('0.0000123');
    expect(readableAmount('1234567.891')).toBe('1 234 567');
    expect(readableAmount('-0.5')).toBe('-0.5');
    expect(readableAmount('0.000000000000000001')).toBe('<0.00000001');
    expect(readableAmount('0')).toBe('0');
  });

  test('are exact on demand, beyond what a float can hold', () => {
    const huge = amount('123456789012345678901234567890', { decimals: 18 });
    expect(exactAmount(huge)).toBe('123456789012.34567890123456789 STORJ (storj)');
    expect(shownAmount(amount('150000000', { estimated: true }))).toBe('≈ 1.5 STORJ');
  });

  test('are added per network and token in base units', () => {
    const big = '9007199254740993';
    const sums = sumAmounts([
      [amount(big), amount('1', { network: 'helium', token: 'HNT' })],
      [amount(big, { estimated: true })],
    ]);
    expect(sums).toEqual([amount('1', { network: 'helium', token: 'HNT' }), amount('18014398509481986', { estimated: true })]);
  });
});
