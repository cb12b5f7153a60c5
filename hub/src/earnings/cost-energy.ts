/** Energy of whole devices by UTC day, from the stored series of `hw.host.power` and `hw.host.energy`; closed days are kept as documents. */
import type { Log } from '@muster/shared/log';
import { seriesKey } from '@muster/shared/metrics';
import { divideEven, formatFiat, parseFiat } from '@muster/shared/money';
import type { Device, Latest } from '../parts.js';
import type { Change, Json, Reader, Recovered, Writer } from '../store/store.js';
import { DAY_MS, dayOf, KEPT_DAYS } from './daily.js';
import { DaySums } from './daily-sums.js';
import type { PowerSource } from './fiat-port.js';
import { dayText } from './prices-table.js';

/** What is measured nearest to the meter counts; of one source its energy counter before its power. */
const SOURCES = ['plug', 'ups', 'chip'] as const;
const METRICS = [
  { metric: 'hw.host.energy', kind: 'counter' },
  { metric: 'hw.host.power', kind: 'gauge' },
] as const;
const HOUR_MS = 3_600_000;
const HOURS = 24;
/** mWh × (1e-8 per kWh) × ms in one hour → 1e-8. */
const MWH_HOURS = 1_000_000n * BigInt(HOUR_MS);
/** A day is read once what was left of it may have come; a hub that was away reads the last week. */
const SETTLE_MS = 30 * 60_000;
const BACK_DAYS = 7;

export interface MeasuredDays {
  /** mWh, and 1 for each day that was measured. */
  energy: DaySums;
  days: DaySums;
  /** 1e-8 of the currency at the tariff of that time, and 1 for each day where it was known. */
  cost: DaySums;
  costed: DaySums;
  source: PowerSource;
}
interface StoredDay {
  mwh: number;
  cost: string | null;
  currency: string;
  source: PowerSource;
}
type Month = Record<string, StoredDay>;

export interface EnergyNeeds {
  latest: Pick<Latest, 'of'>;
  devices: () => Iterable<Device>;
  writer: Pick<Writer, 'queue'>;
  now: () => number;
  log: Log;
  currency: () => string;
  /** Price × time of a device's site. */
  tariff: (device: Device, from: number, to: number) => bigint | null;
}

export const createEnergy = (needs: EnergyNeeds, documents: Recovered['documents']) => {
  const shelf = createMonths(needs.currency, documents);
  let done = Number.NaN;
  let busy = false;
  let stopped = false;

  const read = async (reader: Pick<Reader, 'series'>, device: Device, day: number) => {
    if (shelf.of(device.id)?.days.between(day, day + 1)) return;
    const found = seriesOf(needs.latest, device.id);
    if (!found) return;
    const from = day * DAY_MS;
    const { points } = await reader.series({ ...found.query, device: device.id, from, to: from + DAY_MS, points: HOURS });
    const hours = hoursOf(points, from);
    if (!hours) return;
    const cost = costOf(hours, (hour) => needs.tariff(device, from + hour * HOUR_MS, from + (hour + 1) * HOUR_MS));
    const mwh = hours.reduce((sum, hour) => sum + hour, 0);
    const stored = { mwh, cost: cost === null ? null : formatFiat(cost), currency: needs.currency(), source: found.source };
    needs.writer.queue([shelf.keep(device.id, day, stored)], { bytes: 0 });
  };
  return {
    of: shelf.of,
    rebuild: shelf.rebuild,
    /** Rises with every change of what was measured. */
    version: shelf.version,
    forget: shelf.forget,
    /** One device after the other, so that charts do not wait. */
    async tick(reader: Pick<Reader, 'series'>): Promise<void> {
      const last = dayOf(needs.now() - SETTLE_MS) - 1;
      if (busy || stopped || last === done) return;
      busy = true;
      try {
        for (const device of needs.devices()) {
          for (let day = Math.max(dayOf(device.created_at), last - BACK_DAYS + 1); day <= last && !stopped; day++)
            await read(reader, device, day);
        }
        const oldest = dayText(last - KEPT_DAYS).slice(0, 7);
        needs.writer.queue(
          shelf.drop((key) => (key.split('/')[1] ?? '') < oldest),
          { bytes: 0 },
        );
        done = last;
      } catch (error) {
        if (!stopped) needs.log.warn('The energy of the last days could not be read; it is tried again', { error });
      } finally {
        busy = false;
      }
    },
    stop() {
      stopped = true;
    },
  };
};
export type Energy = ReturnType<typeof createEnergy>;

/** A document per device and month, and what it holds as sums. */
const createMonths = (currency: () => string, documents: Recovered['documents']) => {
  const months = new Map<string, Month>();
  let measured = new Map<string, MeasuredDays>();
  let version = 0;

  const put = (device: string, day: number, stored: StoredDay) => {
    const one = measured.get(device) ?? newMeasured(stored.source);
    measured.set(device, one);
    if (one.days.between(day, day + 1) > 0n) return;
    version++;
    one.source = stored.source;
    one.energy.add(day, BigInt(stored.mwh));
    one.days.add(day, 1n);
    if (stored.cost === null || stored.currency !== currency()) return;
    one.cost.add(day, parseFiat(stored.cost));
    one.costed.add(day, 1n);
  };
  const rebuild = () => {
    version++;
    measured = new Map();
    for (const [key, month] of [...months].sort(([a], [b]) => (a < b ? -1 : 1))) {
      const [device = '', name = ''] = key.split('/');
      for (const date of Object.keys(month).sort()) {
        const stored = month[date];
        if (stored) put(device, Date.parse(`${name}-${date}`) / DAY_MS, stored);
      }
    }
  };
  for (const { collection, key, value } of documents) if (collection === COLLECTION) months.set(key, value as unknown as Month);
  rebuild();

  const keep = (device: string, day: number, stored: StoredDay): Change => {
    const [month, date] = [dayText(day).slice(0, 7), dayText(day).slice(8)];
    const value = { ...months.get(`${device}/${month}`), [date]: stored };
    months.set(`${device}/${month}`, value);
    put(device, day, stored);
    return { kind: 'document', collection: COLLECTION, key: `${device}/${month}`, value: value as unknown as Json };
  };
  const drop = (gone: (key: string) => boolean): Change[] => {
    const keys = [...months.keys()].filter(gone);
    for (const key of keys) months.delete(key);
    return keys.map((key) => ({ kind: 'document', collection: COLLECTION, key, value: null }));
  };
  return {
    of: (device: string) => measured.get(device),
    version: () => version,
    keep,
    drop,
    /** Another currency: what was stored in the old one no longer says what it costs. */
    rebuild,
    forget(device: string): Change[] {
      version++;
      measured.delete(device);
      return drop((key) => key.startsWith(`${device}/`));
    },
  };
};

const COLLECTION = 'power_days';

const newMeasured = (source: PowerSource): MeasuredDays => ({
  ...{ energy: new DaySums(), days: new DaySums(), cost: new DaySums(), costed: new DaySums(), source },
});

const seriesOf = (latest: Pick<Latest, 'of'>, device: string) => {
  const values = latest.of(device);
  for (const source of SOURCES) {
    for (const { metric, kind } of METRICS) {
      const found = values.find((one) => one.metric === metric && one.labels['source'] === source);
      if (found) return { source, query: { series: seriesKey(metric, found.labels), kind } };
    }
  }
  return null;
};

/** mWh of each hour: the mean power of its buckets; an hour without a measurement is taken to be like the others of its day. */
export const hoursOf = (points: readonly (readonly [number, number, number, number])[], from: number): number[] | null => {
  const hours = Array.from({ length: HOURS }, () => ({ sum: 0, count: 0 }));
  for (const [ts, , mean] of points) {
    const hour = hours[Math.floor((ts - from) / HOUR_MS)];
    if (!hour || !Number.isFinite(mean) || mean < 0) continue;
    hour.sum += mean;
    hour.count++;
  }
  const known = hours.flatMap(({ sum, count }) => (count > 0 ? [sum / count] : []));
  if (known.length === 0) return null;
  const usual = known.reduce((sum, watts) => sum + watts, 0) / known.length;
  return hours.map(({ sum, count }) => Math.round((count > 0 ? sum / count : usual) * 1_000));
};

/** In 1e-8: each hour's energy at the price of that hour. */
export const costOf = (hours: readonly number[], tariff: (hour: number) => bigint | null): bigint | null => {
  let sum = 0n;
  for (const [hour, mwh] of hours.entries()) {
    const price = tariff(hour);
    if (price === null) return null;
    sum += BigInt(mwh) * price;
  }
  return divideEven(sum, MWH_HOURS);
};
