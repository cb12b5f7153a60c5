import { decimalBytes as size } from '@muster/shared/text';
import type { Contents } from '../store/engines/sqlite/records.js';
import type { Forecast, StoreStats } from '../store/store.js';

/** What the store holds and how large it will be, in words. */
export const describeStore = (stats: StoreStats): string[] => {
  const { rows, samples, bytes, forecast } = stats;
  const each = samples > 0 ? `, ${(bytes / samples).toFixed(2)} bytes a sample` : '';
  return [
    `${whole(rows)} rows with ${whole(samples)} samples in ${size(bytes)}${each}`,
    forecast ? forecastLine(forecast) : 'How large it will be can be told once devices have reported for some hours',
  ];
};

export const describeContents = ({ devices, journal, chunks, rollups }: Contents): string =>
  `${whole(devices)} devices, ${whole(journal)} journal records, ${whole(chunks)} chunks, ${whole(rollups)} roll-ups`;

const forecastLine = ({ per_day, after }: Forecast): string => {
  const daily = `a day adds ${size(per_day.raw)} of rows, ${size(per_day.five)} of 5-minute and ${size(per_day.hour)} of 1-hour values`;
  const sizes = after.map(({ days, bytes }) => `${size(bytes)} after ${span(days)}`).join(', ');
  return `As the last day went on: ${sizes} (${daily})`;
};

const span = (days: number): string =>
  days < 365 ? `${days} days` : days === 365 ? 'a year' : `${Math.round(days / 365)} years`;

const whole = (count: number): string => count.toLocaleString('en-US');
