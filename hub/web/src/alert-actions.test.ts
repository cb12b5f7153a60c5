import { expect, test } from 'vitest';
import { createActions, scopesOf } from './alert-actions.js';
import type { Alert } from './alert-groups.js';

const alert = (id: string, device: string, rule = 'offline'): Alert => ({
  ...{ id, rule, device, device_name: device, title: '', why: '', severity: 'critical', state: 'firing', value: null },
  ...{ since: 0, fired_at: 0, resolved_at: null, acknowledged: null, event: 1 },
});

const build = () => {
  const asked: unknown[] = [];
  const put: Alert[] = [];
  const actions = createActions({
    client: {
      acknowledge: async (ids, taking) => {
        asked.push([ids.length, taking]);
        return { items: ids.map((id) => alert(id, 'd')) };
      },
      unacknowledge: async (ids) => ({ items: ids.map((id) => alert(id, 'd')) }),
      snooze: async (id, for_ms) => {
        asked.push([id, for_ms]);
        return alert(id, 'd');
      },
      addSilence: async (body) => {
        asked.push(body);
        return { ...body, id: 's', by: 'ada', created_at: 0 };
      },
    },
    put: (alerts) => put.push(...alerts),
    now: () => 1_000,
  });
  return { actions, asked, put };
};
const ids = (count: number) => Array.from({ length: count }, (_, i) => `a${i}`);

test('thousands are acknowledged in as many questions as the API needs', async () => {
  const { actions, asked, put } = build();
  await actions.acknowledge(ids(2_500), { comment: 'mine', owner: '' });
  expect(asked).toEqual([1_000, 1_000, 500].map((count) => [count, { comment: 'mine', owner: '' }]));
  expect(put).toHaveLength(2_500);
});

test('each is snoozed once', async () => {
  const { actions, asked } = build();
  await actions.snooze(ids(40), 5);
  expect(new Set(asked.map(String)).size).toBe(40);
});

test('alerts are silenced by what they have in common, once each', async () => {
  const alerts = [alert('1', 'a'), alert('2', 'a', 'hot'), alert('3', 'b')];
  const siteOf = (device: string) => (device === 'a' ? 'roof' : null);
  expect(scopesOf(alerts, 'device', siteOf)).toEqual([{ device: 'a' }, { device: 'b' }]);
  expect(
    scopesOf(
      alerts.map((alert) => ({ ...alert, device: '' })),
      'device',
      siteOf,
    ),
  ).toEqual([]);
  expect(scopesOf(alerts, 'rule', siteOf)).toEqual([{ rule: 'offline' }, { rule: 'hot' }]);
  expect(scopesOf(alerts, 'site', siteOf)).toEqual([{ site: 'roof' }]);
  const { actions, asked } = build();
  await actions.silence([{ site: 'roof' }], { for_ms: 60, comment: 'works' });
  expect(asked).toEqual([{ scope: { site: 'roof' }, to: 1_060, comment: 'works' }]);
});

test('silences that nobody could read any more, or none, are refused with what to do', async () => {
  const { actions, asked } = build();
  const many = ids(51).map((device) => ({ device }));
  await expect(actions.silence(many, { for_ms: 60, comment: '' })).rejects.toThrow(/choose the site or the rule/);
  await expect(actions.silence([], { for_ms: 60, comment: '' })).rejects.toThrow(/silence the devices or the rule/);
  expect(asked).toEqual([]);
});
