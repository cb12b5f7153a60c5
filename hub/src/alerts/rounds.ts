import type { Clock } from '@muster/shared/clock';
import type { Device, LatestUpdate, Presence, Registry } from '../parts.js';
import type { LatestValue } from '../store/store.js';
import type { Cell } from './cells.js';
import { type Judge, touchedBy } from './judge.js';
import { isAway } from './lifecycle.js';
import type { ActiveRule, Plans } from './plan.js';
import type { Traces } from './traces.js';
import type { Subject, Watch } from './watch.js';

/**
 * A rule sees a series for 26 hours after its last value (a day is the longest cadence). One that it no longer sees is gone once its
 * device is online for this long: some are never online for a day, and their alerts would stay open for ever.
 */
const GONE_MS = 2 * 3_600_000;

export interface RoundNeeds {
  watch: Watch;
  judge: Judge;
  registry: Pick<Registry, 'get'>;
  clock: Clock;
  plans: () => Plans;
  /** Something has become pending and falls due then. */
  expect: (at: number) => void;
  traces: Traces;
}

/** Ends the alerts of a device whose rule no longer holds for it. */
const createReconcile =
  ({ watch, registry, plans }: Pick<RoundNeeds, 'watch' | 'registry' | 'plans'>) =>
  (id: string, by = 'hub') => {
    const device = registry.get(id);
    for (const cell of id === '' ? [] : watch.cells.of(id)) {
      if (!device) watch.end(cell, `${cell.alert.device_name} was removed.`, by);
      else if (!plans().of(device).rules.has(cell.setting)) {
        watch.end(cell, `The rule "${cell.alert.title}" no longer applies to ${device.name}.`, by);
      }
    }
  };

interface Judged {
  presence: Presence;
  rules: Iterable<ActiveRule>;
}

/** Whatever a rule would make of old values: while the device is away only its presence is judged. */
const judgedNow = (watch: Pick<Watch, 'pause'>, id: string, { presence, rules }: Judged): Iterable<ActiveRule> => {
  const { state, since } = presence;
  if (!isAway(state)) return rules;
  const [seen, unseen] = [[] as ActiveRule[], new Set<string>()];
  for (const rule of rules) {
    if (rule.declaration.about_presence || rule.declaration.hears_sources) seen.push(rule);
    else unseen.add(rule.setting.id);
  }
  watch.pause(id, unseen, state === 'reconnecting' ? null : since);
  return seen;
};

/** What is judged when: a report, a device, or the alerts that are open. */
export const createRounds = ({ watch, judge, registry, clock, plans, expect, traces }: RoundNeeds) => {
  const judgeRules = (device: Device, rules: Iterable<ActiveRule>) => {
    const there = judgedNow(watch, device.id, { presence: judge.presence(device.id), rules });
    const judged = judge.verdicts(device, there, clock.now());
    for (const { rule, verdicts } of judged) {
      const about = subjectOf(rule, device);
      for (const verdict of verdicts) {
        const due = watch.judge(about, verdict);
        if (due !== null) expect(due);
      }
    }
    return judged;
  };

  const reconcile = createReconcile({ watch, registry, plans });
  const isGone = ({ device }: Cell): boolean => {
    const { state, since } = judge.presence(device);
    return state === 'online' && clock.now() - since >= GONE_MS;
  };

  return {
    judgeRules,
    reconcile,
    report(device: Device, update: LatestUpdate) {
      const now = clock.now();
      const due = traces.due(device.id, now);
      if (due && plans().by_network) {
        plans().drop(device.id);
        reconcile(device.id);
      }
      const plan = plans().of(device);
      const news = due ? judge.look(device.id, plan, now) : null;
      const touched = touchedBy(plan, update, watch.cells.settings(device.id));
      const rules = news?.size ? new Set([...touched, ...plan.lookers.filter((rule) => asksFor(rule, news))]) : touched;
      if (rules.size > 0) judgeRules(device, rules);
    },
    device(id: string) {
      const device = registry.get(id);
      if (!device) return;
      traces.boot(id, judge.presence(id), clock.now());
      judgeRules(device, plans().of(device).rules.values());
    },
    recalled(id: string, stored: readonly LatestValue[]) {
      const device = registry.get(id);
      const plan = device && plans().of(device);
      if (device && plan && traces.recall(id, plan.looks, stored)) judgeRules(device, plan.lookers);
    },
    /** Judges what looks at the income of a device. */
    income(id: string) {
      const device = registry.get(id);
      if (!device) return;
      const rules = [...plans().of(device).rules.values()].filter(({ declaration }) => declaration.looks_at_earnings);
      if (rules.length > 0) judgeRules(device, rules);
    },
    /** Judges the open alerts of a device by all that is known of it; what no verdict speaks of any more ends when `gone` says so. */
    sweep(id: string, gone: (cell: Cell) => boolean = isGone) {
      const device = registry.get(id);
      if (!device) return reconcile(id);
      const plan = plans().of(device);
      const open = new Set(watch.cells.of(id).flatMap((cell) => plan.rules.get(cell.setting) ?? []));
      for (const { rule, verdicts } of judgeRules(device, open)) {
        const spoken = new Set(verdicts.map(({ subject = '' }) => subject));
        for (const cell of watch.cells.of(id)) {
          if (cell.setting !== rule.setting.id || spoken.has(cell.subject) || !gone(cell)) continue;
          watch.end(cell, `${device.name} no longer reports ${cell.subject || 'what this rule needs'}.`);
        }
      }
    },
  };
};

const asksFor = ({ looks }: ActiveRule, metrics: ReadonlySet<string>): boolean => looks.some(({ metric }) => metrics.has(metric));

export type Rounds = ReturnType<typeof createRounds>;

const subjectOf = ({ setting, delay, recover, own_severity }: ActiveRule, device: Device): Subject => ({
  setting: setting.id,
  device: device.id,
  device_name: device.name,
  title: setting.title,
  severity: setting.severity,
  own_severity,
  delay,
  recover,
});

/** Fires what is due. One that is due but judged `keep` waits for news or the sweep, not for the clock. */
export const createDueRound = (
  { watch, registry, clock, plans, expect }: Omit<RoundNeeds, 'judge' | 'traces'>,
  rounds: Rounds,
) => {
  const ruleOf = (cell: Cell) => {
    const device = registry.get(cell.device);
    const rule = device && plans().of(device).rules.get(cell.setting);
    return device && rule ? { device, rule, due: cell.held.since + (cell.delay ?? rule.delay) } : null;
  };
  const expectNext = () => {
    const now = clock.now();
    let next = Number.POSITIVE_INFINITY;
    for (const cell of watch.cells.pending) {
      const due = ruleOf(cell)?.due ?? 0;
      if (due > now && due < next) next = due;
    }
    expect(next);
  };
  return {
    expectNext,
    fire() {
      const now = clock.now();
      for (const cell of [...watch.cells.pending]) {
        const found = ruleOf(cell);
        if (found && found.due <= now && watch.cells.pending.has(cell)) rounds.judgeRules(found.device, [found.rule]);
      }
      expectNext();
    },
  };
};
