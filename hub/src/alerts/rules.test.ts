import type { MetricKind } from '@muster/shared/metrics';
import { undeclared } from '@muster/shared/metrics';
import { type FixtureCase, readFixtures } from '@muster/shared/testing/cases';
import type { LiveAlertEvent, PresenceState, Severity } from '@muster/shared/wire/live';
import * as v from 'valibot';
import { expect, test } from 'vitest';
import type { Device } from '../parts.js';
import type { Json } from '../store/store.js';
import type { RuleDeclaration } from './rule.js';
import { type DayEvent, type DayMoment, playDays, timeOf } from './testing/days.js';
import { createHarness, rules } from './testing/harness.js';

/** What happens at a time, once or again and again until `until_ms`. */
interface Moment {
  at_ms: number;
  until_ms?: number;
  every_ms?: number;
  presence?: PresenceState;
  boot?: string;
  samples?: Record<string, number>;
  /** Added to the samples for each hour since `at_ms`. */
  rise_per_h?: Record<string, number>;
  device?: Partial<Device>;
}
interface Happened {
  at_ms: number;
  change: LiveAlertEvent['change'];
  subject?: string;
  severity?: Severity;
  /** A part of the sentence. */
  why?: string;
}
interface RuleCase extends FixtureCase {
  config: Json;
  /** Kinds of metrics that are no gauges. */
  kinds?: Record<string, MetricKind>;
  /** Of the hub. */
  version?: string;
  timeline?: Moment[];
  expect?: Happened[];
  /** A word of the message with which the config is refused. */
  refused?: string;
}

interface DayCase {
  timeline: DayMoment[];
  expect?: DayEvent[];
}

const folder = new URL('./rules/', import.meta.url);
const ID = 'attic-pi';

/** Plays a timeline through the whole of the alerts: what rules remember, what is skipped as calm, delays and recovery. */
const play = async (rule: string, one: RuleCase): Promise<(Happened & { why: string })[]> => {
  const kindOf = (metric: string) => one.kinds?.[metric] ?? 'gauge';
  const hub = createHarness(rules, { version: one.version });
  hub.declare((metric) => ({ ...undeclared(metric), kind: kindOf(metric) }));
  hub.store.automatic(true);
  hub.device(ID, { name: 'Attic Pi' });
  await hub.start();
  await hub.alerts.setRules(
    [{ id: 'rule', rule, title: 'Rule', enabled: true, severity: 'warning', scope: { all: true }, config: one.config }],
    'test',
  );
  const began = hub.clock.now();
  for (const moment of momentsOf(one.timeline ?? [])) {
    hub.clock.advance(Math.max(0, moment.at_ms - (hub.clock.now() - began)));
    if (moment.device) hub.device(ID, { name: 'Attic Pi', ...moment.device });
    if (moment.presence) hub.presence(ID, moment.presence, moment.boot);
    if (moment.samples) hub.report(ID, moment.samples);
  }
  hub.clock.advance(1);
  hub.alerts.stop();
  return hub.events.map(({ ts, change, alert }) => ({
    at_ms: ts - began,
    change,
    subject: hub.subjectOf(alert.id),
    severity: alert.severity,
    why: alert.why,
  }));
};

const momentsOf = (timeline: readonly Moment[]): Moment[] => timeline.flatMap(repeated);

const repeated = (moment: Moment): Moment[] => {
  const { at_ms, until_ms = at_ms, every_ms = 60_000, samples = {}, rise_per_h = {} } = moment;
  const moments: Moment[] = [{ ...moment }];
  for (let at = at_ms + every_ms; at <= until_ms; at += every_ms) {
    const hours = (at - at_ms) / 3_600_000;
    const risen = Object.entries(samples).map(([series, value]) => [series, value + hours * (rise_per_h[series] ?? 0)]);
    moments.push({ at_ms: at, samples: Object.fromEntries(risen) });
  }
  return moments;
};

for (const { id, cases, file } of readFixtures<RuleCase>(folder)) {
  test(`rule ${id} has a fixture`, () => {
    expect(cases, `add ${file} beside the rule`).not.toBeNull();
    expect(cases?.length ?? 0).toBeGreaterThanOrEqual(3);
  });
  for (const one of cases ?? []) {
    test(`${id}: ${one.name}`, async () => {
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
      if (isOfDays(one)) return checkDays(rule, config.output, one);
      const happened = await play(id, one);
      const wanted = (one.expect ?? []).map((event, index) => ({ ...shownAs(happened[index], event), ...event }));
      const found = happened.map((event, index) => shownAs(event, one.expect?.[index] ?? event));
      expect(found).toEqual(wanted.map(({ why: _why, ...event }) => event));
      for (const [index, { why = 'Attic Pi' }] of (one.expect ?? []).entries()) expect(happened[index]?.why).toContain(why);
      for (const { why } of happened) expect(why).toContain('Attic Pi');
    });
  }
}

/** Timelines of income count in days. */
const isOfDays = (one: RuleCase | DayCase): one is DayCase => (one.timeline ?? []).some((moment) => 'day' in moment);

const checkDays = (rule: RuleDeclaration, config: unknown, { timeline, expect: wanted = [] }: DayCase): void => {
  const happened = playDays(rule, config, timeline);
  const named = wanted.some(({ subject }) => subject !== undefined);
  const seen = happened.map(({ at_ms, change, subject }) => ({ at_ms, change, ...(named && { subject }) }));
  expect(seen).toEqual(wanted.map(({ change, subject, ...at }) => ({ at_ms: timeOf(at), change, ...(named && { subject }) })));
  for (const [index, { why }] of wanted.entries()) if (why !== undefined) expect(happened[index]?.why).toContain(why);
};

/** Of an event what its expectation names. */
const shownAs = (event: Happened | undefined, wanted: Partial<Happened>): Partial<Happened> => {
  if (!event) return {};
  const { at_ms, change, subject = '', severity } = event;
  return {
    ...{ at_ms, change },
    ...(wanted.subject !== undefined && { subject }),
    ...(wanted.severity !== undefined && severity !== undefined && { severity }),
  };
};

test('disk_full: an alert by its trend stays open over a restart of the hub, which knows of no trend yet', async () => {
  const hub = createHarness();
  hub.store.automatic(true);
  hub.device(ID);
  await hub.start();
  hub.presence(ID, 'online');
  const fill = (from: number, minutes: number) => {
    for (let at = 0; at < minutes; at += 5) {
      hub.report(ID, { 'system.filesystem.utilization{mountpoint=/}': from + (at / 60) * 0.015 });
      hub.clock.advance(300_000);
    }
  };
  fill(0.7, 240);
  expect(hub.heard()).toEqual([`pending disk_full ${ID}`, `firing disk_full ${ID}`]);
  await hub.restart(10_000);
  hub.presence(ID, 'online');
  fill(0.76, 60);
  expect(hub.heard()).toEqual([]);
  hub.report(ID, { 'system.filesystem.utilization{mountpoint=/}': 0.5 });
  hub.clock.advance(660_000);
  expect(hub.heard()).toEqual([`resolved disk_full ${ID}`]);
});
