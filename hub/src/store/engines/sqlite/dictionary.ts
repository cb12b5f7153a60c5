/** Numbers for devices, series and column lists; the caches are bounded and forgotten when a commit fails. */
import { createHash } from 'node:crypto';
import { AppError } from '@muster/shared/errors';
import { damaged } from './codec/damage.js';
import type { Connection } from './connect.js';
import { MAX_DEVICES } from './ids.js';

export interface Dictionary {
  device(name: string): number | undefined;
  makeDevice(name: string): number;
  deviceName(id: number): string | undefined;
  series(key: string): number | undefined;
  seriesKey(id: number): string;
  /** The same array must always hold the same columns: it is looked at once. */
  makeList(columns: readonly string[]): number;
  /** Series ids of a list, in the order of its values. */
  seriesOf(list: number): Uint32Array;
  /** Notes that a device has rows of a list. */
  join(device: number, list: number): void;
  /** Lists of which a device has rows. */
  listsOf(device: number): number[];
  forget(): void;
}

/** Beyond it a cache starts anew: a device that sends ever new lists cannot fill the memory. */
const CACHED = 100_000;

const bounded = <K, V>() => {
  const map = new Map<K, V>();
  return {
    get: (key: K) => map.get(key),
    clear: () => map.clear(),
    keep(key: K, value: V): V {
      if (map.size >= CACHED) map.clear();
      map.set(key, value);
      return value;
    },
  };
};

interface Caches {
  devices: ReturnType<typeof bounded<string, number>>;
  series: ReturnType<typeof bounded<string, number>>;
  keys: ReturnType<typeof bounded<number, string>>;
  lists: ReturnType<typeof bounded<number, Uint32Array>>;
  /** By the identity of the array: hashing a list costs more than packing its row. */
  arrays: WeakMap<readonly string[], number>;
}

const emptyCaches = (): Caches => ({
  devices: bounded(),
  series: bounded(),
  keys: bounded(),
  lists: bounded(),
  arrays: new WeakMap(),
});

/** `alone`: no other connection changes devices, so that their numbers may be kept. */
export const createDictionary = (db: Connection, { alone }: { alone: boolean }): Dictionary => {
  const sql = statements(db);
  let caches = emptyCaches();
  const device = (name: string) => {
    const id = caches.devices.get(name) ?? sql.device.get(name);
    return id === undefined || !alone ? id : caches.devices.keep(name, id);
  };
  const series = (key: string) => {
    const id = caches.series.get(key) ?? sql.series.get(key);
    return id === undefined ? undefined : caches.series.keep(key, id);
  };
  const makeSeries = (key: string) => series(key) ?? caches.series.keep(key, Number(sql.addSeries.run(key).lastInsertRowid));
  const makeList = (columns: readonly string[]) => {
    const ids = Uint32Array.from(columns, makeSeries);
    const digest = createHash('sha256').update(ids).digest('base64url');
    return sql.list.get(digest) ?? Number(sql.addList.run(digest, bytesOf(ids)).lastInsertRowid);
  };
  return {
    device,
    makeDevice: (name) => device(name) ?? caches.devices.keep(name, checked(Number(sql.addDevice.run(name).lastInsertRowid))),
    deviceName: (id) => sql.deviceName.get(id),
    series,
    seriesKey: (id) => caches.keys.get(id) ?? caches.keys.keep(id, sql.seriesKey.get(id) ?? ''),
    makeList(columns) {
      const known = caches.arrays.get(columns);
      if (known !== undefined) return known;
      const list = makeList(columns);
      caches.arrays.set(columns, list);
      return list;
    },
    seriesOf: (list) => caches.lists.get(list) ?? caches.lists.keep(list, idsOf(sql.seriesOf.get(list))),
    join: (of, list) => void sql.join.run(of, list),
    listsOf: (of) => sql.listsOf.all(of),
    forget() {
      caches = emptyCaches();
    },
  };
};

const checked = (id: number): number => {
  if (id < MAX_DEVICES) return id;
  throw new AppError('bad_request', `The store has no number left for a new device: it has known ${MAX_DEVICES - 1}`);
};

const bytesOf = (ids: Uint32Array): Buffer => Buffer.from(ids.buffer, ids.byteOffset, ids.byteLength);
const idsOf = (blob: Buffer | undefined): Uint32Array => {
  if (!blob) throw damaged('a column list');
  // A copy: the bytes need not lie on a multiple of four.
  return new Uint32Array(Uint8Array.from(blob).buffer);
};

const statements = (db: Connection) => ({
  device: db.prepare<[string], number>('SELECT id FROM devices WHERE device = ?').pluck(),
  deviceName: db.prepare<[number], string>('SELECT device FROM devices WHERE id = ?').pluck(),
  addDevice: db.prepare<[string]>('INSERT INTO devices (device) VALUES (?)'),
  series: db.prepare<[string], number>('SELECT id FROM series WHERE key = ?').pluck(),
  seriesKey: db.prepare<[number], string>('SELECT key FROM series WHERE id = ?').pluck(),
  addSeries: db.prepare<[string]>('INSERT INTO series (key) VALUES (?)'),
  list: db.prepare<[string], number>('SELECT id FROM lists WHERE digest = ?').pluck(),
  addList: db.prepare<[string, Buffer]>('INSERT INTO lists (digest, series) VALUES (?, ?)'),
  seriesOf: db.prepare<[number], Buffer>('SELECT series FROM lists WHERE id = ?').pluck(),
  join: db.prepare<[number, number]>('INSERT INTO device_lists VALUES (?, ?) ON CONFLICT DO NOTHING'),
  listsOf: db.prepare<[number], number>('SELECT list FROM device_lists WHERE device = ?').pluck(),
});
