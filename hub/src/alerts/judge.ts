import type { Log } from '@muster/shared/log';
import { type Labels, seriesKey } from '@muster/shared/metrics';
import type { LiveValue } from '@muster/shared/wire/live';
import type { Device, Latest, LatestUpdate, Presence, PresenceKeeper, Registry, ShapeView } from '../parts.js';
import type { ActiveRule, Bound, NetworksOf, Plan } from './plan.js';
import type { EarningFacts, FactSample, Facts, StakeFacts, Verdict } from './rule.js';
import type { Traces } from './traces.js';
import { createNewestVersion } from './versions.js';

export interface FactSources {
  registry: Pick<Registry, 'get' | 'all' | 'declaration'>;
  presence: Pick<PresenceKeeper, 'get'> & Partial<Pick<PresenceKeeper, 'availability'>>;
  latest: Pick<Latest, 'of' | 'ofMetric'>;
  money?: { earnings(device: string): readonly EarningFacts[]; stake(device: string): StakeFacts | null } | undefined;
  /** Networks that a device is part of. */
  networks?: NetworksOf | undefined;
  /** Of this hub: an agent should not be older. */
  version?: string | undefined;
}

/** Rhythm assumed of a device that never declared one (DESIGN §3.4). */
const DEFAULT_INTERVAL_MS = 300_000;
const NOTHING: readonly FactSample[] = [];

export interface Judge {
  /** Verdicts of some rules of a device, by what is known now. */
  verdicts(device: Device, rules: Iterable<ActiveRule>, now: number): { rule: ActiveRule; verdicts: readonly Verdict[] }[];
  presence(device: string): Presence;
  /** Remembers what the rules of a plan must know of the past. */
  look(device: string, plan: Plan, now: number): ReadonlySet<string>;
}

export const createJudge = (sources: FactSources, log: Log, traces: Traces): Judge => {
  const { registry, presence, latest, version, money } = sources;
  const newest_version = createNewestVersion(registry, version);
  const valuesOf = (device: string, metrics: Iterable<string>): LiveValue[] => {
    const { ofMetric } = latest;
    if (ofMetric) return [...metrics].flatMap((metric) => ofMetric(device, metric));
    const wanted = new Set(metrics);
    return latest.of(device).filter(({ metric }) => wanted.has(metric));
  };
  const broken = new WeakSet<ActiveRule>();

  const samplesFor = (device: Device, rules: readonly ActiveRule[]): Map<string, FactSample[]> => {
    const samples = new Map<string, FactSample[]>();
    for (const rule of rules) for (const metric of rule.needs) samples.set(metric, []);
    if (samples.size === 0) return samples;
    for (const value of valuesOf(device.id, samples.keys())) samples.get(value.metric)?.push(asSample(value));
    for (const [metric, list] of samples) {
      if (list.length === 0) continue;
      const declaration = registry.declaration(device.id, metric);
      for (const sample of list) sample.declaration = declaration;
    }
    return samples;
  };
  const worthOf = (id: string) => {
    let earned: readonly EarningFacts[] | undefined;
    return (
      money && {
        earnings: () => {
          earned ??= money.earnings(id);
          return earned;
        },
        stake: () => money.stake(id),
      }
    );
  };
  const ask = (rule: ActiveRule, facts: Facts): readonly Verdict[] => {
    try {
      const answer = rule.declaration.judge(rule.setting.config, facts);
      return Array.isArray(answer) ? answer : [answer];
    } catch (error) {
      if (!broken.has(rule)) log.error('An alert rule failed; its alerts stay as they are', { rule: rule.setting.id, error });
      broken.add(rule);
      return [];
    }
  };

  return {
    presence: (device) => presence.get(device),
    look(device, { looks }, now) {
      return traces.look(device, looks, { values: valuesOf(device, new Set(looks.map(({ metric }) => metric))), now });
    },
    verdicts(device, rules, now) {
      const list = [...rules];
      const samples = samplesFor(device, list);
      const { id } = device;
      const about = { device: aboutOf(device), presence: presence.get(id) };
      const past = {
        history: (series: string, step_ms?: number) => traces.of(id, series, step_ms),
        starts: traces.starts(id),
        starts_since: traces.startsSince(id),
        newest_version: () => newest_version(now),
        ...worthOf(id),
      };
      return list.map((rule) => ({
        rule,
        verdicts: ask(rule, { now, ...about, samples: pick(samples, rule.needs), ...past }),
      }));
    },
  };
};

const aboutOf = ({ id, name, site, tags, interval_ms, agent_version }: Device): Facts['device'] => ({
  ...{ id, name, site, tags, agent_version },
  interval_ms: interval_ms ?? DEFAULT_INTERVAL_MS,
});

const asSample = ({ metric, labels, value, ts }: LiveValue): FactSample => ({
  series: seriesKey(metric, labels),
  metric,
  labels,
  value,
  ts,
});

const pick = (samples: ReadonlyMap<string, FactSample[]>, needs: readonly string[]): readonly FactSample[] => {
  const [first] = needs;
  if (first === undefined) return NOTHING;
  return needs.length === 1 ? (samples.get(first) ?? NOTHING) : needs.flatMap((metric) => samples.get(metric) ?? []);
};

/**
 * The rules that are to look at a report. Nearly every report of a healthy device brings values that are no reason for anything
 * (`calm`): its series are compared with their bounds, a few nanoseconds each, and only what is open is judged in any case.
 */
export const touchedBy = (plan: Plan, update: LatestUpdate, open: Iterable<string>): ReadonlySet<ActiveRule> => {
  let touched: Set<ActiveRule> | null = null;
  for (const { slot, low, high, rule } of update.shape ? boundsOf(plan, update.shape) : NO_BOUNDS) {
    const value = update.at?.(slot) ?? Number.NaN;
    if (value < low || value > high) touched = (touched ?? new Set()).add(rule);
  }
  if (!update.shape) for (const rule of wildIn(plan, update)) touched = (touched ?? new Set()).add(rule);
  for (const setting of open) {
    const rule = plan.rules.get(setting);
    if (rule?.needs.some((metric) => touches(update, metric))) touched = (touched ?? new Set()).add(rule);
  }
  return touched ?? NO_RULES;
};

const NO_RULES: ReadonlySet<ActiveRule> = new Set();
const NO_BOUNDS: readonly Bound[] = [];

/** Once for all devices that report the same series. A rule without `calm` looks at every value. */
const boundsOf = (plan: Plan, shape: ShapeView): readonly Bound[] => {
  const known = plan.bounds.get(shape);
  if (known) return known;
  const bounds = [...plan.byMetric].flatMap(([metric, rules]) =>
    shape.slotsOf(metric).flatMap((slot) => {
      const { labels } = shape.series(slot);
      return rules.map((rule): Bound => ({ slot, rule, ...calmOf(rule, metric, labels) }));
    }),
  );
  const useful = bounds.filter(({ low, high }) => low !== Number.NEGATIVE_INFINITY || high !== Number.POSITIVE_INFINITY);
  plan.bounds.set(shape, useful);
  return useful;
};

const calmOf = ({ declaration, setting }: ActiveRule, metric: string, labels: Labels): { low: number; high: number } => {
  try {
    const [low, high] = declaration.calm?.(setting.config, metric, labels) ?? NEVER_CALM;
    return { low, high };
  } catch {
    // A rule that fails must not keep the others from looking; `judge` says that it fails.
    return { low: NEVER_CALM[0], high: NEVER_CALM[1] };
  }
};

const NEVER_CALM = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY] as const;

/** The same by the values themselves. */
const wildIn = ({ byMetric }: Plan, { values }: LatestUpdate): ActiveRule[] =>
  values.flatMap(({ metric, labels, value }) =>
    (byMetric.get(metric) ?? []).filter((rule) => {
      const { low, high } = calmOf(rule, metric, labels);
      return value < low || value > high;
    }),
  );

const touches = (update: LatestUpdate, metric: string): boolean =>
  update.touches ? update.touches(metric) : update.values.some((value) => value.metric === metric);
