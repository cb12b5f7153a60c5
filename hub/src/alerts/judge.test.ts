import { parseSeriesKey } from '@muster/shared/metrics';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { LatestUpdate } from '../parts.js';
import { touchedBy } from './judge.js';
import { activate, planFor } from './plan.js';
import { aDevice, rules } from './testing/harness.js';

const KEYS = [
  'hw.temperature{zone=cpu-thermal}',
  'hw.temperature{chip=iwlwifi_1,sensor=temp1}',
  'system.filesystem.utilization{mountpoint=/}',
  'raspberry_pi.throttled{reason=under_voltage,when=now}',
  'system.uptime',
  'helium.router_connected',
  'hw.gpu.present{gpu=GPU-1}',
  'a.b',
];
const series = KEYS.map((key) => parseSeriesKey(key) ?? { metric: key, labels: {} });
const defaults = [...rules.values()].flatMap(({ id, title, severity, default_config }) =>
  default_config === null
    ? []
    : [{ id, rule: id, title, enabled: true, severity, scope: { all: true as const }, config: default_config as never }],
);
const plan = planFor(aDevice('attic-pi'), activate(defaults, rules));
const shape = {
  series: (slot: number) => series[slot] ?? { metric: '', labels: {} },
  slotsOf: (metric: string) => series.flatMap((one, slot) => (one.metric === metric ? [slot] : [])),
};

/** A report by its values alone, and the same as the newest values keep it. */
const bothForms = (values: readonly (number | null)[]): [plain: LatestUpdate, quick: LatestUpdate] => {
  const known = values.flatMap((value, slot) => {
    const one = series[slot];
    return value === null || !one ? [] : [{ metric: one.metric, labels: { ...one.labels }, value, ts: 1 }];
  });
  const plain = { device: 'attic-pi', values: known };
  return [plain, { ...plain, shape, at: (slot) => values[slot] ?? Number.NaN }];
};

test('the bounds of a shape choose the same rules as the values do', () => {
  const value = fc.oneof(fc.constant(null), fc.constantFrom(0, 1, 0.97, 85, 120), fc.double({ min: -10, max: 130, noNaN: true }));
  const open = fc.subarray(['temperature', 'offline', 'disk_full', 'gone']);
  fc.assert(
    fc.property(fc.array(value, { minLength: KEYS.length, maxLength: KEYS.length }), open, (values, settings) => {
      const [plain, quick] = bothForms(values).map((update) =>
        [...touchedBy(plan, update, settings)].map((rule) => rule.setting.id),
      );
      expect(quick?.sort()).toEqual(plain?.sort());
    }),
  );
});

test('a healthy report is not judged, unless something of its device is open', () => {
  const [, healthy] = bothForms([61, 120, 0.7, 0, 5_000, 1, 1, 3]);
  expect(touchedBy(plan, healthy, [])).toEqual(new Set());
  expect([...touchedBy(plan, healthy, ['temperature', 'offline'])].map(({ setting }) => setting.id)).toEqual(['temperature']);
});

/** What the labels of a metric may be where a rule looks at them. */
const LABELS: Record<string, Record<string, string>[]> = {
  'hw.temperature': [{ zone: 'cpu-thermal' }, { chip: 'coretemp', sensor: 'Core 0' }, { gpu: 'GPU-1' }, { disk: 'WD Red' }],
  'raspberry_pi.throttled': [{ reason: 'under_voltage', when: 'now' }],
  'hw.gpu.throttled': [{ gpu: 'GPU-1', reason: 'hw_slowdown' }],
  'filecoin.sectors': [{ state: 'faulty' }, { state: 'active' }],
};
const online = { state: 'online' as const, since: 0, last_seen: 0 };
const about = { id: 'attic-pi', name: 'Attic Pi', site: null, tags: [], interval_ms: 10_000 };
const hot = {
  id: 'hot',
  rule: 'threshold',
  title: 'Hot',
  enabled: true,
  severity: 'warning' as const,
  scope: { all: true as const },
};
const levels = activate([{ ...hot, config: { metric: 'a.b', labels: {}, above: 1, clear: 0.9 } }], rules);
const watched = [...plan.rules.values(), ...levels].flatMap((rule) =>
  rule.declaration.calm
    ? rule.needs.flatMap((metric) => (LABELS[metric] ?? [{}]).map((labels) => ({ rule, metric, labels })))
    : [],
);

test('what is calm is no reason for any rule', () => {
  const value = fc.oneof(
    fc.constantFrom(0, 1, 2, 5, -5, 0.1, 0.6, 0.8, 0.9, 0.95, 0.965, 0.98, 58, 75, 80, 87, 96, 300, 7_200, 432_000),
    fc.double({ min: -10, max: 130, noNaN: true }),
  );
  fc.assert(
    fc.property(fc.constantFrom(...watched), value, ({ rule, metric, labels }, now) => {
      const [low, high] = rule.declaration.calm?.(rule.setting.config, metric, labels) ?? [Number.POSITIVE_INFINITY, 0];
      fc.pre(now >= low && now <= high);
      const samples = [{ series: metric, metric, labels, value: now, ts: 1 }];
      const verdicts = [rule.declaration.judge(rule.setting.config, { now: 1, device: about, presence: online, samples })].flat();
      expect(verdicts.filter(({ firing }) => firing === 'yes')).toEqual([]);
    }),
    { numRuns: 3_000 },
  );
});
