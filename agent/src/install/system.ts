/** The one way that installing changes a machine: files below a root, and programs. */
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { AppError } from '@muster/shared/errors';

export interface System {
  exists(path: string): boolean;
  read(path: string): string | null;
  /** Whole or not at all; makes the folders above it. */
  write(path: string, content: string | Buffer, mode?: number): void;
  /** A file from anywhere on this machine. */
  copy(from: string, to: string, mode: number): void;
  /** Names in a folder; none where it is missing. */
  list(folder: string): string[];
  /** A file or a whole folder. */
  remove(path: string): void;
  /** Only when nothing is in it. */
  removeEmpty(folder: string): void;
  rename(from: string, to: string): void;
  /** Throws when it fails, unless `may_fail`. */
  run(program: string, args: readonly string[], options?: { may_fail?: boolean }): void;
  /** Folders that `write` made, outermost first. */
  made(): readonly string[];
}

/** Below a staging root no program is run: they are told, for whoever builds the image. */
export const createSystem = ({ root, print }: { root: string; print(line: string): void }): System => {
  const made: string[] = [];
  const at = (path: string) => join(root, path);
  const makeFolder = (folder: string) => {
    if (existsSync(at(folder))) return;
    makeFolder(dirname(folder));
    mkdirSync(at(folder), { mode: 0o755 });
    made.push(folder);
  };
  return {
    exists: (path) => existsSync(at(path)),
    read: (path) => (existsSync(at(path)) ? readFileSync(at(path), 'utf8') : null),
    list: (folder) => (existsSync(at(folder)) ? readdirSync(at(folder)) : []),
    write(path, content, mode = 0o644) {
      makeFolder(dirname(path));
      writeFileSync(at(`${path}.new`), content, { mode });
      // Whatever the umask says.
      chmodSync(at(`${path}.new`), mode);
      renameSync(at(`${path}.new`), at(path));
    },
    copy(from, to, mode) {
      makeFolder(dirname(to));
      // Aside first: a program that runs cannot be written over, and half a copy is worse than the old one.
      copyFileSync(from, at(`${to}.new`));
      chmodSync(at(`${to}.new`), mode);
      renameSync(at(`${to}.new`), at(to));
    },
    remove: (path) => rmSync(at(path), { recursive: true, force: true }),
    removeEmpty(folder) {
      const is_empty = existsSync(at(folder)) && lstatSync(at(folder)).isDirectory() && readdirSync(at(folder)).length === 0;
      if (is_empty) rmdirSync(at(folder));
    },
    rename: (from, to) => renameSync(at(from), at(to)),
    run: (program, args, options = {}) =>
      root === '/' ? run(program, args, options) : print(`not run: ${[program, ...args].join(' ')}`),
    made: () => made,
  };
};

const run = (program: string, args: readonly string[], { may_fail = false }: { may_fail?: boolean }): void => {
  try {
    execFileSync(program, args, {
      stdio: ['ignore', 'ignore', 'pipe'],
      timeout: 60_000,
      env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' },
    });
  } catch (cause) {
    if (may_fail) return;
    const { stderr, message } = cause as { stderr?: Buffer; message: string };
    const said = stderr?.toString().trim() || message;
    throw new AppError('conflict', `"${[program, ...args].join(' ')}" failed: ${said}`, {}, { cause });
  }
};

/** Changes nothing and tells everything. */
export const createDrySystem = (real: System, print: (line: string) => void): System => ({
  ...real,
  write(path, content, mode = 0o644) {
    // The agent's own files are told by the rename that puts them in place.
    if (typeof content === 'string') print(`write ${path} (mode ${mode.toString(8)}):\n${content.replace(/^(?=.)/gm, '  ')}`);
  },
  copy: (from, to) => print(`copy ${from} to ${to}`),
  remove: (path) => print(`remove ${path}`),
  removeEmpty: (folder) => print(`remove ${folder} if it is empty`),
  rename: (from, to) => print(`rename ${from} to ${to}`),
  run: (program, args) => print(`run ${[program, ...args].join(' ')}`),
});
