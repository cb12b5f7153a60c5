import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { HubAccess } from '../api.js';
import type { LinkProxy, SentRow } from './proxy.js';

/** Lets an agent that has joined go through a proxy, without TLS so that the proxy can read along. */
export const goThrough = (data: string, { port }: LinkProxy): void => {
  const path = join(data, 'agent', 'identity.json');
  const identity = JSON.parse(readFileSync(path, 'utf8'));
  writeFileSync(path, JSON.stringify({ ...identity, address: `mqtt://127.0.0.1:${port}`, pin: null }));
};

export interface StoredRow {
  ts: number;
  /** By key. */
  series: Record<string, number>;
}

/** All rows that the hub has of a device, oldest first. */
export const storedRows = async (access: HubAccess, device: string): Promise<StoredRow[]> => {
  const headers = { authorization: `Bearer ${access.token}` };
  const reply = await fetch(`${access.url}/api/v1/devices/${device}/export`, { headers });
  const lines = (await reply.text()).split('\n').filter((line) => line.startsWith('{"kind":"row"'));
  return lines.map((line) => JSON.parse(line) as StoredRow);
};

export const storedTimes = async (access: HubAccess, device: string): Promise<number[]> =>
  (await storedRows(access, device)).map(({ ts }) => ts);

/** Each row once, in order of number, by boot. */
export const distinctRows = (rows: readonly SentRow[]): Map<string, SentRow[]> => {
  const boots = new Map<string, Map<number, SentRow>>();
  for (const row of rows) {
    const boot = boots.get(row.boot) ?? new Map<number, SentRow>();
    if (!boot.has(row.seq)) boot.set(row.seq, row);
    boots.set(row.boot, boot);
  }
  return new Map([...boots].map(([boot, all]) => [boot, [...all.values()].sort((a, b) => a.seq - b.seq)]));
};

/** Numbers that an agent gave out and never sent. */
export const missingNumbers = ({ rows, messages }: Pick<LinkProxy, 'rows' | 'messages'>): string[] => {
  const seen = new Map<string, Set<number>>();
  for (const { boot, seq } of [...rows, ...messages]) seen.set(boot, (seen.get(boot) ?? new Set()).add(seq));
  return [...seen].flatMap(([boot, seqs]) =>
    Array.from({ length: Math.max(...seqs) }, (_, n) => n + 1)
      .filter((seq) => !seqs.has(seq))
      .map((seq) => `${boot} ${seq}`),
  );
};
