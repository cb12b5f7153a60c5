import { mkdirSync, writeFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { startHttpServer } from '@muster/shared/testing/http';
import type { RunningHub } from './processes.js';

/** A reward source over real HTTP, for end-to-end tests of networks. */
export interface FixtureServer {
  url: string;
  /** Path with query → what is answered from now on; a text is answered with 200. */
  put(path: string, reply: string | ServerReply): void;
  /** Paths as they were asked. */
  asked: { path: string; headers: IncomingMessage['headers']; body: string }[];
  close(): Promise<void>;
}

interface ServerReply {
  status?: number;
  headers?: Record<string, string>;
  text: string;
}

export const startFixtureServer = async (pages: Record<string, string | ServerReply> = {}): Promise<FixtureServer> => {
  const replies = new Map<string, string | ServerReply>(Object.entries(pages));
  const asked: FixtureServer['asked'] = [];
  const { url, close } = await startHttpServer((request, body) => {
    asked.push({ path: request.url ?? '', headers: request.headers, body });
    const reply = replies.get(request.url ?? '') ?? { status: 404, text: '{"error":"not found"}' };
    return typeof reply === 'string' ? { text: reply } : reply;
  });
  return { url, close, asked, put: (path, reply) => void replies.set(path, reply) };
};

/** The reward sources of an agent, in its own settings file; to be written before it joins. */
export const writeSources = (data: string, networks: readonly object[]): void => {
  mkdirSync(join(data, 'agent'), { recursive: true });
  writeFileSync(join(data, 'agent', 'settings.json'), JSON.stringify({ networks }));
};

export interface EarnedStream {
  network: string;
  token: string;
  decimals: number;
  amount: string;
  estimated: boolean;
}

/** Streams of `GET /earnings` of one device from a moment on, what is part of no period left out. */
export const earnedBy = async (hub: RunningHub, device: string, from: number): Promise<EarnedStream[]> => {
  const span = `from=${from}&to=${Date.now() + 86_400_000}`;
  const { items } = await hub.api.get<{ items: { key: string; streams: EarnedStream[] }[] }>(
    `/earnings?${span}&device=${device}`,
  );
  return items.find(({ key }) => key === device)?.streams ?? [];
};

/** Newest values of a device by series: `storj.audit_score{satellite=us1.storj.io}`. */
export const latestOf = async (hub: RunningHub, device: string): Promise<Record<string, number | null>> => {
  interface Value {
    metric: string;
    labels: Record<string, string>;
    value: number | null;
  }
  const { values } = await hub.api.get<{ values: Value[] }>(`/devices/${device}/latest`);
  const keyOf = ({ metric, labels }: Value) => {
    const pairs = Object.entries(labels).map(([name, value]) => `${name}=${value}`);
    return pairs.length === 0 ? metric : `${metric}{${pairs.join(',')}}`;
  };
  return Object.fromEntries(values.map((one) => [keyOf(one), one.value]));
};

const DAY_MS = 86_400_000;

/** Amounts per device over the last 90 UTC days as the list and as the comparison tell them: they must be the same. */
export const amountsBothWays = async ({ api }: Pick<RunningHub, 'api'>) => {
  const to = (Math.floor(Date.now() / DAY_MS) + 1) * DAY_MS;
  const listed = await api.get<{ items: { key: string; streams: EarnedStream[] }[] }>(
    `/earnings?from=${to - 90 * DAY_MS}&to=${to}`,
  );
  const compared = await api.get<{ items: { device: string; streams: EarnedStream[] }[] }>(
    '/earnings/compare?period=90d&limit=100',
  );
  const exact = (streams: readonly EarnedStream[]) =>
    streams.map(({ network, token, amount }) => `${network} ${amount} ${token}`).sort();
  const byDevice = (rows: readonly (readonly [string, readonly EarnedStream[]])[]) =>
    Object.fromEntries(rows.filter(([, streams]) => streams.length > 0).map(([device, streams]) => [device, exact(streams)]));
  return {
    earnings: byDevice(listed.items.map(({ key, streams }) => [key, streams] as const)),
    comparison: byDevice(compared.items.map(({ device, streams }) => [device, streams] as const)),
  };
};
