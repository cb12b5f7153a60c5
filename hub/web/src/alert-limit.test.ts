import type { RuleSetting } from '@muster/hub/parts';
import { gauge } from '@muster/shared/metrics';
import { expect, test } from 'vitest';
import type { Alert } from './alert-groups.js';
import { limitOf, measuredOf, valueTexts, windowAround } from './alert-limit.js';

const alert = (extra: Partial<Alert>): Alert => ({
  ...{ id: 'a', rule: 'r', device: 'pi', device_name: 'Pi 80', title: 'Hot', why: '', severity: 'warning', state: 'firing' },
  ...{ value: 83.25, since: 0, fired_at: 0, resolved_at: null, acknowledged: null, event: 1 },
  ...extra,
});
const rule = (config: RuleSetting['config']): RuleSetting => ({
  ...{ id: 'r', rule: 'threshold', title: 'R', enabled: true, severity: 'warning', scope: { all: true }, config },
});

test('a threshold names its limit', () => {
  expect(limitOf(alert({}), rule({ metric: 'x', above: 80, clear: 70 }), 'Cel')).toEqual({ value: 80, word: 'above' });
  expect(limitOf(alert({}), rule({ metric: 'x', below: 0.2 }), '1')).toEqual({ value: 0.2, word: 'below' });
});

test('of a rule with many levels the one that its sentence gives is the limit', () => {
  const levels = rule({ soc: { warning: 80, severe: 85 }, cpu: { warning: 92, severe: 98 }, for_ms: 83 });
  const why = 'Pi 80: the processor is at 93.5 °C; 92 °C is too hot for it.';
  expect(limitOf(alert({ why, value: 93.5 }), levels, 'Cel')).toEqual({ value: 92, word: 'above' });
  expect(limitOf(alert({ why: 'Pi 80: it is slowed down by heat.' }), levels, 'Cel')).toBeNull();
  expect(limitOf(alert({}), undefined, 'Cel')).toBeNull();
});

test('an alert is about a metric when the fleet reports one of that name', () => {
  const catalogue = new Map([['hw.temperature', gauge('Cel', 'Temperature')]]);
  const of = measuredOf(alert({ subject: 'hw.temperature{zone=cpu}' }), catalogue);
  expect(of).toMatchObject({ metric: 'hw.temperature', labels: { zone: 'cpu' } });
  expect(of && valueTexts(alert({}), of, { value: 80, word: 'above' })).toEqual({ value: '83.3 °C', limit: 'above 80.0 °C' });
  expect(measuredOf(alert({ subject: 'helium hotspot HNT' }), catalogue)).toBeNull();
  expect(measuredOf(alert({}), catalogue)).toBeNull();
});

test('the chart shows some time before and after the alert', () => {
  const hour = 3_600_000;
  expect(windowAround({ since: 10 * hour, resolved_at: 12 * hour }, 20 * hour)).toEqual({ from: 9 * hour, to: 13 * hour });
  expect(windowAround({ since: 10 * hour, resolved_at: null }, 10 * hour)).toEqual({ from: 9.75 * hour, to: 10 * hour });
});
