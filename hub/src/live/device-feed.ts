import { seriesKey } from '@muster/shared/metrics';
import type { LiveValue } from '@muster/shared/wire/live';
import type { EarningsBook, LatestUpdate } from '../parts.js';
import { type Audience, channelOf } from './audience.js';
import { frameOf } from './client.js';

/** Values and income of watched devices, gathered between two ticks; each frame is serialised once for all who listen. */
export const createDeviceFeed = (audience: Audience, earnings: Pick<EarningsBook, 'today'>) => {
  const earned = new Set<string>();
  const samples = new Map<string, Map<string, LiveValue>>();
  return {
    /** The newest value of each series is kept. */
    sample(update: LatestUpdate): void {
      const { device } = update;
      if (!audience.hears(channelOf(device))) return;
      const known = samples.get(device) ?? new Map<string, LiveValue>();
      for (const value of update.values) known.set(seriesKey(value.metric, value.labels), value);
      samples.set(device, known);
    },
    earn(device: string): void {
      if (audience.hears(channelOf(device))) earned.add(device);
    },
    remove(device: string): void {
      samples.delete(device);
      earned.delete(device);
    },
    tick(): void {
      for (const [device, values] of samples)
        audience.offer(channelOf(device), frameOf({ kind: 'samples', device, values: [...values.values()] }));
      samples.clear();
      for (const device of earned)
        audience.offer(channelOf(device), frameOf({ kind: 'earnings', device, earnings_today: earnings.today(device) }));
      earned.clear();
    },
  };
};
export type DeviceFeed = ReturnType<typeof createDeviceFeed>;
