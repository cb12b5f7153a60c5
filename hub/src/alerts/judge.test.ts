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
