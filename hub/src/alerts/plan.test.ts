import { expect, test } from 'vitest';
import type { RuleScope, RuleSetting } from '../parts.js';
import { activate, createPlans, kindsOf, planFor } from './plan.js';
import { aDevice, rules } from './testing/harness.js';

const setting = (id: string, scope: RuleScope, more: Partial<RuleSetting> = {}): RuleSetting => ({
  ...{
    id,
    rule: 'offline',
    title: id,
    enabled: true,
    severity: 'warning',
    scope,
    config: { after_ms: 1, stopped_after_ms: null },
  },
  ...more,
});
const device = aDevice('attic-pi', {
  site: 'home',
  tags: ['roof', 'lora'],
  about: { model: 'Raspberry Pi 4 Model B', os: 'Debian 12' },
});
const networks = () => new Set(['helium']);
const holding = (settings: readonly RuleSetting[]) => [...planFor(device, activate(settings, rules), networks).rules.keys()];

const BY_WIDTH: [id: string, scope: RuleScope][] = [
  ['all', { all: true }],
  ['network', { network: 'helium' }],
  ['kind', { kind: 'raspberry_pi' }],
  ['tag', { tag: 'roof' }],
  ['site', { site: 'home' }],
  ['device', { device: 'attic-pi' }],
];

test('the narrower scope wins: device, site, tag, kind, network, all', () => {
  for (let count = 1; count <= BY_WIDTH.length; count++) {
    const settings = BY_WIDTH.slice(0, count).map(([id, scope]) => setting(id, scope));
    expect(holding(settings)).toEqual([BY_WIDTH[count - 1]?.[0]]);
    expect(holding(settings.reverse())).toEqual([BY_WIDTH[count - 1]?.[0]]);
  }
});

test('a scope that does not hold the device is none', () => {
  const others: RuleScope[] = [{ network: 'storj' }, { kind: 'jetson' }, { tag: 'cellar' }, { site: 'farm' }, { device: 'x' }];
  expect(holding(others.map((scope, index) => setting(`other-${index}`, scope)))).toEqual([]);
});

test('of two tags the more severe holds, then the smaller id', () => {
  const roof = setting('b', { tag: 'roof' });
  expect(holding([roof, setting('c', { tag: 'lora' }, { severity: 'critical' })])).toEqual(['c']);
  expect(holding([roof, setting('a', { tag: 'lora' })])).toEqual(['a']);
});

test('two levels of one metric stand beside each other', () => {
  const level = (id: string, above: number) =>
    setting(id, { all: true }, { rule: 'threshold', config: { metric: 'hw.power', above } });
  expect(holding([level('warm', 5), level('hot', 9)])).toEqual(['warm', 'hot']);
});

test('a narrower level below leaves a wider level above in place, and takes that of a wider level below', () => {
  const level = (id: string, scope: RuleScope, config: object) =>
    setting(id, scope, { rule: 'threshold', config: { metric: 'hw.temperature', labels: {}, ...config } });
  const wide = [level('hot', { all: true }, { above: 90 }), level('cold', { all: true }, { below: 0 })];
  expect(holding([...wide, level('frost', { device: device.id }, { below: 5 })])).toEqual(['hot', 'frost']);
});

test('a device is what its inventory says', () => {
  expect([...kindsOf(device)]).toEqual(['raspberry_pi', 'linux']);
  expect([...kindsOf(aDevice('van', { carried_by: 'attic-pi' }))]).toEqual(['carried']);
});

test('a device that joins a network gets its rules once its plan is made anew', () => {
  const known = new Set<string>();
  const plans = createPlans(activate([setting('lora', { network: 'helium' })], rules), () => known);
  expect(plans.by_network).toBe(true);
  expect(plans.of(device).rules.size).toBe(0);
  known.add('helium');
  plans.drop(device.id);
  expect([...plans.of(device).rules.keys()]).toEqual(['lora']);
});

test('a narrower setting that leaves a network out takes the place of the wider one', () => {
  const faults = (id: string, scope: RuleScope, except: string[]) =>
    setting(id, scope, { rule: 'network_fault', config: { except, for_ms: 0, recover_ms: 0 } });
  expect(holding([faults('all', { all: true }, []), faults('mine', { device: device.id }, ['helium'])])).toEqual(['mine']);
});

test('a narrower setting that is switched off is none: the wider one holds', () => {
  const off = setting('mine', { device: device.id }, { enabled: false });
  expect(holding([setting('all', { all: true }), off])).toEqual(['all']);
});

test('what one rule does not want to remember, another may', () => {
  const metric = 'system.filesystem.utilization';
  const rate = { rule: 'rate', config: { metric, above: 1, per: 'hour', window_ms: 9_000_000, labels: {} } };
  const plan = planFor(device, activate([full(), setting('rate', { all: true }, rate)], rules));
  expect(plan.looks.filter((look) => look.metric === metric)).toEqual([
    { metric, keep: 'steps', step_ms: 900_000, window_ms: 21_600_000 },
  ]);
});

const full = () => setting('full', { all: true }, { rule: 'disk_full', config: rules.get('disk_full')?.default_config as never });

test('what a rule leaves out is none of its business, whatever it is known by', () => {
  for (const [id, scope] of BY_WIDTH) {
    if ('all' in scope) continue;
    expect([id, holding([setting('all', { all: true }, { except: [{ device: 'other' }, scope] })])]).toEqual([id, []]);
  }
  expect(holding([setting('all', { all: true }, { except: [{ device: 'other' }, { tag: 'cellar' }] })])).toEqual(['all']);
});

test('where a narrower setting leaves the device out, the wider one holds', () => {
  const site = setting('site', { site: 'home' }, { except: [{ device: device.id }] });
  expect(holding([setting('all', { all: true }), site])).toEqual(['all']);
});

test('devices that differ only in being left out share no plan', () => {
  const left_out = setting('all', { all: true }, { except: [{ device: 'b' }, { network: 'helium' }] });
  const joined = new Set<string>();
  const plans = createPlans(activate([left_out], rules), (id) => (id === 'c' ? joined : new Set()));
  const held = (id: string) => plans.of(aDevice(id)).rules.size;
  expect(['a', 'b', 'c'].map(held)).toEqual([1, 0, 1]);
  expect(plans.by_network).toBe(true);
  joined.add('helium');
  plans.drop('c');
  expect(held('c')).toBe(0);
});
