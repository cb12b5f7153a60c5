/** PORT: an alert rule is one file in `rules/` that exports `defineRule({...})`; it judges, the engine keeps the state. */
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

export interface Facts {
  now: number;
  device: { id: string; name: string; site: string | null; tags: readonly string[]; interval_ms: number };
  presence: { state: PresenceState; since: number; last_seen: number | null };
  /** Latest live values of the metrics that `needs` named. */
  samples: readonly FactSample[];
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
  /** How long it must hold before it fires, ms: it is `pending` meanwhile. */
  delay(config: v.InferOutput<S>): number;
  judge(config: v.InferOutput<S>, facts: Facts): Verdict | Verdict[];
}

export const defineRule = <S extends v.GenericSchema>(declaration: RuleDeclaration<S>): RuleDeclaration<S> => declaration;
