import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Who runs on a data folder: its process and when that began, since numbers of processes come again. */
const noteIn = (folder: string) => join(folder, 'running');

/** Best effort: an agent whose folder is read-only still reports. */
export const noteRunning = (folder: string, pid = process.pid): (() => void) => {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    writeFileSync(noteIn(folder), `${pid} ${startOf(pid)}\n`, { mode: 0o600 });
  } catch {
    return () => {};
  }
  return () => rmSync(noteIn(folder), { force: true });
};

/** The process that runs on this folder; null when there is none, also after a kill. */
export const runningOn = (folder: string): number | null => {
  try {
    const [pid = '', start = ''] = readFileSync(noteIn(folder), 'utf8').trim().split(' ');
    return start !== '' && startOf(Number(pid)) === start ? Number(pid) : null;
  } catch {
    return null;
  }
};

/** Field 22 of /proc/PID/stat; the name in field 2 may hold blanks and brackets. Empty where there is no /proc. */
const startOf = (pid: number): string => {
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  return text.slice(text.lastIndexOf(')') + 2).split(' ')[19] ?? '';
};
