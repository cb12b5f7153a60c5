/** The load generator as a bench uses it: orders in turn, each answered before the next. */
import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { AppError } from '@muster/shared/errors';
import { idOfColumns } from '@muster/shared/wire/codec';
import { createMachine } from '../sim/machine.js';
import { createRandom } from '../sim/random.js';
import type { LoadFigures, LoadOrder, LoadPlan } from './load.js';
import type { Mode } from './load-client.js';

export interface Load {
  pid: number;
  connect(plan: Omit<LoadPlan, 'boot' | 'columns' | 'values'>): Promise<void>;
  run(mode: Mode): Promise<void>;
  pace(interval_ms: number): Promise<void>;
  pause(): Promise<void>;
  /** Counts since the start; round trips since the last ask. */
  figures(): Promise<LoadFigures>;
  stop(): void;
}

/** Rows of values that a device goes through. */
const TURNS = 512;

export const startLoad = (): Load => {
  const child = fork(fileURLToPath(new URL('./load.js', import.meta.url)), ['load'], { execArgv: [] });
  const ask = (order: LoadOrder) => exchange(child, order);
  const machine = createMachine('gpu', createRandom(1));
  const columns = { id: idOfColumns(machine.columns), list: machine.columns };
  return {
    pid: child.pid ?? 0,
    async connect(plan) {
      await ask({ kind: 'connect', plan: { ...plan, boot: bootOf(Date.now()), columns, values: valueTexts(machine) } });
    },
    async run(mode) {
      await ask({ kind: 'run', mode });
    },
    async pace(interval_ms) {
      await ask({ kind: 'pace', interval_ms });
    },
    async pause() {
      await ask({ kind: 'pause' });
    },
    figures: async () => (await ask({ kind: 'figures' })) as LoadFigures,
    stop: () => void child.kill('SIGKILL'),
  };
};

const exchange = (child: ChildProcess, order: LoadOrder): Promise<unknown> =>
  new Promise((resolve, reject) => {
    const gone = () => reject(new AppError('internal', 'the load generator ended'));
    child.once('exit', gone);
    child.once('message', (reply: { value?: unknown; error?: string }) => {
      child.off('exit', gone);
      if (reply.error === undefined) resolve(reply.value);
      else reject(new AppError('internal', `the load generator failed: ${reply.error}`));
    });
    child.send(order);
  });

/** 30 values each, rounded at the source. */
const valueTexts = (machine: ReturnType<typeof createMachine>): string[] =>
  Array.from({ length: TURNS }, () => machine.step(10, false).join(','));

const BASE32 = 'abcdefghijklmnopqrstuvwxyz234567';
const bootOf = (seed: number): string => Array.from({ length: 8 }, (_, i) => BASE32[Math.floor(seed / 32 ** i) % 32]).join('');
