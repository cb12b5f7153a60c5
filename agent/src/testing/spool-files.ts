import { AppError } from '@muster/shared/errors';
import type { SpoolFiles } from '../spool/files.js';

/** A folder in memory that can be pulled away at any byte, lose what was not synced, be full or read-only. */
export interface TestFiles extends SpoolFiles {
  readonly contents: Map<string, Buffer>;
  /** Bytes that may still be written before the agent is killed in the middle of a write. */
  killAfter(bytes: number): void;
  /** Bytes that fit before the disk is full. */
  room(bytes: number): void;
  readOnly(on: boolean): void;
  /** Power fails: of each file only what was synced stays, and `kept` (0 to 1) of the rest. */
  powerCut(kept: number): void;
  /** The next agent starts: files are closed, nothing is about to be killed. */
  restart(): void;
  /** Killed in the middle of a write. */
  readonly dead: boolean;
  readonly written: number;
  readonly syncs: number;
  readonly reads: number;
}

export class Killed extends Error {}

export const createTestFiles = (): TestFiles => {
  const contents = new Map<string, Buffer>();
  const synced = new Map<string, number>();
  let open = new Map<number, string>();
  let next = 1;
  let life = Number.POSITIVE_INFINITY;
  let room = Number.POSITIVE_INFINITY;
  let read_only = false;
  const counts = { written: 0, syncs: 0, reads: 0 };

  const alive = () => {
    if (life < 0) throw new Killed();
  };
  const nameOf = (file: number): string => {
    alive();
    const name = open.get(file);
    if (name === undefined) throw new AppError('storage', 'EBADF');
    return name;
  };
  const put = (name: string, bytes: Buffer, position: number) => {
    const old = contents.get(name) ?? Buffer.alloc(0);
    const whole = Buffer.alloc(Math.max(old.length, position + bytes.length));
    old.copy(whole);
    bytes.copy(whole, position);
    contents.set(name, whole);
    counts.written += bytes.length;
  };
  const sync = (file: number) => {
    const name = nameOf(file);
    synced.set(name, contents.get(name)?.length ?? 0);
    counts.syncs++;
  };

  return {
    contents,
    get dead() {
      return life < 0;
    },
    get written() {
      return counts.written;
    },
    get syncs() {
      return counts.syncs;
    },
    get reads() {
      return counts.reads;
    },
    list() {
      alive();
      return [...contents.keys()];
    },
    open(name) {
      alive();
      if (read_only) throw new AppError('storage', 'EROFS: read-only file system');
      if (!contents.has(name)) contents.set(name, Buffer.alloc(0));
      open.set(next, name);
      return next++;
    },
    size: (file) => contents.get(nameOf(file))?.length ?? 0,
    read(file, into, position) {
      counts.reads++;
      return (contents.get(nameOf(file)) ?? Buffer.alloc(0)).copy(into, 0, position);
    },
    write(file, bytes, position) {
      const name = nameOf(file);
      if (read_only) throw new AppError('storage', 'EROFS: read-only file system');
      const fits = Math.min(bytes.length, life, room);
      put(name, bytes.subarray(0, fits), position);
      life -= fits;
      room -= fits;
      if (fits === bytes.length) return;
      if (life > 0) throw new AppError('storage', 'ENOSPC: no space left on device');
      life = -1;
      throw new Killed();
    },
    truncate(file, size) {
      const name = nameOf(file);
      if (read_only) throw new AppError('storage', 'EROFS: read-only file system');
      contents.set(name, (contents.get(name) ?? Buffer.alloc(0)).subarray(0, size));
      synced.set(name, Math.min(size, synced.get(name) ?? 0));
    },
    sync: async (file) => sync(file),
    syncNow: sync,
    syncFolder: async () => alive(),
    close: (file) => void open.delete(file),
    remove(name) {
      alive();
      if (read_only) throw new AppError('storage', 'EROFS: read-only file system');
      contents.delete(name);
      synced.delete(name);
    },
    killAfter(bytes) {
      life = bytes;
    },
    room(bytes) {
      room = bytes;
    },
    readOnly(on) {
      read_only = on;
    },
    powerCut(kept) {
      for (const [name, bytes] of contents) {
        const safe = synced.get(name) ?? 0;
        contents.set(name, bytes.subarray(0, safe + Math.floor((bytes.length - safe) * kept)));
      }
    },
    restart() {
      open = new Map();
      life = Number.POSITIVE_INFINITY;
    },
  };
};
