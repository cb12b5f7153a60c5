import { parseSeriesKey } from '@muster/shared/metrics';
import { loadPlugins } from '@muster/shared/plugins';
import { type FixtureCase, readFixtures } from '@muster/shared/testing/cases';
import type { PresenceState } from '@muster/shared/wire/live';
import * as v from 'valibot';
import { expect, test } from 'vitest';
import { type AlertChange, advance, type Held } from './lifecycle.js';
import type { FactSample, Facts, RuleDeclaration, Verdict } from './rule.js';

interface Moment {
  at_ms: number;
  presence?: PresenceState;
  samples?: Record<string, number>;
}
interface Happened {
  at_ms: number;
  change: AlertChange;
  subject?: string;
}
interface RuleCase extends FixtureCase {
  config: unknown;
  timeline?: Moment[];
  expect?: Happened[];
  /** A word of the message with which the config is refused. */
  refused?: string;
}

const folder = new URL('./rules/', import.meta.url);
const rules = await loadPlugins<RuleDeclaration>(folder);

/** Plays a timeline through the lifecycle, looking again whenever something pending falls due. */
const play = (rule: RuleDeclaration, config: unknown, timeline: readonly Moment[]): Happened[] => {
  const happened: Happened[] = [];
  const held = new Map<string, Held>();
  const samples = new Map<string, FactSample>();
  let presence: Facts['presence'] = { state: 'never_seen', since: 0, last_seen: null };
  const delay = rule.delay(config);

  const look = (now: number) => {
    const device = { id: 'attic-pi', name: 'Attic Pi', site: null, tags: [], interval_ms: 10_000 };
    const wanted = [...samples.values()].filter(({ metric }) => rule.needs(config).includes(metric));
    const verdicts: Verdict[] = [rule.judge(config, { now, device, presence, samples: wanted })].flat();
    for (const { subject = '', firing, why } of verdicts) {
      expect(why).toContain('Attic Pi');
      const step = advance(held.get(subject) ?? null, firing, { now, delay });
      if (step.held) held.set(subject, step.held);
      else held.delete(subject);
      if (step.change) happened.push({ at_ms: now, change: step.change, ...(subject && { subject }) });
    }
  };
  const dueBy = (limit: number) =>
    [...held.values()]
      .filter(({ state, since }) => state === 'pending' && since + delay < limit)
      .map(({ since }) => since + delay)
      .sort((a, b) => a - b);
  let now = 0;
  for (const moment of timeline) {
    for (const due of dueBy(moment.at_ms)) if (due > now) look(due);
    now = moment.at_ms;
    if (moment.presence) presence = { state: moment.presence, since: now, last_seen: now };
    for (const [series, value] of Object.entries(moment.samples ?? {})) {
      const key = parseSeriesKey(series);
      if (key) samples.set(series, { series, ...key, value, ts: now });
    }
    look(now);
  }
  return happened;
};

for (const { id, cases, file } of readFixtures<RuleCase>(folder)) {
  test(`rule ${id} has a fixture`, () => {
    expect(cases, `add ${file} beside the rule`).not.toBeNull();
    expect(cases?.length ?? 0).toBeGreaterThanOrEqual(3);
  });
  for (const one of cases ?? []) {
    test(`${id}: ${one.name}`, () => {
      const rule = rules.get(id);
      if (!rule) throw new Error(`${id} did not load`);
      const config = v.safeParse(rule.config, one.config);
      if (one.refused !== undefined) {
        expect(config.success).toBe(false);
        const issue = config.issues?.[0];
        expect(issue && `${v.getDotPath(issue) ?? ''} ${issue.message}`).toContain(one.refused);
        return;
      }
      expect(config.success).toBe(true);
      const happened = play(rule, config.output, one.timeline ?? []);
      const named = (one.expect ?? []).some(({ subject }) => subject !== undefined);
      expect(named ? happened : happened.map(({ subject: _subject, ...rest }) => rest)).toEqual(one.expect ?? []);
    });
  }
}
