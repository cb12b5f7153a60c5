import * as fs from 'node:fs';
import { join } from 'node:path';

/** The spool's way to its folder; a test can take power or room away. */
export interface SpoolFiles {
  /** Names in the folder, which is made where it is missing. */
  list(): string[];
  /** For reading and writing; made where it is missing. */
  open(name: string): number;
  size(file: number): number;
  /** Bytes read. */
  read(file: number, into: Buffer, position: number): number;
  /** All of it, or it throws. */
  write(file: number, bytes: Buffer, position: number): void;
  truncate(file: number, size: number): void;
  /** Resolves when the content would survive a power cut. */
  sync(file: number): Promise<void>;
  syncNow(file: number): void;
  /** The same for the names in the folder. */
  syncFolder(): Promise<void>;
  close(file: number): void;
  remove(name: string): void;
}

export const createSpoolFiles = (folder: string): SpoolFiles => ({
  list() {
    fs.mkdirSync(folder, { recursive: true, mode: 0o700 });
    return fs.readdirSync(folder);
  },
  open: (name) => fs.openSync(join(folder, name), fs.constants.O_RDWR | fs.constants.O_CREAT, 0o600),
  size: (file) => fs.fstatSync(file).size,
  read: (file, into, position) => fs.readSync(file, into, 0, into.length, position),
  write(file, bytes, position) {
    for (let done = 0; done < bytes.length; ) done += fs.writeSync(file, bytes, done, bytes.length - done, position + done);
  },
  truncate: (file, size) => fs.ftruncateSync(file, size),
  sync: (file) => promised((done) => fs.fdatasync(file, done)),
  syncNow: (file) => fs.fdatasyncSync(file),
  async syncFolder() {
    const own = fs.openSync(folder, 'r');
    await promised((done) => fs.fsync(own, done)).finally(() => fs.closeSync(own));
  },
  close: (file) => fs.closeSync(file),
  remove: (name) => fs.rmSync(join(folder, name), { force: true }),
});

const promised = (act: (done: (error: Error | null) => void) => void): Promise<void> =>
  new Promise((resolve, reject) => act((error) => (error ? reject(error) : resolve())));
