/** Numbers for devices and column lists; the caches are bounded and forgotten when a commit fails. */
import { createHash } from 'node:crypto';
import type { Connection } from './connect.js';

export interface Dictionary {
  device(name: string): number | undefined;
  makeDevice(name: string): number;
  makeList(columns: readonly string[]): number;
  /** Notes that a device has rows of a list. */
  join(device: number, list: number): void;
  columns(list: number): readonly string[];
  /** Lists of which a device has rows. */
  listsOf(device: number): number[];
  forget(): void;
}

/** Beyond it the cache starts anew: a device that sends ever new lists cannot fill the memory. */
const CACHED = 20_000;

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

export const createDictionary = (db: Connection): Dictionary => {
  const devices = bounded<string, number>();
  const lists = bounded<string, number>();
  const columns = bounded<number, readonly string[]>();
  const joined = bounded<string, true>();
  const sql = statements(db);
  const device = (name: string) => {
    const id = devices.get(name) ?? sql.device.get(name);
    return id === undefined ? undefined : devices.keep(name, id);
  };
  return {
    device,
    makeDevice: (name) => device(name) ?? devices.keep(name, Number(sql.addDevice.run(name).lastInsertRowid)),
    makeList(list) {
      const text = JSON.stringify(list);
      const digest = createHash('sha256').update(text).digest('base64url');
      return (
        lists.get(digest) ?? lists.keep(digest, sql.list.get(digest) ?? Number(sql.addList.run(digest, text).lastInsertRowid))
      );
    },
    join(of, list) {
      const key = `${of} ${list}`;
      if (joined.get(key)) return;
      sql.join.run(of, list);
      joined.keep(key, true);
    },
    columns: (list) => columns.get(list) ?? columns.keep(list, JSON.parse(sql.columns.get(list) ?? '[]')),
    listsOf: (of) => sql.listsOf.all(of),
    forget() {
      for (const cache of [devices, lists, columns, joined]) cache.clear();
    },
  };
};

const statements = (db: Connection) => ({
  device: db.prepare<[string], number>('SELECT id FROM devices WHERE device = ?').pluck(),
  addDevice: db.prepare<[string]>('INSERT INTO devices (device) VALUES (?)'),
  list: db.prepare<[string], number>('SELECT id FROM lists WHERE digest = ?').pluck(),
  addList: db.prepare<[string, string]>('INSERT INTO lists (digest, columns) VALUES (?, ?)'),
  columns: db.prepare<[number], string>('SELECT columns FROM lists WHERE id = ?').pluck(),
  join: db.prepare<[number, number]>('INSERT INTO device_lists VALUES (?, ?) ON CONFLICT DO NOTHING'),
  listsOf: db.prepare<[number], number>('SELECT list FROM device_lists WHERE device = ?').pluck(),
});
