/** A program run to its end, seldom: each run is a process. */
import { execFile } from 'node:child_process';
import { isAbsolute } from 'node:path';
import { BARE } from './follow.js';
import type { Host } from './probe.js';

const TIMEOUT_MS = 10_000;
const MOST_BYTES = 1_000_000;

export const createRun =
  (find: (program: string) => string | null): Host['run'] =>
  async (program, args, timeout = TIMEOUT_MS) => {
    const path = isAbsolute(program) ? program : find(program);
    if (path === null) return null;
    return new Promise((resolve) => {
      const options = { ...BARE, timeout, maxBuffer: MOST_BYTES, killSignal: 'SIGKILL', encoding: 'utf8' } as const;
      execFile(path, args, options, (error, text, stderr) => {
        const code = error === null ? 0 : error.code;
        // A program that was killed, cut or never started has no exit status.
        resolve(typeof code === 'number' ? { code, text, ...(stderr === '' ? {} : { stderr }) } : null);
      });
    });
  };
