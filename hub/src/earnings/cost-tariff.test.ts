import { divideEven } from '@muster/shared/money';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createTariffs, type Tariff } from './cost-tariff.js';

const HOUR = 3_600_000;
/** A Monday. */
const MONDAY = Date.UTC(2026, 0, 5);
const night = { days: [1, 2, 3, 4, 5, 6, 7], from: '22:00', to: '06:00', tariff: '0.10' };
const plain: Tariff = { tariff: '0.30', time_zone: 'UTC' };
const perHour = (price: bigint | null) => price && divideEven(price, BigInt(HOUR));

describe('a tariff over time', () => {
  it('is the same price all day without times of use', () => {
    expect(perHour(createTariffs()(plain, MONDAY, MONDAY + 24 * HOUR))).toBe(24n * 30_000_000n);
  });

  it('is cheaper in its periods, also over midnight and in another time zone', () => {
    const tariffs = createTariffs();
    const utc = { ...plain, tariff_periods: [night] };
    expect(perHour(tariffs(utc, MONDAY, MONDAY + 24 * HOUR))).toBe(16n * 30_000_000n + 8n * 10_000_000n);
    // In Kolkata (UTC+5:30) the night is 16:30 to 00:30 UTC.
    const india = { ...utc, time_zone: 'Asia/Kolkata' };
    expect(perHour(tariffs(india, MONDAY + 16 * HOUR, MONDAY + 17 * HOUR))).toBe(20_000_000n);
    expect(perHour(tariffs(india, MONDAY, MONDAY + HOUR))).toBe(20_000_000n);
  });

  it('belongs to the day on which its period begins', () => {
    const tariffs = createTariffs();
    const sunday = { ...plain, tariff_periods: [{ ...night, days: [7] }] };
    expect(perHour(tariffs(sunday, MONDAY, MONDAY + HOUR))).toBe(10_000_000n);
    expect(perHour(tariffs(sunday, MONDAY + 22 * HOUR, MONDAY + 23 * HOUR))).toBe(30_000_000n);
  });

  it('follows summer time: the night is an hour shorter when the clock goes forward', () => {
    const berlin = { ...plain, time_zone: 'Europe/Berlin', tariff_periods: [{ ...night, from: '00:00', to: '06:00' }] };
    const local_day = Date.UTC(2026, 2, 28, 23);
    expect(perHour(createTariffs()(berlin, local_day, local_day + 23 * HOUR))).toBe(5n * 10_000_000n + 18n * 30_000_000n);
  });

  it('is unknown where no price is set for a part of it', () => {
    const only_night = { ...plain, tariff: null, tariff_periods: [night] };
    const tariffs = createTariffs();
    expect(tariffs(only_night, MONDAY, MONDAY + 24 * HOUR)).toBeNull();
    expect(perHour(tariffs(only_night, MONDAY, MONDAY + HOUR))).toBe(10_000_000n);
    expect(tariffs({ ...plain, tariff: null }, MONDAY, MONDAY + 1)).toBeNull();
  });

  it('adds up whichever way a span is cut', () => {
    const tariff = { ...plain, time_zone: 'Australia/Lord_Howe', tariff_periods: [night] };
    const tariffs = createTariffs();
    const times = fc.array(fc.integer({ min: 0, max: 400 * 24 * HOUR }), { minLength: 3, maxLength: 3 });
    fc.assert(
      fc.property(times, (offsets) => {
        const [a = 0, b = 0, c = 0] = offsets.map((offset) => MONDAY + offset).sort((x, y) => x - y);
        expect((tariffs(tariff, a, b) ?? 0n) + (tariffs(tariff, b, c) ?? 0n)).toBe(tariffs(tariff, a, c));
      }),
      { numRuns: 30 },
    );
  });
});
