import type { Clock } from '@muster/shared/clock';
import type { Log } from '@muster/shared/log';

/** One loop owns every schedule of the agent: one timer, set to the task that is due first. */
export interface Task {
  name: string;
  /** Milliseconds until the first run. */
  first_ms: number;
  /** Milliseconds from the end of this run to the next. Never overlaps itself. */
  run(): number | Promise<number>;
}

export interface Schedule {
  add(task: Task): void;
  start(): void;
  stop(): void;
}

/** A task that throws is our own mistake: it is logged and asked again after this. */
const AFTER_FAILURE_MS = 60_000;
/** No task runs more often, whatever it answers: no busy loop. */
const SHORTEST_MS = 10;

export const createSchedule = (needs: { clock: Clock; log: Log }): Schedule => {
  const { clock, log } = needs;
  const due = new Map<Task, number>();
  let cancel = () => {};
  let running = false;

  const arm = () => {
    cancel();
    if (!running || due.size === 0) return;
    cancel = clock.after(Math.max(0, Math.min(...due.values()) - clock.monotonic()), tick);
  };
  const tick = () => {
    for (const [task, at] of due) if (at <= clock.monotonic()) void run(task);
    arm();
  };
  const run = async (task: Task) => {
    due.delete(task);
    const next = await attempt(task, log);
    if (!running) return;
    due.set(task, clock.monotonic() + Math.max(SHORTEST_MS, next));
    arm();
  };

  return {
    add(task) {
      due.set(task, clock.monotonic() + task.first_ms);
      arm();
    },
    start() {
      running = true;
      arm();
    },
    stop() {
      running = false;
      due.clear();
      cancel();
    },
  };
};

const attempt = async (task: Task, log: Log): Promise<number> => {
  try {
    return await task.run();
  } catch (error) {
    log.error('A task of the agent failed', { task: task.name, error });
    return AFTER_FAILURE_MS;
  }
};
