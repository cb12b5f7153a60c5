/** Which (device, window)s have staged chunks that `archive` does not hold yet. */
import type { Connection } from './connect.js';
import { archiveId, deviceOfArchive, windowOfArchive } from './ids.js';

export interface PendingWindow {
  device: number;
  window: number;
  /** Seals up to here are in `archive`. */
  since: number;
  /** When something was staged last, by the hub's clock. */
  touched: number;
}

export interface Pending {
  get(device: number, window: number): PendingWindow | undefined;
  all(): Iterable<PendingWindow>;
  /** Inside a transaction. */
  add(device: number, window: number, seal: number): void;
  remove(device: number, window: number): void;
  /** The same in memory, once that is committed. */
  added(device: number, window: number, of: { seal: number; now: number }): void;
  removed(device: number, window: number): void;
  /** Not before this time again. */
  postpone(device: number, window: number, until: number): void;
  readonly size: number;
}

export const createPending = (db: Connection, now: number): Pending => {
  const insert = db.prepare<[number, number]>('INSERT INTO pending VALUES (?, ?) ON CONFLICT DO NOTHING');
  const remove = db.prepare<[number]>('DELETE FROM pending WHERE id = ?');
  const windows = new Map<number, PendingWindow>();
  for (const { id, since } of db.prepare<[], { id: number; since: number }>('SELECT id, since FROM pending').iterate())
    windows.set(id, { device: deviceOfArchive(id), window: windowOfArchive(id), since, touched: now });
  return {
    get: (device, window) => windows.get(archiveId(device, window)),
    all: () => windows.values(),
    add: (device, window, seal) => void insert.run(archiveId(device, window), seal - 1),
    remove: (device, window) => void remove.run(archiveId(device, window)),
    added(device, window, of) {
      const id = archiveId(device, window);
      const known = windows.get(id);
      if (known) known.touched = of.now;
      else windows.set(id, { device, window, since: of.seal - 1, touched: of.now });
    },
    removed: (device, window) => void windows.delete(archiveId(device, window)),
    postpone(device, window, until) {
      const known = windows.get(archiveId(device, window));
      if (known) known.touched = until;
    },
    get size() {
      return windows.size;
    },
  };
};
