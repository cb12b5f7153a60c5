import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { AppError } from '@muster/shared/errors';

/** One agent to a folder: two would send each other's rows and delete them. Answers how to let go. */
export const lockFolder = (folder: string): (() => void) => {
  const path = join(folder, 'lock');
  const own = `${process.pid} ${markOf(process.pid)}`;
  const holder = holderOf(folder);
  if (holder !== null) {
    throw new AppError('conflict', `Another agent (process ${holder}) already uses ${folder}`, {
      hint: 'Stop it first, or give this one a folder of its own with --data',
    });
  }
  writeFileSync(`${path}.${process.pid}`, own, { mode: 0o600 });
  renameSync(`${path}.${process.pid}`, path);
  return () => {
    if (read(path) === own) rmSync(path, { force: true });
  };
};

/** The process that has this folder; null when there is none, also after a kill. */
export const holderOf = (folder: string): number | null => {
  const holder = read(join(folder, 'lock'));
  return holder !== null && isAlive(holder) ? Number(holder.split(' ')[0]) : null;
};

/** Process ids come back, after a reboot or in a container the very same: only with its start time is one the same process. */
const markOf = (pid: number): string => {
  const start = read(`/proc/${pid}/stat`)?.split(') ').at(-1)?.split(' ')[19];
  return start ? `${read('/proc/sys/kernel/random/boot_id')?.trim()} ${start}` : '';
};

const isAlive = (holder: string): boolean => {
  const pid = Number(holder.split(' ')[0]);
  if (!Number.isInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false;
  }
  return holder === `${pid} ${markOf(pid)}`;
};

const read = (path: string): string | null => {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
};
