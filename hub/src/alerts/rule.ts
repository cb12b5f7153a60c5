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

export interface Facts {
  now: number;
  device: { id: string; name: string; site: string | null; tags: readonly string[]; interval_ms: number };
  presence: { state: PresenceState; since: number; last_seen: number | null };
  /** Latest live values of the metrics that `needs` named. */
  samples: readonly FactSample[];
  /** Asked for when needed: most rules of most devices have no use for money. */
  earnings?(): readonly EarningFacts[];
  stake?(): StakeFacts | null;
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
  /** It judges `earnings`: asked anew every few minutes. */
  looks_at_earnings?: boolean;
  /** How long it must hold before it fires, ms: it is `pending` meanwhile. */
  delay(config: v.InferOutput<S>): number;
  judge(config: v.InferOutput<S>, facts: Facts): Verdict | Verdict[];
}

export const defineRule = <S extends v.GenericSchema>(declaration: RuleDeclaration<S>): RuleDeclaration<S> => declaration;
