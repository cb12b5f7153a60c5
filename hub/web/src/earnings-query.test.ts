import type { EarningsRow } from '@muster/hub/parts';
import { describe, expect, it } from 'vitest';
import { addressOf, askedFrom, DAY_MS, filtersOf, spanOf, stackOf, topsOf } from './earnings-query.js';

const NOW = Date.parse('2026-03-10T15:00:00Z');
const row = (key: string, fiat: string | null, more: Partial<EarningsRow> = {}): EarningsRow => ({
  ...{ key, fiat, cost: null, net: null },
  streams: [{ network: 'helium', token: 'HNT', decimals: 8, amount: '1', estimated: false }],
  ...more,
});

describe('what the earnings page is asked for', () => {
  it('survives its address, and what is usual takes no room in it', () => {
    const asked = askedFrom(new URLSearchParams('period=2026-01-01..2026-01-31&network=dimo&sort=net&order=asc&after=50'));
    expect(askedFrom(new URLSearchParams(addressOf(asked)))).toEqual(asked);
    expect(Object.values(addressOf(askedFrom(new URLSearchParams()))).join('')).toBe('');
    expect(filtersOf(asked)).toEqual({ network: 'dimo' });
  });

  it('falls back to 30 days by worth where the address makes no sense', () => {
    const asked = askedFrom(new URLSearchParams('period=ever&sort=luck&after=-3'));
    expect(asked).toMatchObject({ period: '30d', sort: 'fiat', order: 'desc', after: 0 });
  });

  it('ends with today in UTC, and takes both days of a span', () => {
    expect(spanOf('7d', NOW)).toEqual({ from: Date.parse('2026-03-04'), to: Date.parse('2026-03-11') });
    expect(spanOf('2026-01-01..2026-01-01', NOW)).toEqual({ from: Date.parse('2026-01-01'), to: Date.parse('2026-01-02') });
  });
});

describe('days stacked by network', () => {
  const span = { from: Date.parse('2026-03-01'), to: Date.parse('2026-03-01') + 3 * DAY_MS };

  it('stand one upon the other, the highest first', () => {
    const stack = stackOf(
      [
        { network: 'dimo', rows: [row('2026-03-02', '1.50000000')] },
        { network: 'helium', rows: [row('2026-03-01', '2.00000000'), row('2026-03-02', '0.25000000')] },
      ],
      span,
    );
    expect(stack.times).toHaveLength(3);
    expect(topsOf(stack)).toEqual([
      [2, 1.75, 0],
      [0, 1.5, 0],
    ]);
    expect(stack.unknown).toEqual([]);
  });

  it('say which network has days without a price instead of drawing nothing for them', () => {
    const rows = [row('2026-03-01', null), row('2026-03-02', null, { incomplete: { fiat: '0.50000000' } })];
    const stack = stackOf([{ network: 'helium', rows }], span);
    expect(stack.unknown).toEqual(['helium']);
    expect(stack.layers[0]).toMatchObject({ values: [0, 0.5, 0], texts: [null, null, '0'] });
  });

  it('take a day with costs alone as a day without income', () => {
    const stack = stackOf([{ network: 'helium', rows: [row('2026-03-01', '0.00000000', { streams: [], cost: '1' })] }], span);
    expect(stack.layers[0]?.texts).toEqual(['0', '0', '0']);
  });
});
