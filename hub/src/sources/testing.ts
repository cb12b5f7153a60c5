/** Sources over recorded networks under a hand-moved clock; what they lead to is kept in memory. */
import { AppError } from '@muster/shared/errors';
import { createGrpc } from '@muster/shared/grpc';
import type { Http } from '@muster/shared/http';
import { createLog } from '@muster/shared/log';
import { gauge } from '@muster/shared/metrics';
import type { HubNetworkCall, HubNetworkReply, NetworkDeclaration } from '@muster/shared/network';
import { secret, url } from '@muster/shared/schema';
import { createTestClock } from '@muster/shared/testing/clock';
import * as v from 'valibot';
import { createHandWriter } from '../hand-writer.js';
import type { Device, HubReading } from '../parts.js';
import { createSources } from './sources.js';

export const MINUTE = 60_000;

const schema = v.object({ url: url(), key: v.optional(secret()) });
type Call = HubNetworkCall<v.InferOutput<typeof schema>>;
export type OnHub = (call: Call) => Promise<HubNetworkReply>;

const network = (id: string, more: Partial<NetworkDeclaration>): NetworkDeclaration => ({
  ...{ id, title: id, docs: 'https://example.org', tokens: {}, config: schema, every: MINUTE },
  metrics: { space: gauge('By', 'Space used', { resolution: 10 }) },
  expects: { cadence: MINUTE, silence_is_normal_for: MINUTE },
  ...more,
});

/** `answers` by the host of the source's address. */
export const setUp = (answers: Record<string, OnHub>, http: Http = { request: async () => Promise.reject(unreachable()) }) => {
  const onHub = (call: Call) => answers[new URL(call.config.url).hostname]?.(call) ?? Promise.reject(unreachable());
  const networks = new Map([
    ['acme', network('acme', { onHub: onHub as NetworkDeclaration['onHub'] & object })],
    [
      'slow',
      network('slow', { onHub: onHub as NetworkDeclaration['onHub'] & object, deadline: 40_000, heard_every: 12 * 60 * MINUTE }),
    ],
    ['command', network('command', { onHub: onHub as NetworkDeclaration['onHub'] & object })],
    ['local', network('local', { onDevice: async () => ({}) })],
  ]);
  const clock = createTestClock();
  const writer = createHandWriter();
  const devices = new Set(['pi']);
  const booked: HubReading[] = [];
  const shown: { device: string; columns: readonly string[]; values: (number | null)[] }[] = [];
  const seen: [string, number][] = [];
  const lines: string[] = [];
  const log = createLog({ format: 'json', level: 'debug', write: (line) => lines.push(line), now: clock.now });
  const needs = {
    ...{ networks, http, grpc: createGrpc(), clock, writer, log, random: () => 0.5 },
    registry: {
      get: (id: string) => (devices.has(id) ? ({ id } as Device) : undefined),
      async place(ids: readonly string[]) {
        const made = ids.filter((id) => !devices.has(id));
        for (const id of made) devices.add(id);
        return made;
      },
      declare: (device: string, metrics: readonly object[]) =>
        metrics.length ? [{ kind: 'document' as const, collection: 'metrics', key: device, value: null }] : [],
    },
    earnings: {
      bookHub(readings: readonly HubReading[]) {
        booked.push(...readings);
        return readings.map(({ reading }) => ({
          kind: 'document' as const,
          collection: 'booked',
          key: reading.account,
          value: 1,
        }));
      },
    },
    latest: {
      admit: () => null,
      beside(device: string, columns: readonly string[], rows: readonly { values: ArrayLike<number | null> }[]) {
        shown.push({ device, columns, values: Array.from(rows[0]?.values ?? []) });
      },
    },
    sourced: (device: string, at: number) => void seen.push([device, at]),
  };
  let sources = createSources(needs, []);
  sources.start();
  /** Lets time pass in small steps, with room for promises between. */
  const pass = async (ms: number) => {
    for (let left = ms; left > 0; left -= 1_000) {
      clock.advance(Math.min(left, 1_000));
      for (let turn = 0; turn < 15; turn++) await Promise.resolve();
    }
  };
  const again = () => {
    sources.stop();
    sources = createSources(needs, writer.documents());
    sources.start();
  };
  const put = (id: string, more: object = {}, kind = 'acme') =>
    sources.put(id, { network: kind, config: { url: `http://${id}` }, ...more });
  return { ...{ clock, writer, devices, booked, shown, seen, lines, pass, again, put }, sources: () => sources };
};

const unreachable = () => new AppError('unreachable', 'it cannot be reached');

export const paid = (amount: string, account = 'a') =>
  ({ kind: 'lifetime', account, token: 'ACME', decimals: 18, amount, exact: true, resets: 'never' }) as const;
