import { chmodSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { AppError } from '@muster/shared/errors';

/** How command-line verbs reach the running hub: DATA/hub/control.json, for its owner only. */
export interface Control {
  pid: number;
  url: string;
  /** Where agents of this machine connect; null without a plain listener. */
  mqtt: string | null;
  /** Good until the hub stops. */
  token: string;
}

const fileOf = (data: string): string => join(data, 'hub', 'control.json');

export const writeControl = (data: string, control: Control): void => {
  const file = fileOf(data);
  writeFileSync(file, `${JSON.stringify(control)}\n`, { mode: 0o600 });
  chmodSync(file, 0o600);
};

export const removeControl = (data: string, pid: number): void => {
  if (readControl(data)?.pid === pid) rmSync(fileOf(data), { force: true });
};

/** Null when no hub wrote one. */
export const readControl = (data: string): Control | null => {
  try {
    return JSON.parse(readFileSync(fileOf(data), 'utf8')) as Control;
  } catch {
    return null;
  }
};

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
};

/** The control of a hub that runs now on this data folder, else null. */
export const runningHub = (data: string): Control | null => {
  const control = readControl(data);
  return control && isAlive(control.pid) ? control : null;
};

export const requireHub = (data: string): Control => {
  const control = runningHub(data);
  if (control) return control;
  throw new AppError('unreachable', `No hub is running on ${data}; start it with "npm start" or name its folder by --data`);
};
