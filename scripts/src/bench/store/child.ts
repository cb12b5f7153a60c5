import { spawn } from 'node:child_process';
import { writeSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { AppError } from '@muster/shared/errors';

/** Runs a program of this folder in its own process, so that its bytes written and its memory are its own; it may kill itself at its end. */
export const runChild = async <T>(program: string, task: unknown): Promise<T> => {
  const path = fileURLToPath(new URL(program, import.meta.url));
  const child = spawn(process.execPath, [path, JSON.stringify(task)], { stdio: ['ignore', 'pipe', 'inherit'] });
  let printed = '';
  child.stdout.on('data', (chunk) => {
    printed += String(chunk);
  });
  const code = await new Promise<number | string>((resolve) =>
    child.on('close', (status, signal) => resolve(signal ?? status ?? 1)),
  );
  const last = printed.trimEnd().split('\n').at(-1) ?? '';
  if ((code !== 0 && code !== 'SIGKILL') || !last.startsWith('{'))
    throw new AppError('internal', `${program} ended with ${code}: ${printed.slice(-500)}`);
  return JSON.parse(last) as T;
};

export const taskOf = <T>(): T => JSON.parse(process.argv[2] ?? '{}') as T;
/** At once, also before a SIGKILL. */
export const answer = (value: object): void => void writeSync(1, `${JSON.stringify(value)}\n`);
