import type { Clock } from '@muster/shared/clock';
import { AppError, asAppError } from '@muster/shared/errors';
import type { Log } from '@muster/shared/log';
import { gauge, type MetricDeclaration, type Sample } from '@muster/shared/metrics';
import { problemOf } from '@muster/shared/schema';
import * as v from 'valibot';
import type { Host, ProbeDeclaration } from './probe.js';
import type { SeriesTable } from './series.js';

/** Reads the probes, each with its deadline and on its own: one that hangs, throws or talks nonsense costs only itself. */
export interface Runner {
  /** Reads what is due; returns when all have answered, or after a moment with the slow ones still under way. */
  cycle(): Promise<void>;
  states(): { id: string; title: string; state: ProbeState; silent: string | undefined }[];
  stop(): void;
}

export type ProbeState = 'never_read' | 'ok' | 'absent' | 'failing' | 'hung';

export interface RunnerNeeds {
  probes: Iterable<ProbeDeclaration>;
  host: Host;
  clock: Clock;
  log: Log;
  series: SeriesTable;
}

export interface RunnerSettings {
  interval_ms: number;
  /** A read that takes longer has failed. */
  deadline_ms?: number;
  /** How long a cycle waits for slow probes. */
  patience_ms?: number;
}

const DEADLINE_MS = 5_000;
/** More samples than that from one probe is a flood: the series cap of the whole device. */
const MAX_SAMPLES = 2_000;
/** A probe that said "not on this machine" is asked again: somebody may plug a GPU in. */
const ASK_AGAIN_MS = 3_600_000;

const DURATION = gauge('s', 'Time a probe took', { resolution: 0.01 });
const SUCCESS = gauge('1', 'Whether a probe could read');

interface Entry {
  probe: ProbeDeclaration;
  memory: unknown;
  due_at: number;
  state: ProbeState;
}

type Outcome =
  | { kind: 'samples'; samples: Sample[] }
  | { kind: 'absent' }
  | { kind: 'failed'; error: AppError }
  | { kind: 'late' };

export const createRunner = (needs: RunnerNeeds, settings: RunnerSettings): Runner => {
  const { host, clock, log, series } = needs;
  const deadline = settings.deadline_ms ?? DEADLINE_MS;
  const patience = settings.patience_ms ?? Math.min(1_000, settings.interval_ms / 4);
  const entries = [...needs.probes].map((probe): Entry => ({ probe, memory: undefined, due_at: 0, state: 'never_read' }));
  /** Called and not yet returned: beyond its deadline a probe hangs, and is not called a second time. */
  const busy = new Set<Entry>();
  const waiting = new Set<Entry>();

  const put = (sample: Sample, declaration: MetricDeclaration | undefined, every: number) =>
    series.put(sample, declaration, 2 * Math.max(every, settings.interval_ms));

  const read = async (entry: Entry): Promise<void> => {
    const begun = clock.monotonic();
    // Rates need a before and an after: a probe is read a second time with the very next cycle.
    entry.due_at = entry.state === 'never_read' ? begun : begun + entry.probe.every;
    if (busy.has(entry)) return note(entry, late, deadline);
    waiting.add(entry);
    const outcome = await withDeadline(clock, entry.probe.deadline ?? deadline, ask(entry));
    waiting.delete(entry);
    note(entry, outcome, clock.monotonic() - begun);
  };
  const ask = (entry: Entry): Promise<Outcome> => {
    busy.add(entry);
    return askProbe(entry, host).finally(() => busy.delete(entry));
  };
  const note = (entry: Entry, outcome: Outcome, took_ms: number) => {
    const { id, every } = entry.probe;
    if (outcome.kind === 'absent') return retire(entry, clock.monotonic() + ASK_AGAIN_MS);
    const kept = outcome.kind === 'samples' && keep(entry, outcome.samples);
    change(entry, outcome, kept);
    put({ metric: 'muster.agent.probe.duration', labels: { probe: id }, value: took_ms / 1_000 }, DURATION, every);
    put({ metric: 'muster.agent.probe.success', labels: { probe: id }, value: kept ? 1 : 0 }, SUCCESS, every);
  };
  /** Whether every sample was one; the good ones are kept in any case. */
  const keep = ({ probe }: Entry, samples: Sample[]) =>
    samples.map((sample) => put(sample, declarationOf(probe, sample), probe.every)).every(Boolean);
  const change = (entry: Entry, outcome: Outcome, kept: boolean) => {
    const state = outcome.kind === 'late' ? 'hung' : kept ? 'ok' : 'failing';
    if (state === entry.state) return;
    const fields = { probe: entry.probe.id, ...whyOf(outcome) };
    if (state === 'ok') {
      if (entry.state !== 'never_read') log.info('A probe reads again', fields);
    } else log.warn('A probe fails', fields);
    entry.state = state;
  };

  return {
    async cycle() {
      const now = clock.monotonic();
      // A tick that comes a little early must not skip a whole interval.
      const due = entries.filter((entry) => !waiting.has(entry) && entry.due_at <= now + settings.interval_ms / 10);
      await withDeadline(
        clock,
        patience,
        Promise.all(due.map(read)).then(() => late),
      );
    },
    states: () => entries.map(({ probe, state }) => ({ id: probe.id, title: probe.title, state, silent: probe.silent })),
    stop() {
      for (const entry of entries) retire(entry, Number.POSITIVE_INFINITY);
    },
  };
};

export interface ProbeChoice {
  skip_probes: readonly string[];
  /** By id of the probe. */
  probe_settings: Record<string, unknown>;
}

/** All but those that the settings skip, with their own settings in place; a name that is none would do nothing without a word. */
export const probesToRead = (
  probes: ReadonlyMap<string, ProbeDeclaration>,
  { skip_probes, probe_settings }: ProbeChoice,
): ProbeDeclaration[] => {
  const known = [...probes.keys()].join(', ');
  for (const [name, ids] of [
    ['agent.skip_probes', skip_probes],
    ['probes', Object.keys(probe_settings)],
  ] as const) {
    const stray = ids.find((id) => !probes.has(id));
    if (stray === undefined) continue;
    throw new AppError('bad_settings', `Setting ${name} names "${stray}", which is not a probe; known are ${known}`);
  }
  const read = [...probes.values()].filter(({ id }) => !skip_probes.includes(id));
  return read.map((probe) => withSettings(probe, probe_settings[probe.id]));
};

/** Throws `bad_settings` with the path of what is wrong. */
export const withSettings = (probe: ProbeDeclaration, given: unknown): ProbeDeclaration => {
  const where = `probes.${probe.id}`;
  if (!probe.settings) {
    if (given === undefined) return probe;
    throw new AppError('bad_settings', `Setting ${where} is given, but this probe has no settings; take it out`, { path: where });
  }
  const result = v.safeParse(probe.settings, given ?? {}, { abortPipeEarly: true });
  if (result.success) return { ...probe, read: (call) => probe.read({ ...call, settings: result.output }) };
  const [issue] = result.issues;
  const path = [where, v.getDotPath(issue)].filter(Boolean).join('.');
  throw new AppError('bad_settings', `Setting ${where}: ${problemOf(issue)}`, { path });
};

const late: Outcome = { kind: 'late' };

const withDeadline = (clock: Clock, ms: number, outcome: Promise<Outcome>): Promise<Outcome> =>
  new Promise((resolve) => {
    const cancel = clock.after(ms, () => resolve(late));
    outcome.then((value) => {
      cancel();
      resolve(value);
    });
  });

const askProbe = async (entry: Entry, host: Host): Promise<Outcome> => {
  try {
    entry.memory ??= entry.probe.memory?.();
    const samples: unknown = await entry.probe.read({ host, memory: entry.memory, settings: undefined });
    if (samples === null) return { kind: 'absent' };
    if (!Array.isArray(samples)) throw new AppError('bad_reply', 'The probe answered something that is not a list of samples');
    if (samples.length > MAX_SAMPLES) throw new AppError('too_large', `The probe answered more than ${MAX_SAMPLES} samples`);
    return { kind: 'samples', samples };
  } catch (error) {
    return { kind: 'failed', error: asAppError(error) };
  }
};

const declarationOf = (probe: ProbeDeclaration, sample: Sample): MetricDeclaration | undefined =>
  typeof sample?.metric === 'string' && Object.hasOwn(probe.metrics, sample.metric) ? probe.metrics[sample.metric] : undefined;

const whyOf = (outcome: Outcome) => {
  if (outcome.kind === 'failed') return { error: outcome.error.message };
  if (outcome.kind === 'late') return { error: 'no answer in time; it is not asked again until it has answered' };
  return outcome.kind === 'samples' ? { samples: outcome.samples.length } : {};
};

const retire = (entry: Entry, ask_again_at: number): void => {
  const { probe, memory } = entry;
  entry.state = 'absent';
  entry.due_at = ask_again_at;
  entry.memory = undefined;
  try {
    if (memory !== undefined) probe.close?.(memory);
  } catch {
    // A probe that cannot close has nothing left that we could do for it.
  }
};
