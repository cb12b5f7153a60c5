import type { Log } from '@muster/shared/log';
import { seriesKey } from '@muster/shared/metrics';
import type { LiveValue } from '@muster/shared/wire/live';
import type { Device, Latest, LatestUpdate, Presence, PresenceKeeper, Registry } from '../parts.js';
import type { ActiveRule, Plan } from './plan.js';
import type { EarningFacts, FactSample, Facts, StakeFacts, Verdict } from './rule.js';

export interface FactSources {
  registry: Pick<Registry, 'get' | 'all' | 'declaration'>;
  presence: Pick<PresenceKeeper, 'get'>;
  latest: Pick<Latest, 'of'>;
  money?: { earnings(device: string): readonly EarningFacts[]; stake(device: string): StakeFacts | null } | undefined;
}

/** Rhythm assumed of a device that never declared one (DESIGN §3.4). */
const DEFAULT_INTERVAL_MS = 300_000;
const NOTHING: readonly FactSample[] = [];

export interface Judge {
  /** Verdicts of some rules of a device, by what is known now. */
  verdicts(device: Device, rules: Iterable<ActiveRule>, now: number): { rule: ActiveRule; verdicts: readonly Verdict[] }[];
  presence(device: string): Presence;
}

export const createJudge = ({ registry, presence, latest, money }: FactSources, log: Log): Judge => {
  const broken = new WeakSet<ActiveRule>();

  const samplesFor = (device: Device, rules: readonly ActiveRule[]): Map<string, FactSample[]> => {
    const samples = new Map<string, FactSample[]>();
    for (const rule of rules) for (const metric of rule.needs) samples.set(metric, []);
    if (samples.size === 0) return samples;
    for (const value of latest.of(device.id)) samples.get(value.metric)?.push(asSample(value));
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
    verdicts(device, rules, now) {
      const list = [...rules];
      const samples = samplesFor(device, list);
      const { id, name, site, tags, interval_ms } = device;
      const about = { id, name, site, tags, interval_ms: interval_ms ?? DEFAULT_INTERVAL_MS };
      const known = presence.get(id);
      let earned: readonly EarningFacts[] | undefined;
      const worth = money && {
        earnings: () => {
          earned ??= money.earnings(id);
          return earned;
        },
        stake: () => money.stake(id),
      };
      return list.map((rule) => ({
        rule,
        verdicts: ask(rule, { now, device: about, presence: known, samples: pick(samples, rule.needs), ...worth }),
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

/** The rules that want to see one of the values of a report; asked by the rules' metrics, which are few, not by the values. */
export const touchedBy = ({ byMetric }: Plan, update: LatestUpdate): ReadonlySet<ActiveRule> => {
  let touched: Set<ActiveRule> | null = null;
  for (const [metric, rules] of byMetric) {
    if (!touches(update, metric)) continue;
    touched ??= new Set();
    for (const rule of rules) touched.add(rule);
  }
  return touched ?? NO_RULES;
};

const NO_RULES: ReadonlySet<ActiveRule> = new Set();

const touches = (update: LatestUpdate, metric: string): boolean =>
  update.touches ? update.touches(metric) : update.values.some((value) => value.metric === metric);
