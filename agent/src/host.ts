/** The real machine: small synchronous reads, file system sizes with a deadline, and programs that are kept running. */
import { closeSync, openSync, readdirSync, readlinkSync, readSync } from 'node:fs';
import { statfs as systemStatfs } from 'node:fs/promises';
import { release } from 'node:os';
import { type Clock, createSystemClock } from '@muster/shared/clock';
import { createFollower, findProgram } from './follow.js';
import { createAsk, createHttpGet, createResolve } from './host-net.js';
import type { FilesystemSizes, Host } from './probe.js';
import { createRun } from './run.js';

/** A /proc file beyond this is cut: /proc/stat of a 512-core host has about 100 KB. */
const READ_BYTES = 256 * 1024;
const STATFS_MS = 1_500;
/** A call that a dead server holds keeps one of libuv's four threads; two of them must stay free for DNS and the spool. */
const MOST_LATE = 2;
const PROGRAM_FOLDERS = [
  '/usr/bin',
  '/usr/local/bin',
  '/bin',
  '/usr/sbin',
  '/sbin',
  '/usr/lib/wsl/lib',
  '/usr/local/nvidia/bin',
  '/opt/bin',
  '/opt/rocm/bin',
  '/run/current-system/sw/bin',
];

/** Where programs of this machine lie, those of Windows among them: sources ask some by name. */
export const programFolders = (platform: string, kernel: string): readonly string[] => {
  if (platform === 'win32') return ['C:\\Windows\\System32'];
  return /microsoft/i.test(kernel) ? [...PROGRAM_FOLDERS, '/mnt/c/Windows/System32'] : PROGRAM_FOLDERS;
};

export interface LocalHost extends Host {
  /** Ends every program that is followed. */
  stop(): void;
}

export interface HostNeeds {
  clock?: Clock;
  statfs?: (mount: string) => Promise<StatfsReply>;
  program_folders?: readonly string[];
}

interface StatfsReply {
  bsize: number;
  blocks: number;
  bfree: number;
  bavail: number;
  files: number;
  ffree: number;
}

export const createHost = (needs: HostNeeds = {}): LocalHost => {
  const {
    clock = createSystemClock(),
    statfs = systemStatfs,
    program_folders = programFolders(process.platform, release()),
  } = needs;
  const followed = new Set<() => void>();
  return {
    read: createReader(),
    list: (path) => orElse([], () => readdirSync(path).sort()),
    link: (path) => orElse(null, () => readlinkSync(path)),
    filesystem: createFilesystems(clock, statfs),
    follow(program, args) {
      const path = findProgram(program, program_folders);
      if (path === null) return null;
      const source = createFollower({ path, args, clock });
      const end = () => {
        followed.delete(end);
        source.stop();
      };
      followed.add(end);
      return { ...source, stop: end };
    },
    run: createRun((program) => findProgram(program, program_folders)),
    http: createHttpGet(),
    ask: createAsk(clock),
    resolve: createResolve(clock),
    now: clock.now,
    monotonic: clock.monotonic,
    stop() {
      for (const end of [...followed]) end();
    },
  };
};

const orElse = <T>(otherwise: T, attempt: () => T): T => {
  try {
    return attempt();
  } catch {
    return otherwise;
  }
};

/** One buffer for all reads: they are synchronous, so none can see another's bytes. */
const createReader = (): Host['read'] => {
  const buffer = Buffer.allocUnsafeSlow(READ_BYTES);
  return (path) => orElse(null, () => readInto(buffer, path));
};

const readInto = (buffer: Buffer, path: string): string => {
  const file = openSync(path, 'r');
  try {
    let length = 0;
    let got = -1;
    // The kernel may answer in parts of a page, so only an empty part is the end.
    while (got !== 0 && length < buffer.length) {
      got = readSync(file, buffer, length, buffer.length - length, null);
      length += got;
    }
    return buffer.toString('utf8', 0, length);
  } finally {
    closeSync(file);
  }
};

/** At most one outstanding call per mount; null while it is outstanding past its deadline. */
const createFilesystems = (clock: Clock, statfs: (mount: string) => Promise<StatfsReply>): Host['filesystem'] => {
  const outstanding = new Set<string>();
  const late = new Set<string>();

  const ask = (mount: string): Promise<FilesystemSizes | null> =>
    new Promise((resolve) => {
      outstanding.add(mount);
      const cancel = clock.after(STATFS_MS, () => {
        late.add(mount);
        resolve(null);
      });
      const settle = (sizes: FilesystemSizes | null) => {
        cancel();
        outstanding.delete(mount);
        late.delete(mount);
        resolve(sizes);
      };
      statfs(mount).then(
        (reply) => settle(asSizes(reply)),
        () => settle(null),
      );
    });

  return async (mount) => (outstanding.has(mount) || late.size >= MOST_LATE ? null : ask(mount));
};

const asSizes = ({ bsize, blocks, bfree, bavail, files, ffree }: StatfsReply): FilesystemSizes => ({
  size: blocks * bsize,
  free: bfree * bsize,
  available: bavail * bsize,
  inodes: files,
  inodes_free: ffree,
});
