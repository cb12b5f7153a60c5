/** Which series of a metric a device has. */
import { isSeriesOf } from '../../rollup.js';
import type { Connection } from './connect.js';
import type { Dictionary } from './dictionary.js';

/** Null: all series are wanted. */
export type SeriesOfDevice = (device: number) => ReadonlySet<number> | null;

const NONE: ReadonlySet<number> = new Set();

/** For one question: all devices are looked up at once, and those with the same lists share a set. */
export const createMatching = ({ db, dictionary }: { db: Connection; dictionary: Dictionary }) => {
  const joined = db.prepare<[], [device: number, list: number]>('SELECT device, list FROM device_lists').raw();
  return (metric: string | undefined): SeriesOfDevice => {
    if (metric === undefined) return () => null;
    const lists = new Map<number, ReadonlySet<number>>();
    const ofList = (list: number): ReadonlySet<number> => {
      const known = lists.get(list);
      if (known) return known;
      const series = [...dictionary.seriesOf(list)].filter((id) => isSeriesOf(dictionary.seriesKey(id), metric));
      lists.set(list, series.length ? new Set(series) : NONE);
      return lists.get(list) ?? NONE;
    };
    const devices = new Map<number, ReadonlySet<number>>();
    for (const [device, list] of joined.all()) {
      const [known, fresh] = [devices.get(device) ?? NONE, ofList(list)];
      if (known === NONE) devices.set(device, fresh);
      else if ([...fresh].some((series) => !known.has(series))) devices.set(device, new Set([...known, ...fresh]));
    }
    return (device) => devices.get(device) ?? NONE;
  };
};
