import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { builtUrl } from '@muster/hub/store/built';
import { createSqliteEngine } from '@muster/hub/store/engines/sqlite/index';
import type { Random } from '../../sim/random.js';
import { type Ledger, newLedger, type Tally } from './kill-ledger.js';
import type { KillTask } from './kill-writer.js';

/** Kills the store's process at random moments under load, again and again on the same file, and counts what is missing. */
export interface KillPlan {
  file: string;
  kills: number;
  devices: number;
  /** Time of the first row, ms. */
  start: number;
  /** The file is read and checked after every so many kills, and at the end. */
  check_every: number;
  /** A kill comes this long after the first acknowledgement at most. */
  within_ms: number;
  random: Random;
}

export interface KillResult extends Tally {
  kills: number;
  /** What `verify` found, over all checks. */
  faults: string[];
  /** Bytes of sealed and of merged chunks at the end: zero, and the kills hit neither. */
  sealed_bytes: number;
  merged_bytes: number;
}

/** Longest run in rows of a device, 6.7 h of its time: seals and compactions are always near, and 100 runs end within a month. */
const MOST_ROWS = 2_400;

export const killRepeatedly = async (plan: KillPlan): Promise<KillResult> => {
  const ledger = newLedger(plan);
  const counts = { kills: 0, acknowledged: 0, lost: 0, twice: 0, wrong: 0, sealed_bytes: 0, merged_bytes: 0 };
  const result: KillResult = { ...counts, faults: [] };
  for (let kill = 1; kill <= plan.kills; kill++) {
    const task = ledger.begin(`kill${String(kill).padStart(4, 'a')}`, MOST_ROWS);
    await runAndKill({ ...task, file: plan.file }, plan, ledger);
    result.kills = kill;
    if (kill % plan.check_every === 0 || kill === plan.kills) await check(plan, ledger, result);
  }
  return result;
};

const runAndKill = async (task: KillTask, { random, within_ms }: KillPlan, ledger: Ledger): Promise<void> => {
  const program = builtUrl(import.meta.url, './kill-writer.js');
  const child = spawn(process.execPath, [program.pathname, JSON.stringify(task)], { stdio: ['ignore', 'pipe', 'inherit'] });
  const closed = new Promise<void>((resolve) => child.on('close', () => resolve()));
  let timer: NodeJS.Timeout | null = null;
  for await (const line of createInterface({ input: child.stdout })) {
    timer ??= setTimeout(() => child.kill('SIGKILL'), random.next() * within_ms);
    ledger.acknowledge(line);
  }
  child.kill('SIGKILL');
  await closed;
  if (timer) clearTimeout(timer);
};

const PAGE = 5_000;

const check = async (plan: KillPlan, ledger: Ledger, result: KillResult): Promise<void> => {
  const engine = createSqliteEngine({ file: plan.file });
  try {
    const { sequences } = await engine.open();
    const stored = await ledger.compare(sequences, (device, after) => engine.rows(device, after, PAGE));
    Object.assign(result, stored);
    result.faults.push(...(await engine.verify()));
    const { raw_bytes = 0, staged_bytes = 0 } = await engine.stats();
    Object.assign(result, { sealed_bytes: staged_bytes, merged_bytes: raw_bytes });
  } finally {
    await engine.close();
  }
};
