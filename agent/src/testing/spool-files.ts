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

interface Trouble {
  /** Bytes until the agent is killed; below zero it is. */
  life: number;
  room: number;
  read_only: boolean;
}

export const createTestFiles = (): TestFiles => {
  const contents = new Map<string, Buffer>();
  const synced = new Map<string, number>();
  const trouble: Trouble = { life: Number.POSITIVE_INFINITY, room: Number.POSITIVE_INFINITY, read_only: false };
  const counts = { written: 0, syncs: 0, reads: 0 };
  const { restart, ...files } = createOperations({ contents, synced, trouble, counts });
  return {
    ...files,
    contents,
    get dead() {
      return trouble.life < 0;
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
    killAfter(bytes) {
      trouble.life = bytes;
    },
    room(bytes) {
      trouble.room = bytes;
    },
    readOnly(on) {
      trouble.read_only = on;
    },
    powerCut(kept) {
      for (const [name, bytes] of contents) {
        const safe = synced.get(name) ?? 0;
        contents.set(name, bytes.subarray(0, safe + Math.floor((bytes.length - safe) * kept)));
      }
    },
    restart() {
      restart();
      trouble.life = Number.POSITIVE_INFINITY;
    },
  };
};

interface State {
  contents: Map<string, Buffer>;
  synced: Map<string, number>;
  trouble: Trouble;
  counts: { written: number; syncs: number; reads: number };
}

const createOperations = ({ contents, synced, trouble, counts }: State): SpoolFiles & { restart(): void } => {
  let open = new Map<number, string>();
  let next = 1;
  const alive = () => {
    if (trouble.life < 0) throw new Killed();
  };
  const writable = () => {
    alive();
    if (trouble.read_only) throw new AppError('storage', 'EROFS: read-only file system');
  };
  const nameOf = (file: number): string => {
    alive();
    const name = open.get(file);
    if (name === undefined) throw new AppError('storage', 'EBADF: bad file descriptor');
    return name;
  };
  const bytesOf = (file: number) => contents.get(nameOf(file)) ?? Buffer.alloc(0);
  const sync = (file: number) => {
    synced.set(nameOf(file), bytesOf(file).length);
    counts.syncs++;
  };
  return {
    list() {
      alive();
      return [...contents.keys()];
    },
    open(name) {
      writable();
      if (!contents.has(name)) contents.set(name, Buffer.alloc(0));
      open.set(next, name);
      return next++;
    },
    size: (file) => bytesOf(file).length,
    read(file, into, position) {
      counts.reads++;
      return bytesOf(file).copy(into, 0, position);
    },
    write(file, bytes, position) {
      writable();
      const part = bytes.subarray(0, Math.min(bytes.length, trouble.life, trouble.room));
      contents.set(nameOf(file), overwritten(bytesOf(file), part, position));
      counts.written += part.length;
      trouble.life -= part.length;
      trouble.room -= part.length;
      if (part.length === bytes.length) return;
      if (trouble.life > 0) throw new AppError('storage', 'ENOSPC: no space left on device');
      trouble.life = -1;
      throw new Killed();
    },
    truncate(file, size) {
      writable();
      contents.set(nameOf(file), bytesOf(file).subarray(0, size));
      synced.set(nameOf(file), Math.min(size, synced.get(nameOf(file)) ?? 0));
    },
    sync: async (file) => sync(file),
    syncNow: sync,
    syncFolder: async () => alive(),
    close: (file) => void open.delete(file),
    remove(name) {
      writable();
      contents.delete(name);
      synced.delete(name);
    },
    restart() {
      open = new Map();
    },
  };
};

const overwritten = (old: Buffer, bytes: Buffer, position: number): Buffer => {
  const whole = Buffer.alloc(Math.max(old.length, position + bytes.length));
  old.copy(whole);
  bytes.copy(whole, position);
  return whole;
};
