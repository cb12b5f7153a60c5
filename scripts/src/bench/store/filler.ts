/** Fills a store with a fleet's reports through the engine alone, and says what that wrote and took: PLAN as JSON. */
import { createSqliteEngine } from '@muster/hub/store/engines/sqlite/index';
import { percentile } from '../facts.js';
import { answer, taskOf } from './child.js';
import { bytesWritten } from './disk.js';
import { batchesOf, feed, groupsOf, idle } from './feed.js';
import { type FleetPlan, reportsOf } from './reports.js';

export interface Filled {
  rows: number;
  samples: number;
  commits: number;
  written: number;
  cpu_s: number;
  commit_p50_ms: number;
  commit_p99_ms: number;
  commit_max_ms: number;
}

export interface FillTask {
  file: string;
  plan: FleetPlan;
  /** Above 1: history is filled in as back-fill comes, many rows of a device at once. */
  rows_per_change?: number;
  /** Time that passes after the last report, so that all of it is merged. */
  idle_minutes?: number;
  /** Dies by SIGKILL instead of closing. */
  crash?: boolean;
}

const fill = async ({ file, plan, rows_per_change = 1, idle_minutes = 0, crash = false }: FillTask): Promise<Filled> => {
  const clock = { now: plan.from };
  const engine = createSqliteEngine({ file }, () => clock.now);
  await engine.open();
  const before = { written: bytesWritten(), cpu: process.cpuUsage() };
  const groups = rows_per_change > 1 ? batchesOf(reportsOf(plan), rows_per_change) : groupsOf(reportsOf(plan));
  const fed = await feed(engine, groups, clock);
  await idle(engine, clock, idle_minutes);
  if (!crash) await engine.close();
  const cpu = process.cpuUsage(before.cpu);
  return {
    rows: fed.rows,
    samples: fed.samples,
    commits: fed.commits,
    written: bytesWritten() - before.written,
    cpu_s: (cpu.user + cpu.system) / 1e6,
    commit_p50_ms: percentile(fed.times, 0.5),
    commit_p99_ms: percentile(fed.times, 0.99),
    commit_max_ms: percentile(fed.times, 1),
  };
};

const task = taskOf<FillTask>();
answer(await fill(task));
if (task.crash) process.kill(process.pid, 'SIGKILL');
