import type { Incident, RuleSetting } from '@muster/hub/parts';
import { expect, test } from 'vitest';
import type { Alert } from './alert-groups.js';
import { alertsOf, foldIncidents, takenText } from './incidents.js';

const alert = (id: string, device: string, extra: Partial<Alert> = {}): Alert => ({
  ...{ id, rule: 'away', device, device_name: device, title: 'Device offline', why: '', severity: 'critical', state: 'firing' },
  ...{ value: null, since: 100_000, fired_at: 0, resolved_at: null, acknowledged: null, event: 1 },
  ...extra,
});
const incident = (extra: Partial<Incident> = {}): Incident => ({
  ...{ id: 'i', site: 'roof', place: 'Roof', devices: ['a', 'b'], count: 2, away: 2, started: 100_000, resolved: null },
  per_hour: null,
  ...extra,
});
const RULES = new Map<string, RuleSetting>(
  [
    {
      id: 'away',
      rule: 'offline',
      title: '',
      enabled: true,
      severity: 'critical' as const,
      scope: { all: true as const },
      config: {},
    },
  ].map((rule) => [rule.id, rule]),
);

test('an outage takes the place of the alerts that its devices are away, and of no others', () => {
  const alerts = [
    alert('1', 'a'),
    alert('2', 'b'),
    alert('3', 'c'),
    alert('4', 'a', { rule: 'too-hot' }),
    alert('5', 'b', { since: 1_000 }),
  ];
  const { outages, rest } = foldIncidents(alerts, [incident()], RULES);
  expect(outages.map((outage) => outage.alerts.map(({ id }) => id))).toEqual([['1', '2']]);
  expect(rest.map(({ id }) => id)).toEqual(['3', '4', '5']);
});

test('one that is over, and one of whose alerts none is in the list, folds nothing', () => {
  const alerts = [alert('1', 'c')];
  expect(foldIncidents(alerts, [incident({ resolved: 200_000 }), incident()], RULES)).toEqual({ outages: [], rest: alerts });
});

test('one that is over still knows its alerts, and none that came later', () => {
  const alerts = [alert('1', 'a', { state: 'resolved' }), alert('2', 'b', { since: 900_000 })];
  expect(alertsOf(incident({ resolved: 200_000 }), alerts, RULES).map(({ id }) => id)).toEqual(['1']);
});

test('it says who looks after it', () => {
  const taken = (by: string) => ({ acknowledged: { by, at: 1, comment: null } });
  expect(takenText([alert('1', 'a')])).toBe('nobody yet');
  expect(takenText([alert('1', 'a', taken('ada')), alert('2', 'b')])).toBe('1 of 2 by ada');
  expect(takenText([alert('1', 'a', taken('ada')), alert('2', 'b', taken('bob'))])).toBe('all by ada, bob');
});
