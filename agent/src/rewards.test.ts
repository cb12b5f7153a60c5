import { AppError } from '@muster/shared/errors';
import { createGrpc } from '@muster/shared/grpc';
import { createHttp } from '@muster/shared/http';
import { silentLog } from '@muster/shared/log';
import { gauge } from '@muster/shared/metrics';
import type { NetworkDeclaration, NetworkReply } from '@muster/shared/network';
import { loadNetworks } from '@muster/shared/network-plugins';
import { secret, url } from '@muster/shared/schema';
import { createTestClock } from '@muster/shared/testing/clock';
import type { Reading } from '@muster/shared/wire/messages';
import * as v from 'valibot';
import { describe, expect, it } from 'vitest';
import { createRewards, type RewardsNeeds, type SourceSetting } from './rewards.js';
import { createSchedule } from './schedule.js';
import { createSeriesTable } from './series.js';
import { createFixtureHost } from './testing/host.js';

const MINUTE = 60_000;

const network = (onDevice: NonNullable<NetworkDeclaration['onDevice']>): NetworkDeclaration => ({
  id: 'storj',
  title: 'Storj',
  docs: 'https://example.org',
  tokens: { STORJ: 8 },
  config: v.object({}),
  metrics: { space_used: gauge('By', 'Space used', { resolution: 1_024 }) },
  every: MINUTE,
  onDevice,
  expects: { cadence: MINUTE, silence_is_normal_for: MINUTE },
});

const paid = (amount: string): NetworkReply => ({
  samples: [{ metric: 'space_used', value: 5_000 }],
  readings: [{ kind: 'lifetime', account: 'node-1', token: 'STORJ', decimals: 8, amount, exact: true, resets: 'never' }],
});

const rig = (
  onDevice: NonNullable<NetworkDeclaration['onDevice']>,
  sources: SourceSetting[] = [{ network: 'storj', config: {} }],
  carried?: RewardsNeeds['carried'],
  config: NetworkDeclaration['config'] = v.object({}),
) => {
  const clock = createTestClock();
  const series = createSeriesTable(clock);
  const schedule = createSchedule({ clock, log: silentLog });
  const sent: Reading[][] = [];
  const events: string[] = [];
  const memories = new Map<string, unknown>();
  const state = { time_known: true, safe: true };
  const rewards = createRewards({
    networks: new Map([['storj', { ...network(onDevice), config }]]),
    sources,
    http: createHttp(),
    grpc: createGrpc(),
    host: createFixtureHost(),
    memories: { read: (source) => memories.get(source), write: (source, value) => memories.set(source, value) },
    async safe() {
      events.push('safe');
      return state.safe;
    },
    clock,
    log: silentLog,
    schedule,
    series,
    ...(carried ? { carried } : {}),
    random: () => 0,
    now: clock.now,
    isTimeKnown: () => state.time_known,
    send: (readings) => sent.push(readings),
    report: (event, detail) => events.push(`${event} ${detail}`),
  });
  rewards.start();
  schedule.start();
  /** Lets time pass in small steps, with room for promises between. */
  const pass = async (ms: number) => {
    for (let left = ms; left > 0; left -= 10_000) {
      clock.advance(Math.min(left, 10_000));
      for (let turn = 0; turn < 12; turn++) await Promise.resolve();
    }
  };
  const value = (key: string) => {
    const { columns, values } = series.row();
    return values[series.lists().get(columns)?.indexOf(key) ?? -1];
  };
  return { pass, sent, events, state, value, memories };
};

describe('a source that repeats its secrets in an error', () => {
  it('shows neither a key nor the address that holds one to the hub', async () => {
    const config = v.object({ key: secret(), url: v.pipe(url(), v.metadata({ secret: true })) });
    const setting = { key: 'sesame-open', url: 'https://node.example/v2/0123abcd?tier=paid' };
    const { pass, events } = rig(
      async () => Promise.reject(new AppError('bad_reply', 'https://node.example/v2/0123abcd says: sesame-open is no key')),
      [{ network: 'storj', config: setting }],
      undefined,
      config,
    );
    await pass(MINUTE);
    expect(events).toContain('source_failed storj: ******** says: ******** is no key');
  });
});

describe('what a source keeps', () => {
  it('is kept once its readings are safe, and is given to it the next time; not while the time is unknown', async () => {
    const seen: unknown[] = [];
    const { pass, events, state, memories, sent } = rig(async ({ memory }) => {
      seen.push(memory.get());
      memory.put({ read_to: seen.length });
      return paid(`${seen.length}`);
    });
    state.time_known = false;
    await pass(10_000);
    expect([memories.size, sent.length]).toEqual([0, 0]);
    state.time_known = true;
    await pass(2 * MINUTE);
    expect(seen).toEqual([undefined, undefined, { read_to: 2 }]);
    expect(memories.get('storj')).toEqual({ read_to: 3 });
    expect(events.filter((event) => event === 'safe')).toHaveLength(2);
    state.safe = false;
    await pass(2 * MINUTE);
    expect(memories.get('storj')).toEqual({ read_to: 3 });
  });
});

describe('the rewards', () => {
  it('send a reading when it changes, and once a day when it does not', async () => {
    let amount = '100';
    const { pass, sent, value } = rig(async () => paid(amount));
    await pass(10 * MINUTE);
    expect(sent).toHaveLength(1);
    expect(sent[0]).toMatchObject([{ network: 'storj', source: 'storj', amount: '100' }]);
    expect(value('storj.space_used')).toBe(5_120);
    expect(value('muster.agent.source.up{source=storj}')).toBe(1);
    amount = '101';
    await pass(2 * MINUTE);
    expect(sent).toHaveLength(2);
    await pass(24 * 60 * MINUTE);
    expect(sent).toHaveLength(3);
  });

  it('never take a failing source for a zero: they say that it is down, and ask less and less often', async () => {
    let asked = 0;
    let works = false;
    const { pass, sent, events, value } = rig(async () => {
      asked++;
      if (!works) throw new AppError('unreachable', 'no answer');
      return paid('7');
    });
    await pass(24 * 60 * MINUTE);
    expect(sent).toEqual([]);
    expect(value('muster.agent.source.up{source=storj}')).toBe(0);
    expect(value('storj.space_used')).toBeUndefined();
    expect(asked).toBeLessThan(60);
    expect(asked).toBeGreaterThan(20);
    works = true;
    await pass(60 * MINUTE);
    expect(sent).toHaveLength(1);
    expect(value('muster.agent.source.up{source=storj}')).toBe(1);
    expect(events).toEqual(['source_failed storj: no answer', 'source_recovered storj']);
  });

  it('give up on a source that never answers, after 15 s', async () => {
    const { pass, value, events } = rig(() => new Promise(() => {}));
    await pass(20_000);
    expect(value('muster.agent.source.up{source=storj}')).toBe(0);
    expect(events).toEqual(['source_failed storj: storj did not answer within 15000 ms']);
  });

  it('refuse a reading that is none', async () => {
    const { pass, sent, value } = rig(async () => paid('1.5'));
    await pass(MINUTE);
    expect(sent).toEqual([]);
    expect(value('muster.agent.source.up{source=storj}')).toBe(0);
  });

  it('hold readings back while the time is not known', async () => {
    const { pass, sent, state } = rig(async () => paid('5'));
    state.time_known = false;
    await pass(3 * MINUTE);
    expect(sent).toEqual([]);
    state.time_known = true;
    await pass(2 * MINUTE);
    expect(sent).toHaveLength(1);
  });

  it('tell two sources of one network apart', async () => {
    const twice = { network: 'storj', config: {} };
    const { pass, value } = rig(async () => paid('5'), [twice, twice]);
    await pass(MINUTE);
    expect(value('muster.agent.source.up{source=storj-2}')).toBe(1);
  });

  it('of a carried device go to its own table and bear its name; it is asked again before long while it is silent', async () => {
    const table = createSeriesTable(createTestClock());
    const heard: unknown[] = [];
    let asked = 0;
    let answers = true;
    const answer = async () => {
      asked++;
      if (!answers) throw new AppError('unreachable', 'no');
      return { ...paid('5'), seen_at: 7 };
    };
    const carried = { table: () => table, answered: (device: string, seen_at?: number) => heard.push([device, seen_at]) };
    const { pass, sent, value } = rig(answer, [{ network: 'storj', config: {}, device: 'van' }], carried);
    await pass(MINUTE);
    expect(heard[0]).toEqual(['van', 7]);
    expect(table.row().values).toEqual([5_120]);
    expect(value('storj.space_used')).toBeUndefined();
    expect(value('muster.agent.source.up{source=van/storj}')).toBe(1);
    expect(sent[0]).toMatchObject([{ device: 'van', network: 'storj', amount: '5' }]);
    answers = false;
    await pass(60 * MINUTE);
    const before = { asked, heard: heard.length };
    await pass(60 * MINUTE);
    expect(heard).toHaveLength(before.heard);
    expect(asked - before.asked).toBeGreaterThanOrEqual(20);
  });

  it('refuse settings that name no source, or configure one wrongly', async () => {
    expect(() => rig(async () => ({}), [{ network: 'nope', config: {} }])).toThrow('networks[0] names "nope"; known are storj');
    const networks = await loadNetworks();
    const json = networks.get('json');
    expect(() => v.parse(json?.config ?? v.never(), { url: 'http://127.0.0.1', extract: 'a' })).toThrow(
      '"extract" needs "token"',
    );
  });
});
