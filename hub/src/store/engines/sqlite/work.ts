/** What goes on behind the commits, in bounded slices: rebuilding heads, sealing, trimming, merging, deleting. */
import { asAppError } from '@muster/shared/errors';
import { isDiskFault } from './errors.js';
import type { Head, Heads } from './head.js';
import { MINUTE } from './ids.js';
import type { PendingWindow } from './pending.js';

export interface WorkNeeds {
  heads: Heads;
  /** One record of the journal; false when the heads are whole again. */
  rebuild: () => boolean;
  dueHeads: (now: number, stuck: ReadonlySet<Head>) => Head[];
  seal: (queue: readonly Head[], now: number, late: () => boolean) => number;
  duePending: (now: number) => PendingWindow[];
  compact: (of: PendingWindow, now: number) => Generator<void>;
  trim: (now: number) => Generator<void>;
  sweep: (now: number) => Generator<void>;
  /** Monotonic ms. */
  ticks: () => number;
}

export interface WorkRules {
  /** A slice ends at the first step after this. */
  slice_ms: number;
  plan_ms: number;
  trim_ms: number;
  sweep_ms: number;
  /** After a fault of the disk. */
  retry_ms: number;
  /** Above it the oldest heads are sealed early. */
  head_bytes: number;
}

export const WORK_RULES: WorkRules = {
  slice_ms: 10,
  plan_ms: 1_000,
  trim_ms: 5 * MINUTE,
  sweep_ms: 10 * MINUTE,
  retry_ms: 5_000,
  head_bytes: 192 * 1024 * 1024,
};

export interface Work {
  /** One bounded slice; true: there is more to do at once. */
  slice(now: number): boolean;
  /** The heads hold all rows that are in memory only. */
  readonly recovered: boolean;
  finishRecovery(): void;
  /** Deletes what can go at the next slice, before anything is added. */
  makeRoom(): void;
  /** Why nothing gets done, null when all is well. */
  readonly fault: string | null;
}

interface State {
  needs: WorkNeeds;
  rules: WorkRules;
  recovered: boolean;
  seals: Head[];
  merges: PendingWindow[];
  merging: Generator<void> | null;
  running: Generator<void> | null;
  planned: number;
  trimmed: number;
  swept: number;
  idle_until: number;
  /** A write failed: what deletes comes before what adds. */
  full: boolean;
  fault: string | null;
  /** Heads that cannot be sealed until a newer program can. */
  stuck: Set<Head>;
  stuck_fault: string | null;
  singly: boolean;
}

export const createWork = (needs: WorkNeeds, rules: WorkRules, now: number): Work => {
  const never = Number.NEGATIVE_INFINITY;
  const queues = { seals: [], merges: [], merging: null, running: null };
  // Not at once: a start has other things to do.
  const times = { planned: never, trimmed: now, swept: now, idle_until: never };
  const faults = { full: false, fault: null, stuck: new Set<Head>(), stuck_fault: null, singly: false };
  const state: State = { needs, rules, recovered: false, ...faults, ...queues, ...times };
  return {
    slice(at) {
      if (at < state.idle_until && at >= state.idle_until - rules.retry_ms) return false;
      try {
        const more = slice(state, at);
        state.fault = null;
        return more;
      } catch (error) {
        giveUp(state, at, error);
        return false;
      }
    },
    get recovered() {
      return state.recovered;
    },
    finishRecovery() {
      while (!state.recovered) rebuild(state, Number.POSITIVE_INFINITY);
    },
    makeRoom: () => makeRoom(state),
    get fault() {
      return state.fault ?? state.stuck_fault;
    },
  };
};

/** Nothing of the failed step is on disk, and nothing has left memory: it is planned anew. */
const giveUp = (state: State, now: number, error: unknown): void => {
  state.fault = asAppError(error).message;
  state.seals = [];
  state.merges = [];
  state.merging = null;
  state.running = null;
  state.planned = Number.NEGATIVE_INFINITY;
  state.idle_until = now + state.rules.retry_ms;
  makeRoom(state);
};

const makeRoom = (state: State): void => {
  state.full = true;
  state.trimmed = Number.NEGATIVE_INFINITY;
  state.swept = Number.NEGATIVE_INFINITY;
};

const slice = (state: State, now: number): boolean => {
  const { needs, rules } = state;
  const end = needs.ticks() + rules.slice_ms;
  if (!state.recovered) return rebuild(state, end);
  plan(state, now);
  if (state.full && proceed(state)) return true;
  state.full = false;
  if (state.seals.length > 0) {
    sealSome(state, now, end);
    return true;
  }
  if (proceed(state)) return true;
  return mergeSome(state, now, end);
};

const mergeSome = (state: State, now: number, end: number): boolean => {
  const next = state.merging ? undefined : state.merges.shift();
  if (next) state.merging = state.needs.compact(next, now);
  if (!state.merging) return false;
  do if (state.merging.next().done) state.merging = null;
  while (state.merging && state.needs.ticks() < end);
  return true;
};

/** After a failure that is not the disk's, one by one: the one that cannot be sealed stays in memory and in the journal. */
const sealSome = (state: State, now: number, end: number): void => {
  const { needs, seals } = state;
  const [first] = seals;
  try {
    const done = needs.seal(state.singly ? seals.slice(0, 1) : seals, now, () => needs.ticks() >= end);
    seals.splice(0, done);
    if (seals.length === 0) state.singly = false;
  } catch (error) {
    if (isDiskFault(error) || !first) throw error;
    if (state.singly) state.stuck.add(first);
    if (state.singly) seals.shift();
    state.singly = true;
    state.stuck_fault = asAppError(error).message;
  }
};

const proceed = (state: State): boolean => {
  if (!state.running) return false;
  if (state.running.next().done) state.running = null;
  return true;
};

const rebuild = (state: State, end: number): true => {
  do if (!state.needs.rebuild()) state.recovered = true;
  while (!state.recovered && state.needs.ticks() < end);
  return true;
};

/** A clock set back does not stop it: then everything is due. */
const isDue = (last: number, now: number, every: number): boolean => now - last >= every || now < last;

const plan = (state: State, now: number): void => {
  const { needs, rules } = state;
  if (state.seals.length === 0 && isDue(state.planned, now, rules.plan_ms)) {
    state.planned = now;
    state.seals = needs.heads.bytes > rules.head_bytes ? oldest(needs.heads, state.stuck) : needs.dueHeads(now, state.stuck);
    if (state.merges.length === 0) state.merges = needs.duePending(now);
  }
  if (state.running) return;
  if (isDue(state.trimmed, now, rules.trim_ms)) {
    state.trimmed = now;
    state.running = needs.trim(now);
  } else if (isDue(state.swept, now, rules.sweep_ms)) {
    state.swept = now;
    state.running = needs.sweep(now);
  }
};

/** A quarter of all heads, those that hold the oldest rows. */
const oldest = (heads: Heads, stuck: ReadonlySet<Head>): Head[] => {
  const all = [...heads.all()]
    .flat()
    .filter((head) => !stuck.has(head))
    .sort((a, b) => a.journal - b.journal);
  return all.slice(0, Math.ceil(all.length / 4));
};
