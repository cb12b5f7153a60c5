/** Group commits: many reports share one fsync. Order of arrival is kept, nothing is acknowledged before it is on disk. */

import type { Clock } from '@muster/shared/clock';
import { AppError, asAppError } from '@muster/shared/errors';
import type { Log } from '@muster/shared/log';
import { createSignal, type Signal } from '@muster/shared/signal';
import { type Backlog, createBacklog, type GroupLimits, type Item } from './backlog.js';
import type { Change, Engine, Recovered, Writer } from './store.js';

export interface CommitterSettings extends GroupLimits {
  /** Above it `full` is true: whoever reads from the network stops reading. */
  full_bytes: number;
  /** Above it `queue` throws `busy`: the message stays unacknowledged with its sender. */
  refuse_bytes: number;
  /** Waits between tries while the store cannot commit. */
  retry_min_ms: number;
  retry_max_ms: number;
  /** A commit without an answer for this long counts as stalled. */
  hang_ms: number;
  /** How long `stop` waits for what is queued. */
  stop_ms: number;
}

export const COMMITTER_DEFAULTS: CommitterSettings = {
  group_items: 64,
  group_bytes: 64_000,
  commit_ms: 2_500,
  commit_items: 1_000,
  commit_bytes: 1_000_000,
  full_bytes: 16_000_000,
  refuse_bytes: 64_000_000,
  retry_min_ms: 500,
  retry_max_ms: 5_000,
  hang_ms: 5_000,
  stop_ms: 5_000,
};

export interface CommitterSignals {
  /** Once, when the store stops committing. */
  stalled: Signal<{ since: number; reason: string }>;
  /** Once, when it commits again. */
  recovered: Signal<{ since: number; ms: number }>;
  committed: Signal<{ items: number; changes: number; bytes: number; ms: number }>;
  /** Changes that no store could hold: dropped, so that they do not block everyone else, and reported here. */
  refused: Signal<{ changes: readonly Change[]; error: AppError }>;
  /** `full` changed. */
  pressure: Signal<boolean>;
}

export interface Committer extends Writer, CommitterSignals {
  readonly full: boolean;
  /** What is not on disk yet. */
  readonly backlog: { items: number; bytes: number };
  /** Writes what is queued, at most `stop_ms`; what is left is not acknowledged. */
  stop(): Promise<void>;
}

interface Needs {
  engine: Pick<Engine, 'commit'>;
  clock: Clock;
  log: Log;
  /** Newest numbers of the logs, from `Recovered`. */
  numbers: Recovered['numbers'];
}

interface State {
  needs: Needs;
  settings: CommitterSettings;
  signals: CommitterSignals;
  backlog: Backlog;
  /** In the engine's hands, or kept for the next try. */
  group: Item[];
  group_bytes: number;
  phase: 'idle' | 'writing' | 'waiting';
  /** Items still to be committed one by one, after a group held a bad change. */
  singly: number;
  stalled_since: number | null;
  retry_ms: number;
  full: boolean;
  cancelTimer: () => void;
  stopping: Promise<void> | null;
  /** Monotonic ms at which the running timer looks again; infinite without one. */
  timer_at: number;
  /** `stop` has returned: nothing is tried again. */
  ended: boolean;
  drained: () => void;
}

export const createCommitter = (needs: Needs, overrides: Partial<CommitterSettings> = {}): Committer => {
  const state = createState(needs, { ...COMMITTER_DEFAULTS, ...overrides });
  const numbers = { ...needs.numbers };
  return {
    ...state.signals,
    accepts: (bytes) => accepts(state, bytes),
    queue: (changes, options) => queue(state, changes, options),
    write: (changes) => write(state, changes),
    number: (log) => ++numbers[log],
    get healthy() {
      return state.stalled_since === null;
    },
    get full() {
      return state.full;
    },
    get backlog() {
      return held(state);
    },
    stop() {
      state.stopping ??= stop(state);
      return state.stopping;
    },
  };
};

const createState = (needs: Needs, settings: CommitterSettings): State => ({
  needs,
  settings,
  signals: {
    stalled: createSignal(),
    recovered: createSignal(),
    committed: createSignal(),
    refused: createSignal(),
    pressure: createSignal(),
  },
  backlog: createBacklog(settings),
  group: [],
  group_bytes: 0,
  phase: 'idle',
  singly: 0,
  stalled_since: null,
  retry_ms: settings.retry_min_ms,
  full: false,
  cancelTimer: () => {},
  timer_at: Number.POSITIVE_INFINITY,
  stopping: null,
  ended: false,
  drained: () => {},
});

const held = ({ backlog, group, group_bytes }: State) => ({
  items: backlog.items + group.length,
  bytes: backlog.bytes + group_bytes,
});

const hold = (state: State, group: Item[]): void => {
  state.group = group;
  state.group_bytes = group.reduce((sum, item) => sum + item.bytes, 0);
};

// ---- coming in

const accepts = (state: State, bytes: number): boolean => held(state).bytes + bytes <= state.settings.refuse_bytes;

const queue = (
  state: State,
  changes: readonly Change[],
  { bytes, urgent = false, done }: Parameters<Writer['queue']>[1],
): void => {
  // Never acknowledged, hence sent again to the next hub process.
  if (state.stopping) return;
  if (!accepts(state, bytes))
    throw new AppError('busy', 'The store is behind by more than it may hold in memory; send it again later');
  const settle = () => runDone(state, done);
  add(state, { changes, bytes, urgent, at: state.needs.clock.monotonic(), returnable: false, settle });
};

const runDone = (state: State, done: (() => void) | undefined): void => {
  try {
    done?.();
  } catch (error) {
    state.needs.log.error('What follows a commit failed', { error });
  }
};

const write = (state: State, changes: readonly Change[]): Promise<void> =>
  new Promise((resolve, reject) => {
    if (state.stopping) throw new AppError('storage', 'The hub is stopping; nothing is written any more');
    if (state.stalled_since !== null) throw cannotCommit();
    const settle = (error: AppError | null) => (error ? reject(error) : resolve());
    const bytes = JSON.stringify(changes).length;
    add(state, { changes, bytes, urgent: true, at: state.needs.clock.monotonic(), returnable: true, settle });
  });

const cannotCommit = (): AppError =>
  new AppError('storage', 'The store cannot write at the moment; try again when the hub says that it has recovered');

const add = (state: State, item: Item): void => {
  // Nothing before it and nothing to store: done, but never inside the call itself.
  if (item.changes.length === 0 && state.phase === 'idle' && state.backlog.items === 0) {
    queueMicrotask(() => item.settle(null));
    return;
  }
  state.backlog.push(item);
  press(state);
  schedule(state);
};

const press = (state: State): void => {
  const full = state.backlog.bytes + state.group_bytes > state.settings.full_bytes;
  if (full === state.full) return;
  state.full = full;
  state.signals.pressure.emit(full);
};

// ---- going out

const schedule = (state: State): void => {
  if (state.phase !== 'idle') return;
  const now = state.needs.clock.monotonic();
  const wait = state.backlog.dueIn(now);
  if (wait !== null && wait > 0 && !state.stopping) {
    wake(state, now + wait);
    return;
  }
  cancelWake(state);
  if (wait === null) state.drained();
  else begin(state);
};

/** One timer for a group, not one for each report that joins it. */
const wake = (state: State, at: number): void => {
  if (at >= state.timer_at) return;
  cancelWake(state);
  state.timer_at = at;
  const cancel = state.needs.clock.after(at - state.needs.clock.monotonic(), () => {
    state.timer_at = Number.POSITIVE_INFINITY;
    schedule(state);
  });
  state.cancelTimer = cancel;
};

const cancelWake = (state: State): void => {
  state.cancelTimer();
  state.timer_at = Number.POSITIVE_INFINITY;
};

const begin = (state: State): void => {
  hold(state, state.backlog.take(state.singly > 0 ? 1 : undefined));
  state.singly = Math.max(0, state.singly - 1);
  void attempt(state);
};

/** While stalled a try always carries a change: an empty commit would succeed on a full disk. */
const changesOf = (state: State): Change[] => {
  const changes = state.group.flatMap((item) => item.changes);
  if (changes.length > 0 || state.stalled_since === null) return changes;
  return [{ kind: 'document', collection: 'store', key: 'probe', value: state.needs.clock.now() }];
};

const attempt = async (state: State): Promise<void> => {
  const { clock, engine } = state.needs;
  const changes = changesOf(state);
  const started = clock.monotonic();
  const calm = clock.after(state.settings.hang_ms, () => stall(state, `no answer for ${state.settings.hang_ms / 1000} s`));
  state.phase = 'writing';
  try {
    if (changes.length) await engine.commit(changes);
    calm();
    succeed(state, { changes: changes.length, ms: clock.monotonic() - started });
  } catch (error) {
    calm();
    fail(state, asAppError(error));
  }
};

const succeed = (state: State, { changes, ms }: { changes: number; ms: number }): void => {
  const { group, group_bytes: bytes, signals } = state;
  recover(state);
  release(state);
  for (const item of group) item.settle(null);
  if (changes > 0) signals.committed.emit({ items: group.length, changes, bytes, ms });
  schedule(state);
};

const release = (state: State): void => {
  hold(state, []);
  state.phase = 'idle';
  press(state);
};

const recover = (state: State): void => {
  const since = state.stalled_since;
  state.retry_ms = state.settings.retry_min_ms;
  if (since === null) return;
  state.stalled_since = null;
  const ms = state.needs.clock.now() - since;
  state.needs.log.info('The store commits again', { stalled_ms: ms });
  state.signals.recovered.emit({ since, ms });
};

// ---- failing

const fail = (state: State, error: AppError): void => {
  if (error.code === 'bad_request') isolate(state, error);
  else {
    stall(state, error.message);
    hold(
      state,
      state.group.filter((item) => !item.returnable),
    );
    retryLater(state);
  }
};

const retryLater = (state: State): void => {
  press(state);
  state.phase = 'waiting';
  const wait = state.retry_ms;
  state.retry_ms = Math.min(state.retry_ms * 2, state.settings.retry_max_ms);
  if (!state.ended) state.cancelTimer = state.needs.clock.after(wait, () => void attempt(state));
};

/** A change that can never be stored: its group is tried item by item, and the bad item alone is dropped. */
const isolate = (state: State, error: AppError): void => {
  const { group } = state;
  release(state);
  if (group.length > 1) {
    state.backlog.unshift(group);
    state.singly = group.length;
    begin(state);
    return;
  }
  for (const item of group) refuse(state, item, error);
  // Stalled with nothing left to try: the probe finds out when the store is well again.
  if (state.stalled_since !== null && state.backlog.items === 0) retryLater(state);
  else schedule(state);
};

const refuse = (state: State, item: Item, error: AppError): void => {
  state.needs.log.error('A change that cannot be stored was dropped', { error });
  state.signals.refused.emit({ changes: item.changes, error });
  item.settle(error);
};

/** Callers of `write` get their changes back: those in a hanging commit may be stored all the same (writing them again changes nothing). */
const stall = (state: State, reason: string): void => {
  const returned = [...state.group, ...state.backlog.takeReturnable()].filter((item) => item.returnable);
  if (state.stalled_since === null) {
    state.stalled_since = state.needs.clock.now();
    state.needs.log.error('The store cannot commit; nothing is acknowledged until it can', { reason });
    state.signals.stalled.emit({ since: state.stalled_since, reason });
  }
  for (const item of returned) item.settle(cannotCommit());
};

// ---- ending

const stop = async (state: State): Promise<void> => {
  const { clock, log } = state.needs;
  const empty = new Promise<void>((resolve) => {
    state.drained = resolve;
  });
  const late = new Promise<void>((resolve) => {
    cancelWake(state);
    const cancel = clock.after(state.settings.stop_ms, resolve);
    void empty.then(cancel);
  });
  // On the next turn, when `stopping` is set: everything is due then.
  queueMicrotask(() => (state.phase === 'waiting' ? void attempt(state) : schedule(state)));
  await Promise.race([empty, late]);
  state.ended = true;
  state.cancelTimer();
  const left = held(state).items;
  if (left > 0) log.warn('Stopped with reports that could not be stored; their agents send them again', { reports: left });
  giveBack(state);
};

const giveBack = (state: State): void => {
  for (const item of [...state.group, ...state.backlog.takeReturnable()]) if (item.returnable) item.settle(cannotCommit());
};
