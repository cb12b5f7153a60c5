/** A program that is kept running and prints lines: one child process for the life of the agent, none per cycle. */
import { type ChildProcess, spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { Socket } from 'node:net';
import { join } from 'node:path';
import type { Clock } from '@muster/shared/clock';
import type { LineSource } from './probe.js';

const KEPT_LINES = 256;
const LINE_CHARS = 4_096;
/** A program that prints more than that has lost its mind: reading on would take the processor, and waiting for it a pipe. */
const FLOOD = { bytes: 4_000_000, within_ms: 10_000 };
const RETRY_MS = { first: 5_000, most: 300_000 };
/** A child that lived this long was well: the next restart is quick again. */
const WELL_MS = 60_000;
/** A child sees no setting or secret of the agent, and speaks plain C locale. */
export const BARE = { env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C' }, cwd: '/' };
const BARE_NAME = /^[A-Za-z0-9][A-Za-z0-9._+-]*$/;

/** Absolute path of a program in one of the folders; never through PATH or a shell. */
export const findProgram = (program: string, folders: readonly string[]): string | null => {
  if (!BARE_NAME.test(program)) return null;
  return folders.map((folder) => join(folder, program)).find(isExecutable) ?? null;
};

const isExecutable = (path: string): boolean => {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
};

export interface FollowNeeds {
  path: string;
  args: readonly string[];
  clock: Clock;
}

/** Starts at once. The lines of a child that died stay readable until its successor starts. */
export const createFollower = ({ path, args, clock }: FollowNeeds): LineSource => {
  const kept = createLines();
  let child: ChildProcess | null = null;
  let last_line_at: number | null = null;
  let retry_ms = RETRY_MS.first;
  let cancelRetry = () => {};
  let stopped = false;

  const start = () => {
    const started_at = clock.monotonic();
    const isFlood = createFloodGauge(clock);
    kept.clear();
    const mine = startChild(path, args);
    child = mine;
    if (!mine) return again(started_at);
    mine.stdout?.on('data', (text: string) => {
      if (child !== mine) return;
      // It is started anew later and later, as one that dies.
      if (isFlood(text.length)) mine.kill('SIGKILL');
      else if (kept.add(text)) last_line_at = clock.monotonic();
    });
    // `close` follows `error` only when the child had started; `ended` takes whichever comes first.
    const ended = () => {
      if (child === mine) again(started_at);
    };
    mine.once('error', ended).once('close', ended);
  };

  const again = (started_at: number) => {
    child = null;
    if (stopped) return;
    if (clock.monotonic() - started_at >= WELL_MS) retry_ms = RETRY_MS.first;
    cancelRetry = clock.after(retry_ms, start);
    retry_ms = Math.min(retry_ms * 2, RETRY_MS.most);
  };

  start();
  return {
    lines: kept.all,
    last_line_at: () => last_line_at,
    alive: () => child !== null,
    stop() {
      stopped = true;
      cancelRetry();
      // It only reads, so there is nothing to tidy up; a politer signal could be ignored and leave it behind.
      child?.kill('SIGKILL');
      child = null;
    },
  };
};

/**
 * The child never keeps the agent's process alive.
 * Null when the machine cannot start one now: some failures are thrown, others come as an `error` event.
 */
const startChild = (path: string, args: readonly string[]): ChildProcess | null => {
  try {
    const child: ChildProcess = spawn(path, args, { stdio: ['ignore', 'pipe', 'ignore'], ...BARE });
    child.unref();
    child.stdout?.setEncoding('utf8');
    if (child.stdout instanceof Socket) child.stdout.unref();
    return child;
  } catch {
    return null;
  }
};

/** Whether more came within the span than any report needs. */
const createFloodGauge = (clock: Clock) => {
  let since = Number.NEGATIVE_INFINITY;
  let count = 0;
  return (bytes: number): boolean => {
    const now = clock.monotonic();
    if (now - since > FLOOD.within_ms) {
      since = now;
      count = 0;
    }
    count += bytes;
    return count > FLOOD.bytes;
  };
};

/** Cuts text into lines; keeps the newest, and of each no more than `LINE_CHARS` characters. */
const createLines = () => {
  let lines: string[] = [];
  let rest = '';
  return {
    all: (): readonly string[] => lines,
    clear() {
      lines = [];
      rest = '';
    },
    /** True when at least one line became complete. */
    add(text: string): boolean {
      const parts = text.split('\n');
      const open = parts.pop() ?? '';
      const complete = parts.map((part, index) => cut(index === 0 ? rest + part : part));
      rest = cut(parts.length === 0 ? rest + open : open);
      lines = [...lines, ...complete].slice(-KEPT_LINES);
      return complete.length > 0;
    },
  };
};

const cut = (line: string): string => line.slice(0, LINE_CHARS).replace(/\r$/, '');
