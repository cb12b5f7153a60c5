import type { Change, StoredRow } from '@muster/hub/store/store';
import type { Report } from './reports.js';

/** Puts reports into groups as the committer does, so that an engine sees the commits of a running hub. */
export interface GroupRule {
  items: number;
  ms: number;
}
/** The committer's defaults: 64 reports or 2.5 s. */
export const HUB_GROUPS: GroupRule = { items: 64, ms: 2_500 };

export function* groupsOf(reports: Iterable<Report>, rule: GroupRule = HUB_GROUPS): Generator<Report[]> {
  let group: Report[] = [];
  for (const report of reports) {
    const [oldest] = group;
    if (oldest && (group.length >= rule.items || report.arrived - oldest.arrived >= rule.ms)) {
      yield group;
      group = [];
    }
    group.push(report);
  }
  if (group.length) yield group;
}

/** Rows of a device gathered until there are `rows` of each: as a long spool drains. */
export function* batchesOf(reports: Iterable<Report>, rows: number): Generator<Report[]> {
  const waiting = new Map<string, Report[]>();
  for (const report of reports) {
    const own = waiting.get(report.device) ?? [];
    if (own.length === 0) waiting.set(report.device, own);
    own.push(report);
    if (own.length < rows) continue;
    waiting.delete(report.device);
    yield own;
  }
  yield* waiting.values();
}

/** One change for each run of rows of the same device and columns. */
export const changesOf = (group: readonly Report[]): Change[] => {
  const changes: { kind: 'rows'; device: string; columns: readonly string[]; rows: StoredRow[] }[] = [];
  for (const { device, columns, boot, seq, ts, values } of group) {
    const row = { boot, seq, ts, values };
    const last = changes.at(-1);
    if (last?.device === device && last.columns === columns) last.rows.push(row);
    else changes.push({ kind: 'rows', device, columns, rows: [row] });
  }
  return changes;
};

export interface Fed {
  rows: number;
  samples: number;
  commits: number;
  /** Wall time of each commit, ms. */
  times: number[];
}

/** As much of an engine as is needed; `work` does what goes on behind the commits, true: there is more. */
export interface FedEngine {
  commit(changes: readonly Change[]): Promise<void>;
  work(now: number): boolean;
}

/** Commits group after group at the time the reports say; between two the engine does all that is due by then. */
export const feed = async (engine: FedEngine, groups: Iterable<Report[]>, clock: { now: number }): Promise<Fed> => {
  const fed: Fed = { rows: 0, samples: 0, commits: 0, times: [] };
  for (const group of groups) {
    clock.now = Math.max(clock.now, group.at(-1)?.arrived ?? 0);
    const started = performance.now();
    await engine.commit(changesOf(group));
    fed.times.push(performance.now() - started);
    fed.commits += 1;
    fed.rows += group.length;
    for (const { values } of group) fed.samples += countValues(values);
    await workAll(engine, clock.now);
  }
  return fed;
};

const MINUTE_MS = 60_000;

/** Lets time pass without reports. */
export const idle = async (engine: FedEngine, clock: { now: number }, minutes: number): Promise<void> => {
  for (let minute = 0; minute < minutes; minute++) {
    clock.now += MINUTE_MS;
    await workAll(engine, clock.now);
  }
};

/** Checkpoints run in turns of their own. */
export const workAll = async (engine: Pick<FedEngine, 'work'>, now: number): Promise<void> => {
  while (engine.work(now)) await turn();
  await turn();
};
const turn = (): Promise<void> => new Promise(setImmediate);

const countValues = (values: readonly (number | null)[]): number => {
  let count = 0;
  for (const value of values) if (value !== null) count += 1;
  return count;
};
