import type { PresenceState } from '@muster/shared/wire/live';
import * as v from 'valibot';
import { describe, expect, test } from 'vitest';
import { defineRule } from './rule.js';
import { createHarness, rules } from './testing/harness.js';

const ID = 'attic-pi';
const MINUTE = 60_000;

/** Says what it is told to, whatever is known of the device. */
const parrot = (says: { firing: 'yes' | 'no' }) =>
  defineRule({
    ...{ id: 'parrot', title: 'Parrot', severity: 'warning', config: v.object({}), default_config: {} },
    needs: () => ['a.t'],
    delay: () => MINUTE,
    recovers: () => 10 * MINUTE,
    judge: (_config, { device }) => ({ firing: says.firing, value: 1, why: `${device.name} says ${says.firing}.` }),
  });

const running = async () => {
  const says: { firing: 'yes' | 'no' } = { firing: 'no' };
  const hub = createHarness(new Map([...rules, ['parrot', parrot(says)]]));
  hub.store.automatic(true);
  hub.device(ID);
  await hub.start();
  hub.presence(ID, 'online');
  const say = (firing: 'yes' | 'no') => {
    says.firing = firing;
    hub.report(ID, { 'a.t': 1 });
  };
  return { hub, say };
};
const AWAY: PresenceState[] = ['lost', 'stopped', 'unknown', 'reconnecting'];

describe('while its device is away an alert about values', () => {
  test.each(AWAY)('neither fires nor ends, and is unknown: %s', async (state) => {
    const { hub, say } = await running();
    say('yes');
    expect(hub.heard()).toEqual(['pending parrot attic-pi']);
    hub.presence(ID, state);
    hub.clock.advance(5 * MINUTE);
    const parrots = () => hub.alerts.open().filter(({ rule }) => rule === 'parrot');
    expect(parrots()).toMatchObject([{ state: 'pending' }]);
    expect(parrots().map(hub.alerts.isUnknown)).toEqual([true]);
    hub.presence(ID, 'online');
    say('yes');
    // Only the hub itself was away while a device reconnects.
    expect(parrots()).toMatchObject([{ state: state === 'reconnecting' ? 'firing' : 'pending' }]);
    hub.clock.advance(MINUTE + 100);
    expect(parrots()).toMatchObject([{ state: 'firing' }]);
    hub.presence(ID, state);
    say('no');
    hub.clock.advance(30 * MINUTE);
    expect(parrots()).toMatchObject([{ state: 'firing' }]);
    hub.presence(ID, 'online');
    expect(parrots().map(hub.alerts.isUnknown)).toEqual([false]);
    hub.clock.advance(11 * MINUTE);
    expect(parrots()).toEqual([]);
  });

  test('does not count that time towards its recovery', async () => {
    const { hub, say } = await running();
    say('yes');
    hub.clock.advance(2 * MINUTE);
    say('no');
    hub.clock.advance(9 * MINUTE);
    hub.presence(ID, 'lost');
    hub.clock.advance(5 * MINUTE);
    hub.presence(ID, 'online');
    hub.clock.advance(9 * MINUTE);
    expect(hub.alerts.open().filter(({ rule }) => rule === 'parrot')).toHaveLength(1);
    hub.clock.advance(2 * MINUTE);
    expect(hub.alerts.open()).toEqual([]);
  });

  test('the one that says so is known, unless nobody can say where the device is', async () => {
    const { hub } = await running();
    hub.presence(ID, 'lost');
    hub.clock.advance(MINUTE);
    const unknown = () => hub.alerts.open().map((one) => [one.rule, hub.alerts.isUnknown(one)]);
    expect(unknown()).toEqual([['offline', false]]);
    hub.presence(ID, 'unknown');
    expect(unknown()).toEqual([['offline', true]]);
  });
});

describe('who takes care of an alert', () => {
  const fired = async () => {
    const { hub } = await running();
    hub.presence(ID, 'lost');
    hub.clock.advance(MINUTE);
    hub.heard();
    return { hub, id: hub.alerts.open()[0]?.id ?? '' };
  };

  test('is whoever acknowledged it, or another who is named, as numbered events with the reason', async () => {
    const { hub, id } = await fired();
    expect((await hub.alerts.acknowledge([id], 'ada', null))[0]?.acknowledged).toMatchObject({ by: 'ada', owner: 'ada' });
    await hub.alerts.assign([id], { by: 'ada', owner: 'ben', comment: 'he is near' });
    await hub.alerts.assign([id], { by: 'ada', owner: 'ben', comment: 'he is near' });
    expect(hub.events.map(({ number, change, by, comment }) => [number, change, by, comment])).toEqual([
      [3, 'acknowledged', 'ada', undefined],
      [4, 'acknowledged', 'ada', 'he is near'],
    ]);
    await hub.restart();
    expect(hub.alerts.get(id)?.acknowledged).toMatchObject({ by: 'ada', owner: 'ben', comment: 'he is near' });
  });

  test('may give it back: an event with who and why, once, over a restart', async () => {
    const { hub, id } = await fired();
    await hub.alerts.acknowledge([id], 'ada', null);
    hub.events.splice(0);
    const [free] = await hub.alerts.unacknowledge([id], 'ben', 'still broken');
    await hub.alerts.unacknowledge([id], 'ben', 'still broken');
    expect(free?.acknowledged).toBeNull();
    expect(hub.events).toMatchObject([{ number: 4, change: 'unacknowledged', by: 'ben', comment: 'still broken' }]);
    await hub.restart();
    expect(hub.alerts.get(id)?.acknowledged).toBeNull();
    expect((await hub.alerts.events(3, 10))[0]).toMatchObject({ change: 'unacknowledged', comment: 'still broken' });
  });
});
