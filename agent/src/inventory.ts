import { execFile } from 'node:child_process';
import { arch, cpus, hostname, machine, type as osType, release, totalmem } from 'node:os';
import { fileURLToPath } from 'node:url';
import type { Log } from '@muster/shared/log';
import type { About } from '@muster/shared/wire/messages';
import { AGENT_FLAGS } from './flags.js';

/** What this machine is. The child looks deeper (model, operating system's name) and may fail: then the plain facts stand. */
export type ReadInventory = (signal?: AbortSignal) => Promise<About>;

const DEADLINE_MS = 60_000;
const MAX_OUTPUT_BYTES = 65_536;
const MAX_TEXT = 200;

export const plainFacts = (): About => {
  const cores = cpus();
  return cleaned({
    hostname: hostname(),
    os: osType(),
    kernel: release(),
    arch: machine() || arch(),
    cpu: cores[0]?.model ?? null,
    cpu_cores: cores.length,
    memory_bytes: totalmem(),
  });
};

/** Only plain values, short, and none that says nothing. */
export const cleaned = (facts: Record<string, unknown>): About => {
  const about: About = {};
  for (const [key, value] of Object.entries(facts)) {
    if (typeof value === 'number' ? Number.isFinite(value) : typeof value === 'boolean') about[key] = value as number | boolean;
    else if (typeof value === 'string' && value.trim() !== '') about[key] = value.trim().slice(0, MAX_TEXT);
  }
  return about;
};

/** The child runs from the build, also when this file does not. */
export const INVENTORY_CHILD = fileURLToPath(new URL('./inventory-child.js', import.meta.url).href.replace('/src/', '/dist/'));

export const createInventory = (log: Log, program = INVENTORY_CHILD): ReadInventory => {
  let failing = false;
  return async (signal) => {
    const facts = await askChild(program, signal).catch((error: Error) => error);
    const failed = facts instanceof Error;
    if (failed && !failing && !signal?.aborted)
      log.warn('The inventory could not be read in full; only the plain facts are sent', { error: facts });
    failing = failed;
    return failed ? plainFacts() : { ...plainFacts(), ...cleaned(facts) };
  };
};

const askChild = (program: string, signal?: AbortSignal): Promise<Record<string, unknown>> =>
  new Promise((resolve, reject) => {
    // Its environment is bare: nothing that the agent was given, and no path of anybody's making.
    const env = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C' };
    const options = {
      timeout: DEADLINE_MS,
      killSignal: 'SIGKILL',
      maxBuffer: MAX_OUTPUT_BYTES,
      env,
      ...(signal ? { signal } : {}),
    } as const;
    // With the agent's flags: the service allows no memory that is written and then run.
    execFile(process.execPath, [...AGENT_FLAGS, program], options, (error, output) => {
      if (error) return reject(new Error(error.killed ? `no answer within ${DEADLINE_MS} ms` : error.message.split('\n')[0]));
      try {
        const facts: unknown = JSON.parse(output);
        if (typeof facts !== 'object' || facts === null) throw new Error('not an object');
        resolve({ ...facts });
      } catch (cause) {
        reject(new Error('the child answered something odd', { cause }));
      }
    });
  });
