import type { Severity } from '@muster/shared/wire/live';
import type { Device, RuleScope, RuleSetting } from '../parts.js';
import type { LookBack, RuleDeclaration } from './rule.js';

/** A rule setting with everything that judging asks for, worked out once. */
export interface ActiveRule {
  setting: RuleSetting;
  declaration: RuleDeclaration;
  needs: readonly string[];
  delay: number;
  recover: number;
  looks: readonly LookBack[];
  /** The operator chose another severity than the rule's own: it holds whatever a verdict says. */
  own_severity: Severity | undefined;
}

/** What is judged for a device, by setting id and by the metric that a report brings. */
export interface Plan {
  rules: ReadonlyMap<string, ActiveRule>;
  byMetric: ReadonlyMap<string, readonly ActiveRule[]>;
  /** What of it concerns devices that report the same series: of some forty metrics a handful. */
  bounds: WeakMap<object, readonly Bound[]>;
  /** Rules that ask for the past, and what they ask for. */
  lookers: readonly ActiveRule[];
  looks: readonly LookBack[];
}

/** A series whose value is worth a look of the rule below `low` or above `high`. */
export interface Bound {
  slot: number;
  low: number;
  high: number;
  rule: ActiveRule;
}

export interface Plans {
  of(device: Device): Plan;
  /** What a setting is made of, where it is in use. */
  declaration(setting: string): RuleDeclaration | undefined;
  /** The device has another site or other tags, or is gone. */
  drop(device: string): void;
  /** Some rule is for a network: plans follow what devices report. */
  readonly by_network: boolean;
}

type Place = Pick<Device, 'id' | 'site' | 'tags'> & Partial<Pick<Device, 'about' | 'carried_by'>>;
export type NetworksOf = (device: string) => ReadonlySet<string>;

const NO_NETWORKS: ReadonlySet<string> = new Set();

export const activate = (settings: readonly RuleSetting[], declarations: ReadonlyMap<string, RuleDeclaration>): ActiveRule[] =>
  settings.flatMap((setting) => {
    const declaration = declarations.get(setting.rule);
    return setting.enabled && declaration ? [activateOne(setting, declaration)] : [];
  });

export const activateOne = (setting: RuleSetting, declaration: RuleDeclaration): ActiveRule => {
  const { config } = setting;
  return {
    setting,
    declaration,
    needs: declaration.needs(config),
    delay: declaration.delay(config),
    recover: declaration.recovers?.(config) ?? 0,
    looks: declaration.looks_back?.(config) ?? [],
    own_severity: setting.severity === declaration.severity ? undefined : setting.severity,
  };
};

/**
 * Of the settings of one rule about the same metrics only those of the narrowest matching scope hold: device > site > tag >
 * kind > network > all. Of several in the same scope, such as two tags, the more severe holds, then the smaller id; rules of
 * which there may be many stand beside each other. One that is switched off, or leaves the device out, is none: it never keeps
 * a wider one from holding.
 */
export const planFor = (device: Place, active: readonly ActiveRule[], networks: NetworksOf = () => NO_NETWORKS): Plan => {
  const known: Known = { device, kinds: kindsOf(device), networks: () => networks(device.id) };
  const themes = new Map<string, { rank: number; rules: ActiveRule[] }>();
  for (const rule of active) {
    const { scope, except = [] } = rule.setting;
    const rank = except.some((one) => rankOf(one, known) > 0) ? 0 : rankOf(scope, known);
    const theme = themeOf(rule);
    const best = themes.get(theme);
    if (rank === 0 || (best && best.rank > rank)) continue;
    if (best?.rank === rank) best.rules.push(rule);
    else themes.set(theme, { rank, rules: [rule] });
  }
  const holding = new Set([...themes.values()].flatMap(({ rules }) => chosenOf(rules)));
  return asPlan(active.filter((rule) => holding.has(rule)));
};

const themeOf = ({ setting, declaration, needs }: ActiveRule): string =>
  declaration.many ? JSON.stringify([setting.rule, declaration.side?.(setting.config), ...needs]) : setting.rule;

const SEVERITIES = { critical: 0, warning: 1, info: 2 };

const chosenOf = (rules: readonly ActiveRule[]): readonly ActiveRule[] => {
  if (rules.length < 2 || rules[0]?.declaration.many) return rules;
  const order = (a: ActiveRule, b: ActiveRule) =>
    SEVERITIES[a.setting.severity] - SEVERITIES[b.setting.severity] || (a.setting.id < b.setting.id ? -1 : 1);
  return [...rules].sort(order).slice(0, 1);
};

interface Known {
  device: Place;
  kinds: ReadonlySet<string>;
  networks: () => ReadonlySet<string>;
}

/** 0: the scope does not hold the device; else the greater the narrower. */
const rankOf = (scope: RuleScope, { device, kinds, networks }: Known): number => {
  if ('device' in scope) return scope.device === device.id ? 6 : 0;
  if ('site' in scope) return scope.site === device.site ? 5 : 0;
  if ('tag' in scope) return device.tags.includes(scope.tag) ? 4 : 0;
  if ('kind' in scope) return kinds.has(scope.kind) ? 3 : 0;
  if ('network' in scope) return networks().has(scope.network) ? 2 : 0;
  return 1;
};

/** What a device is, from its inventory: several words may fit. */
export const kindsOf = ({ about = {}, carried_by = null }: Pick<Place, 'about' | 'carried_by'>): ReadonlySet<string> => {
  const model = `${about['model'] ?? ''}`.toLowerCase();
  const os = `${about['os'] ?? ''}`.toLowerCase();
  return new Set([
    ...(carried_by === null ? [] : ['carried']),
    ...(model.startsWith('raspberry pi') ? ['raspberry_pi'] : []),
    ...(/jetson|tegra/.test(model) ? ['jetson'] : []),
    ...(Object.keys(about).some((name) => /^gpu/.test(name)) ? ['gpu'] : []),
    ...(/linux|debian|ubuntu|raspbian|alpine|fedora|arch/.test(os) ? ['linux'] : []),
    ...(/windows/.test(os) ? ['windows'] : []),
  ]);
};

const asPlan = (rules: readonly ActiveRule[]): Plan => {
  const byMetric = new Map<string, ActiveRule[]>();
  for (const rule of rules) {
    for (const metric of new Set(rule.needs)) byMetric.set(metric, [...(byMetric.get(metric) ?? []), rule]);
  }
  const lookers = rules.filter(({ looks }) => looks.length > 0);
  const byId = new Map(rules.map((rule) => [rule.setting.id, rule]));
  return { rules: byId, byMetric, bounds: new WeakMap(), lookers, looks: mergedLooks(lookers) };
};

/** One memory for all who ask for the same steps of a metric, as long as the longest. */
const mergedLooks = (rules: readonly ActiveRule[]): LookBack[] => {
  const merged = new Map<string, LookBack>();
  for (const look of rules.flatMap(({ looks }) => looks)) {
    const key = `${look.step_ms ?? 0}|${look.metric}`;
    const known = merged.get(key);
    merged.set(key, known ? widest(known, look) : look);
  }
  return [...merged.values()];
};

const widest = (a: LookBack, b: LookBack): LookBack => {
  const { from: _from, ...rest } = { ...a, window_ms: Math.max(a.window_ms, b.window_ms) };
  return a.from === undefined || b.from === undefined ? rest : { ...rest, from: Math.min(a.from, b.from) };
};

/** Devices of the same site, tags and kind share one plan, so 10,000 devices cost a handful. */
export const createPlans = (active: readonly ActiveRule[], networks: NetworksOf = () => NO_NETWORKS): Plans => {
  const scopes = active.flatMap(({ setting: { scope, except = [] } }): RuleScope[] => [scope, ...except]);
  const named = new Set(scopes.flatMap((scope) => ('device' in scope ? [scope.device] : [])));
  const chosen = [...new Set(scopes.flatMap((scope) => ('network' in scope ? [scope.network] : [])))];
  const declarations = new Map(active.map(({ setting, declaration }) => [setting.id, declaration]));
  const shared = new Map<string, Plan>();
  const plans = new Map<string, Plan>();

  const sharedPlan = (device: Device): Plan => {
    const known = chosen.length > 0 ? networks(device.id) : NO_NETWORKS;
    const there = chosen.filter((network) => known.has(network));
    const key = JSON.stringify([named.has(device.id) ? device.id : null, device.site, device.tags, [...kindsOf(device)], there]);
    const plan = shared.get(key) ?? planFor(device, active, () => known);
    shared.set(key, plan);
    return plan;
  };
  return {
    by_network: chosen.length > 0,
    declaration: (setting) => declarations.get(setting),
    of(device) {
      const known = plans.get(device.id);
      if (known) return known;
      const plan = sharedPlan(device);
      plans.set(device.id, plan);
      return plan;
    },
    drop: (device) => void plans.delete(device),
  };
};
