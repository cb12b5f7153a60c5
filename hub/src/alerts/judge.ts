import type { Log } from '@muster/shared/log';
import { type Labels, seriesKey } from '@muster/shared/metrics';
import type { LiveValue } from '@muster/shared/wire/live';
import type { Device, Latest, LatestUpdate, Presence, PresenceKeeper, Registry } from '../parts.js';
import type { ActiveRule, NetworksOf, Plan, Watched } from './plan.js';
import type { FactSample, Facts, Verdict } from './rule.js';
import type { Traces } from './traces.js';
import { createNewestVersion } from './versions.js';

export interface FactSources {
  registry: Pick<Registry, 'get' | 'all' | 'declaration'>;
  presence: Pick<PresenceKeeper, 'get'> & Partial<Pick<PresenceKeeper, 'availability'>>;
  latest: Pick<Latest, 'of' | 'ofMetric'>;
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
  const { registry, presence, latest, version } = sources;
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
      const { id, name, site, tags, interval_ms, agent_version } = device;
      const about = { id, name, site, tags, agent_version, interval_ms: interval_ms ?? DEFAULT_INTERVAL_MS };
      const known = presence.get(id);
      const past: Pick<Facts, 'history' | 'starts' | 'newest_version'> = {
        history: (series, step_ms) => traces.of(id, series, step_ms),
        starts: traces.starts(id),
        newest_version: () => newest_version(now),
      };
      return list.map((rule) => ({
        rule,
        verdicts: ask(rule, { now, device: about, presence: known, samples: pick(samples, rule.needs), ...past }),
      }));
    },
  };
};

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
 * The rules that want to see one of the values of a report; asked by the rules' metrics, which are few, not by the values.
 * Nearly every report of a healthy device brings values that are no reason for anything: those are not judged (`calm`).
 */
export const touchedBy = (plan: Plan, update: LatestUpdate, isOpen: (setting: string) => boolean): ReadonlySet<ActiveRule> => {
  let touched: Set<ActiveRule> | null = null;
  for (const [metric, rules] of watchedOf(plan, update)) {
    if (!touches(update, metric)) continue;
    for (const rule of rules) {
      if (touched?.has(rule) || (!isOpen(rule.setting.id) && isCalm(rule, metric, update))) continue;
      touched ??= new Set();
      touched.add(rule);
    }
  }
  return touched ?? NO_RULES;
};

const watchedOf = ({ byMetric, byShape }: Plan, { shape }: LatestUpdate): Iterable<Watched> => {
  if (!shape) return byMetric;
  const known = byShape.get(shape);
  if (known) return known;
  const found = [...byMetric].filter(([metric]) => shape.slotsOf(metric).length > 0);
  byShape.set(shape, found);
  return found;
};

const NO_RULES: ReadonlySet<ActiveRule> = new Set();

const touches = (update: LatestUpdate, metric: string): boolean =>
  update.touches ? update.touches(metric) : update.values.some((value) => value.metric === metric);

const isCalm = (rule: ActiveRule, metric: string, update: LatestUpdate): boolean => {
  const { calm } = rule.declaration;
  if (!calm) return false;
  const wild = (labels: Labels, value: number) => {
    const bounds = boundsOf(rule, metric, labels);
    return bounds === null || value < bounds[0] || value > bounds[1];
  };
  return !(update.some
    ? update.some(metric, wild)
    : update.values.some((one) => one.metric === metric && wild(one.labels, one.value)));
};

/** Asked once for each series of a shape: its labels are one object for all devices that share it. */
const boundsOf = ({ bounds, declaration, setting }: ActiveRule, metric: string, labels: Labels) => {
  const known = bounds.get(labels);
  if (known !== undefined) return known;
  const fresh = declaration.calm?.(setting.config, metric, labels) ?? null;
  bounds.set(labels, fresh);
  return fresh;
};
