/** Which series of a metric a device has. */
import { isSeriesOf } from '../../rollup.js';
import type { Connection } from './connect.js';
import type { Dictionary } from './dictionary.js';

/** Null: all series are wanted. */
export type SeriesOfDevice = (device: number) => ReadonlySet<number> | null;

const NONE: ReadonlySet<number> = new Set();

/** All devices are looked up at once, anew when any has got or lost a list; those with the same lists share a set. */
export const createMatching = ({ db, dictionary }: { db: Connection; dictionary: Dictionary }) => {
  const joined = db.prepare<[], [device: number, list: number]>('SELECT device, list FROM device_lists').raw();
  const state = db.prepare<[], number>('SELECT total(device * 1048583 + list) + count(*) FROM device_lists').pluck();
  const kept = new Map<string, { state: number; devices: Map<number, ReadonlySet<number>> }>();
  const devicesOf = (metric: string): Map<number, ReadonlySet<number>> => {
    const lists = createLists(dictionary, metric);
    const devices = new Map<number, ReadonlySet<number>>();
    for (const [device, list] of joined.all()) {
      const [known, fresh] = [devices.get(device) ?? NONE, lists(list)];
      if (known === NONE) devices.set(device, fresh);
      else if ([...fresh].some((series) => !known.has(series))) devices.set(device, new Set([...known, ...fresh]));
    }
    return devices;
  };
  return (metric: string | undefined): SeriesOfDevice => {
    if (metric === undefined) return () => null;
    const present = state.get() ?? 0;
    const known = kept.get(metric);
    const devices = known?.state === present ? known.devices : devicesOf(metric);
    if (kept.size >= METRICS_KEPT) kept.clear();
    kept.set(metric, { state: present, devices });
    return (device) => devices.get(device) ?? NONE;
  };
};

const METRICS_KEPT = 20;

const createLists = (dictionary: Dictionary, metric: string): ((list: number) => ReadonlySet<number>) => {
  const lists = new Map<number, ReadonlySet<number>>();
  return (list) => {
    const known = lists.get(list);
    if (known) return known;
    const series = [...dictionary.seriesOf(list)].filter((id) => isSeriesOf(dictionary.seriesKey(id), metric));
    const found = series.length ? new Set(series) : NONE;
    lists.set(list, found);
    return found;
  };
};
