import { createTestClock } from '@muster/shared/testing/clock';
import type { LiveAlert } from '@muster/shared/wire/live';
import { describe, expect, test } from 'vitest';
import { ALERT_VIEWS, createAlertViews } from './alert-views.js';
import { createHarness } from './alerts/testing/harness.js';

const ALERT: LiveAlert = {
  ...{ id: '', rule: 'hot', device: 'a', device_name: 'A', title: 'Hot', why: 'It is hot.', severity: 'warning' },
  ...{ state: 'firing', value: null, since: 0, fired_at: 0, resolved_at: null, acknowledged: null, event: 1 },
};
const STAKE = { currency: 'EUR', fiat_per_hour: '0.50000000', tokens: [] };

const shown = async () => {
  const hub = createHarness();
  hub.store.automatic(true);
  for (const id of ['a', 'b']) hub.device(id);
  await hub.start();
  const silenced = new Set<string>();
  let stake: typeof STAKE | null = STAKE;
  const clock = createTestClock();
  const views = createAlertViews({
    ...{ alerts: hub.alerts, clock, stake: () => stake },
    silenced: ({ device }) => (silenced.has(device) ? 'new router' : null),
  });
  const touched: string[][] = [];
  views.desk.touched?.on((ids) => touched.push(ids.map((id) => hub.alerts.get(id)?.device ?? id)));
  for (const id of ['a', 'b']) hub.presence(id, 'online');
  await hub.alerts.setRules(
    [
      ...hub.alerts.rules(),
      {
        ...{ id: 'hot', rule: 'threshold', title: 'Hot', enabled: true, severity: 'warning', scope: { all: true } },
        config: { metric: 'a.t', above: 80 },
      },
    ],
    'ada',
  );
  for (const id of ['a', 'b']) hub.report(id, { 'a.t': 90 });
  views.start();
  const setStake = (value: typeof STAKE | null) => {
    stake = value;
  };
  return { hub, views, clock, silenced, touched, setStake };
};

describe('alerts as people see them', () => {
  test('say what is at stake, whether they still hold, why they are silent and who cares', async () => {
    const { hub, views, silenced } = await shown();
    silenced.add('a');
    const [one] = views.desk.open();
    expect(one).toMatchObject({ device: 'a', unknown: false, silenced: 'new router', stake: STAKE, acknowledged: null });
    const [taken] = await views.desk.acknowledge([one?.id ?? ''], 'ada', null);
    expect(taken).toMatchObject({ silenced: 'new router', acknowledged: { by: 'ada', owner: 'ada' } });
    expect((await views.desk.events(0, 10)).at(-1)?.alert).toEqual(views.desk.get(one?.id ?? ''));
    expect(views.desk.newest).toBe(hub.alerts.newest);
  });

  test('of a replay are as they were, but for the newest event of one that is open', async () => {
    const { hub, views, silenced } = await shown();
    silenced.add('a');
    const [first] = views.desk.open();
    await views.desk.acknowledge([first?.id ?? ''], 'ada', null);
    hub.presence('a', 'lost');
    const said = (await views.desk.events(0, 10)).filter(({ alert }) => alert.id === first?.id);
    expect(said.map(({ change, alert }) => [change, alert.unknown, alert.silenced])).toEqual([
      ['firing', false, null],
      ['acknowledged', true, 'new router'],
    ]);
  });

  test('carry it in their events too', async () => {
    const { hub, views } = await shown();
    const heard: unknown[] = [];
    views.desk.event.on(({ change, alert: { stake, unknown } }) => heard.push([change, stake, unknown]));
    hub.report('a', { 'a.t': 10 });
    expect(heard).toEqual([['resolved', STAKE, false]]);
  });

  test('are told of at once when their device goes away or comes back, and not when nothing changes for them', async () => {
    const { hub, views, touched } = await shown();
    hub.presence('a', 'lost');
    views.presenceChanged({ device: 'a' });
    expect(touched).toEqual([['a']]);
    expect(views.desk.open().map(({ device, rule, unknown }) => [device, rule, unknown])).toEqual([
      ['a', 'hot', true],
      ['b', 'hot', false],
      ['a', 'offline', false],
    ]);
    views.presenceChanged({ device: 'a' });
    views.presenceChanged({ device: 'b' });
    expect(touched).toHaveLength(1);
    hub.presence('a', 'online');
    views.presenceChanged({ device: 'a' });
    expect(touched).toEqual([['a'], ['a']]);
  });

  test('are told of within a second when a silence begins or ends, and within ten when it is only time that passed', async () => {
    const { views, clock, silenced, touched, setStake } = await shown();
    silenced.add('b');
    views.mutesChanged();
    views.mutesChanged();
    clock.advance(1_000);
    expect(touched).toEqual([['b']]);
    silenced.clear();
    clock.advance(11_000);
    expect(touched).toEqual([['b'], ['b']]);
    setStake(null);
    clock.advance(11_000);
    expect(touched.at(-1)).toEqual(['a', 'b']);
  });

  test('are all told of while mutes change without rest, however many there are', async () => {
    const ids = Array.from({ length: 2 * ALERT_VIEWS.slice }, (_, index) => `x${index}`);
    const open = new Map(ids.map((id) => [id, { ...ALERT, id }]));
    const clock = createTestClock();
    let silenced: string | null = null;
    const views = createAlertViews({
      alerts: {
        ...createHarness().alerts,
        ...{ open: () => [...open.values()], get: (id) => open.get(id), isUnknown: () => false, ofDevice: () => [] },
      },
      ...{ silenced: () => silenced, stake: () => null, clock },
    });
    const touched = new Set<string>();
    views.desk.touched?.on((some) => {
      for (const id of some) touched.add(id);
    });
    views.start();
    silenced = 'new router';
    for (let at = 0; at < 2_000; at += 125) {
      views.mutesChanged();
      clock.advance(125);
    }
    expect(touched.size).toBe(ids.length);
  });
});
