import { describe, expect, it } from 'vitest';
import { silentLog } from '../log.js';
import { check } from '../schema.js';
import { createRecordedHttp, type RecordedExchange } from '../testing/http.js';
import dimo from './dimo.js';
import { type DimoConfig, dimoConfig } from './lib/dimo-config.js';

const NOW = Date.UTC(2026, 10, 18, 12);
const DAY = 86_400_000;
const HEARD = Date.parse('2026-11-18T11:00:00Z');
const base64 = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
const jwt = (name: string) => `${base64({})}.${base64({ name, exp: Math.floor((NOW * 2) / 1_000) })}.c2ln`;

type Answer = (body: string, url: string) => RecordedExchange['reply'];
/** Vehicle 1 never sent anything. */
const heard: Answer = (body) => {
  if (body.includes('"asset"')) return { json: { token: jwt('v') } };
  const lastSeen = /"t":1[,}]/.test(body) ? null : '2026-11-18T11:00:00Z';
  return { json: { data: { signalsLatest: { lastSeen } } } };
};

const callOf = (settings: unknown, answer: Answer, { memory, now = NOW }: { memory?: unknown; now?: number } = {}) => {
  const config: DimoConfig = check(dimoConfig, settings, 'the settings');
  let kept = memory;
  const call = {
    ...{ config, host: null, now, log: silentLog, signal: new AbortController().signal },
    http: {
      request: async (request: Parameters<ReturnType<typeof createRecordedHttp>['request']>[0]) => {
        const { url, body = '', method = 'GET' } = request;
        return createRecordedHttp([{ url, method, reply: answer(body, url) ?? {} }]).request(request);
      },
    },
    grpc: { unary: async () => new Uint8Array() },
    memory: {
      get: () => kept,
      put(value: unknown) {
        kept = JSON.parse(JSON.stringify(value));
      },
    },
  };
  return { call, kept: () => kept };
};

describe('when a vehicle was last heard', () => {
  const developer = { jwt: jwt('d') };
  const [car, van] = [{ token_id: 39_718 }, { token_id: 1 }];
  const settings = (vehicles: readonly object[]) => ({ vehicles, developer, identity_url: null });

  it('is told by its telemetry, also while that does not answer; what DIMO says meanwhile is no sign of the car', async () => {
    const good = callOf(settings([car]), heard);
    expect(await dimo.onDevice?.(good.call)).toMatchObject({ seen_at: HEARD });
    const broken: Answer = (_body, url) => (url.includes('aftermarket') ? { json: { weeks: [] } } : { status: 500, text: '' });
    const bad = callOf(settings([{ ...car, unit_token_id: 7 }]), broken, { memory: good.kept(), now: NOW + DAY });
    expect(await dimo.onDevice?.(bad.call)).toMatchObject({ seen_at: HEARD });
  });

  it('is never for one that sent nothing, and not said of several at once or without telemetry', async () => {
    expect(await dimo.onDevice?.(callOf(settings([van]), heard).call)).toMatchObject({ seen_at: 0 });
    const two = await dimo.onDevice?.(callOf(settings([car, van]), heard).call);
    const only_rewards = { vehicles: [{ ...car, unit_token_id: 7 }], identity_url: null };
    const rewards = await dimo.onDevice?.(callOf(only_rewards, () => ({ json: { weeks: [] } })).call);
    expect([two?.seen_at, rewards?.seen_at]).toEqual([undefined, undefined]);
  });

  it('is said on the hub of each device by itself, the newest of its vehicles', async () => {
    const vehicles = [
      { ...car, device: 'fleet' },
      { ...van, device: 'fleet' },
      { token_id: 2, device: 'car' },
    ];
    const reply = await dimo.onHub?.({ ...callOf(settings(vehicles), heard).call, devices: ['fleet', 'car'] });
    const seen = [...(reply?.devices ?? [])].map(([device, { seen_at }]) => [device, seen_at]);
    expect(seen).toEqual([
      ['fleet', HEARD],
      ['car', HEARD],
    ]);
  });
});
