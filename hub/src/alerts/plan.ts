import type { Device, RuleSetting } from '../parts.js';
import type { RuleDeclaration } from './rule.js';

/** A rule setting with everything that judging asks for, worked out once. */
export interface ActiveRule {
  setting: RuleSetting;
  declaration: RuleDeclaration;
  needs: readonly string[];
  delay: number;
}

/** What is judged for a device, by setting id and by the metric that a report brings. */
export interface Plan {
  rules: ReadonlyMap<string, ActiveRule>;
  byMetric: ReadonlyMap<string, readonly ActiveRule[]>;
}

export interface Plans {
  of(device: Device): Plan;
  /** The device has another site or other tags, or is gone. */
  drop(device: string): void;
}

type Place = Pick<Device, 'id' | 'site' | 'tags'>;

export const activate = (settings: readonly RuleSetting[], declarations: ReadonlyMap<string, RuleDeclaration>): ActiveRule[] =>
  settings.flatMap((setting) => {
    const declaration = declarations.get(setting.rule);
    if (!setting.enabled || !declaration) return [];
    return [{ setting, declaration, needs: declaration.needs(setting.config), delay: declaration.delay(setting.config) }];
  });

/** Of the settings of one rule about the same metrics only those of the narrowest matching scope hold: device > site > tag > all. */
export const planFor = (device: Place, active: readonly ActiveRule[]): Plan => {
  const matching = active.filter(({ setting }) => rank(setting.scope, device) > 0);
  const narrowest = new Map<string, number>();
  for (const rule of matching) {
    const theme = themeOf(rule);
    narrowest.set(theme, Math.max(narrowest.get(theme) ?? 0, rank(rule.setting.scope, device)));
  }
  return asPlan(matching.filter((rule) => rank(rule.setting.scope, device) === narrowest.get(themeOf(rule))));
};

const themeOf = ({ setting, needs }: ActiveRule): string => JSON.stringify([setting.rule, ...needs]);

/** 0: the scope does not hold the device; else the greater the narrower. */
const rank = (scope: RuleSetting['scope'], device: Place): number => {
  if ('device' in scope) return scope.device === device.id ? 4 : 0;
  if ('site' in scope) return scope.site === device.site ? 3 : 0;
  if ('tag' in scope) return device.tags.includes(scope.tag) ? 2 : 0;
  return 1;
};

const asPlan = (rules: readonly ActiveRule[]): Plan => {
  const byMetric = new Map<string, ActiveRule[]>();
  for (const rule of rules) {
    for (const metric of rule.needs) byMetric.set(metric, [...(byMetric.get(metric) ?? []), rule]);
  }
  return { rules: new Map(rules.map((rule) => [rule.setting.id, rule])), byMetric };
};

/** Devices of the same site and tags share one plan, so 10,000 devices cost a handful. */
export const createPlans = (active: readonly ActiveRule[]): Plans => {
  const named = new Set(active.flatMap(({ setting }) => ('device' in setting.scope ? [setting.scope.device] : [])));
  const shared = new Map<string, Plan>();
  const plans = new Map<string, Plan>();

  const sharedPlan = (device: Device): Plan => {
    const key = JSON.stringify([named.has(device.id) ? device.id : null, device.site, ...device.tags]);
    const plan = shared.get(key) ?? planFor(device, active);
    shared.set(key, plan);
    return plan;
  };
  return {
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
