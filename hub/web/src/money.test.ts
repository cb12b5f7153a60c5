import { describe, expect, it } from 'vitest';
import { changeText, createMoney, shareOf, trimmed } from './money.js';
import { sourceFrom } from './parts/prices-editor.js';
import { pieces } from './parts/sparkline.js';
import { accountsOf, sharesFrom } from './parts/unassigned.js';

describe('money on the screen', () => {
  const money = createMoney('USD', 'en-US');

  it('has cents, and more places where cents would say nothing', () => {
    expect(money.shown('1234.56789012')).toBe('$1,234.57');
    expect(money.shown('-0.50000000')).toBe('−$0.50');
    expect(money.shown('0.01234567')).toBe('$0.0123');
    expect(money.shown('0.00001234')).toBe('$0.000012');
    expect(money.shown('0.00000000')).toBe('$0.00');
  });

  it('is exact on hover, beyond what a float holds', () => {
    expect(money.exact('12345678901234567.12340000')).toBe('12345678901234567.1234 USD');
    expect(trimmed('100')).toBe('100');
  });

  it('tells changes with their sign, large ones as a factor, unknown ones not at all', () => {
    expect([0.123, -0.5, 0.001, 11, null].map(changeText)).toEqual(['+12 %', '−50 %', '± 0 %', '× 12', '–']);
    expect(shareOf('1.5', '0')).toBeNull();
  });
});

describe('a trend', () => {
  it('breaks where a day is not known', () => {
    expect(pieces(['1', '2', null, '3', '4'])).toHaveLength(2);
    expect(pieces([null, null])).toEqual([]);
  });
});

describe('a price by hand', () => {
  it('holds from today on and leaves earlier days as they were', () => {
    const before = {
      provider: 'manual' as const,
      currency: 'EUR',
      prices: [
        { from: '2026-01-01', price: '1' },
        { from: '2026-03-10', price: '2' },
      ],
    };
    expect(sourceFrom('manual', '3', { today: '2026-03-10', before })).toEqual({
      ...before,
      prices: [
        { from: '2026-01-01', price: '1' },
        { from: '2026-03-10', price: '3' },
      ],
    });
  });

  it('is asked for when it is missing', () => {
    expect(() => sourceFrom('fixed', '', { today: '2026-03-10', before: undefined })).toThrow(/missing/);
  });
});

describe('accounts of nobody', () => {
  const source = {
    id: 'x',
    network: 'acme',
    device: '',
    account: 'wallet',
    token: 'ACME',
    source: 's',
    state: 'ok',
    last_reading: 1,
    last_error: null,
  } as const;

  it('are those without a device and without shares, each once', () => {
    const list = [source, { ...source, token: 'B' }, { ...source, account: '' }, { ...source, account: 'own', device: 'd' }];
    const shared = { ...source, account: 'shared', shares: [{ device: 'd', parts: 1 }] };
    expect(accountsOf([...list, shared])).toEqual([{ network: 'acme', account: 'wallet', tokens: ['ACME', 'B'] }]);
  });

  it('get whole parts of devices that are there', () => {
    const idOf = (text: string) => (text === 'Car' ? 'car-1' : null);
    expect(
      sharesFrom(
        [
          { device: ' Car ', parts: '2' },
          { device: '', parts: '1' },
        ],
        idOf,
      ),
    ).toEqual([{ device: 'car-1', parts: 2 }]);
    expect(() => sharesFrom([{ device: 'Car', parts: '0.5' }], idOf)).toThrow(/whole numbers/);
    expect(() => sharesFrom([{ device: 'Bus', parts: '1' }], idOf)).toThrow(/no device/);
    expect(() => sharesFrom([], idOf)).toThrow(/at least one/);
  });
});
