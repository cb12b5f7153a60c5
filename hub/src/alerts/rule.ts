/** PORT: an alert rule is one file in `rules/` that exports `defineRule({...})`; it judges, the engine keeps the state. */
import type { DayAmounts, Income } from '@muster/shared/earning-pace';
import type { Labels, MetricDeclaration } from '@muster/shared/metrics';
import type { PresenceState, Severity } from '@muster/shared/wire/live';
import type * as v from 'valibot';

export interface FactSample {
  series: string;
  metric: string;
  labels: Labels;
  value: number;
  ts: number;
  /** Unit and title, for the sentence. */
  declaration?: MetricDeclaration | undefined;
}

/** Streams of the same network and kind: whether they fall silent or earn less together. */
export interface EarningCohort {
  streams: number;
  /** Share of them that is silent for longer than they ever are. */
  silent: number;
  /** Median and deviation of what they earn against before; null: of too few it is known. */
  change: { median: number; spread: number } | null;
}

/** One account in one token of a network, held by the device. */
export interface EarningFacts {
  id: string;
  network: string;
  account: string;
  token: string;
  exact: boolean;
  /** What the network declares, ms; null: nothing. */
  cadence: number | null;
  silence_is_normal_for: number | null;
  /** False until the ledger was read and the cohorts are known: nothing is judged before. */
  settled: boolean;
  last_reading: number;
  /** When its source was read last, or this hub began. */
  unread_since: number;
  /** Oldest first; when it was known, not when it was earned. */
  incomes: readonly Income[];
  /** In whole tokens. */
  days: DayAmounts;
  /** Times of the last weeks in which the device was away; null: not known yet, and being asked for. */
  away(): readonly Income[] | null;
  cohort: EarningCohort | null;
  /** Of a whole token. */
  price: { price: string; currency: string } | null;
}

/** What the device is expected to earn in a day. */
export interface StakeFacts {
  fiat: { amount: number; currency: string } | null;
  tokens: readonly { token: string; amount: number }[];
}

/** What a series was, oldest first. */
export interface Trace {
  readonly times: readonly number[];
  readonly values: readonly number[];
  /** Since when it is watched: nothing is known of before. */
  readonly since: number;
}

/** `steps`: a point every `step_ms`; `changes`: where the value is another than before; `falls`: where it is smaller, unless the agent had said goodbye before. */
export interface LookBack {
  metric: string;
  keep: 'steps' | 'changes' | 'falls';
  window_ms: number;
  /** Of `steps`. */
  step_ms?: number;
  /** A counter that appears while the device is watched began at zero: its first value is an increase. */
  from_zero?: boolean;
  /** Values below are not kept: most are of no interest, and a fleet has many. */
  from?: number;
}

export interface Facts {
  now: number;
  device: {
    id: string;
    name: string;
    site: string | null;
    tags: readonly string[];
    interval_ms: number;
    agent_version?: string | null | undefined;
  };
  presence: { state: PresenceState; since: number; last_seen: number | null };
  /** Latest live values of the metrics that `needs` named. */
  samples: readonly FactSample[];
  /** Asked for when needed: most rules of most devices have no use for money. */
  earnings?(): readonly EarningFacts[];
  stake?(): StakeFacts | null;
  /** Of a metric that `looks_back` named, by series key; of the rule's own steps where it keeps steps. */
  history?(series: string, step_ms?: number): Trace | undefined;
  /** Times at which the agent started anew without a goodbye before, as far back as a day. */
  starts?: readonly number[];
  /** Since when they are counted: nothing is known of before. */
  starts_since?: number | undefined;
  /** The newest agent version in sight. */
  newest_version?(): string | null;
}

/** `keep`: between the levels, or nothing is known: an open alert stays as it is and a closed one stays closed. */
export type Firing = 'yes' | 'no' | 'keep';

export interface Verdict {
  /** What of the device it is about (a series key); '' for the device itself. */
  subject?: string;
  firing: Firing;
  value: number | null;
  /** One sentence naming the device, the value and the limit. */
  why: string;
  /** Where they differ from what the rule's setting says. A severity that the operator chose, other than the rule's own, holds for all its alerts. */
  severity?: Severity | undefined;
  title?: string | undefined;
  after_ms?: number | undefined;
}

export interface RuleDeclaration<S extends v.GenericSchema = v.GenericSchema> {
  id: string;
  title: string;
  severity: Severity;
  config: S;
  /** The config it is on with out of the box; null = off until an operator adds it. */
  default_config: v.InferOutput<S> | null;
  /** Metric ids whose samples it wants to see. */
  needs(config: v.InferOutput<S>): readonly string[];
  /** It says whether the device is there: judged while it is away, as no other is but those of earnings. */
  about_presence?: boolean;
  /** Some of its values are of sources that the hub itself asks: judged while the device is away too, by what came since. */
  hears_sources?: boolean;
  /** It judges `earnings`: asked anew every few minutes. */
  looks_at_earnings?: boolean;
  /** How long it must hold before it fires, ms: it is `pending` meanwhile. */
  delay(config: v.InferOutput<S>): number;
  /** How long all must be well before it resolves, ms; 0 unless said otherwise. */
  recovers?(config: v.InferOutput<S>): number;
  /** What it must know of the past; looked at once a minute while the device reports. */
  looks_back?(config: v.InferOutput<S>): readonly LookBack[];
  /**
   * Values within [low, high] are no reason for an alert: while none of the device is open, such a report is not judged.
   * Null: any value of the series is. The look of `looks_back` is taken in any case.
   */
  calm?(config: v.InferOutput<S>, metric: string, labels: Labels): readonly [low: number, high: number] | null;
  /** What stored history does not tell it, for who looks at a preview. */
  unseen?: string;
  /** Several settings of it about the same metrics stand beside each other, such as two levels. */
  many?: boolean;
  /** Of those: settings with different words here do not take each other's place, such as a level above and one below. */
  side?(config: v.InferOutput<S>): string;
  judge(config: v.InferOutput<S>, facts: Facts): Verdict | Verdict[];
}

export const defineRule = <S extends v.GenericSchema>(declaration: RuleDeclaration<S>): RuleDeclaration<S> => declaration;
