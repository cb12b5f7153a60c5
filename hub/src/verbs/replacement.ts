/** A new database takes the place of the old one: whatever moment a crash chooses, one of them is there or is put there next. */
import { closeSync, existsSync, fsyncSync, openSync, renameSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { AppError } from '@muster/shared/errors';

/** With its write-ahead log: after a crash that holds the newest commits. */
const SUFFIXES = ['', '-wal', '-shm'];

/** `FILE.new` is whole and on disk. Yields after each step; from the name `FILE.restoring` on it is decided. */
export function* replaceBySteps(file: string): Generator<void> {
  for (const suffix of SUFFIXES) rmSync(`${file}.before-restore${suffix}`, { force: true });
  yield;
  renameSync(`${file}.new`, `${file}.restoring`);
  syncFolder(file);
  yield;
  yield* finish(file);
}

function* finish(file: string): Generator<void> {
  for (const suffix of SUFFIXES) {
    const [old, aside] = [`${file}${suffix}`, `${file}.before-restore${suffix}`];
    if (!existsSync(old)) continue;
    // A log that is left here would be read into the new database.
    if (existsSync(aside)) rmSync(old);
    else renameSync(old, aside);
    yield;
  }
  syncFolder(file);
  renameSync(`${file}.restoring`, file);
  syncFolder(file);
}

/** Before a database is opened or replaced: ends what a crash has cut short. */
export const finishReplacement = (file: string): void => {
  if (existsSync(`${file}.restoring`)) for (const _step of finish(file));
};

/** A database that was set aside and never replaced is not passed over for an empty one. */
export const requireNotAside = (file: string): void => {
  const aside = `${file}.before-restore`;
  if (existsSync(file) || !existsSync(aside)) return;
  throw new AppError(
    'conflict',
    `There is no database at ${file}, but ${aside} is there: a restore was cut short. ` +
      `Take it back with muster-hub restore ${aside}, or move it away to start with an empty database`,
    { file: aside },
  );
};

/** A name is on disk once its folder is; not every system can do that. */
const syncFolder = (file: string): void => {
  if (process.platform === 'win32') return;
  const folder = openSync(dirname(file), 'r');
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
};
