/** Who may speak for which devices: SHA-256 of each agent's key and the devices of its grant, in memory. */
import type { Grant } from '../bus/bus.js';
import type { Json } from '../store/store.js';
import { hashOf, matches } from './keys.js';

export interface Credential {
  hash: Buffer;
  created_at: number;
  grant: Grant;
}

/** As document: `hash` is base64 of the SHA-256. */
export interface StoredCredential {
  hash: string;
  devices: string[];
  created_at: number;
}

export interface Credentials {
  get(agent: string): Credential | undefined;
  /** Undefined removes it. */
  set(agent: string, credential: Credential | undefined): void;
  verify(agent: string, password: Uint8Array): Grant | null;
}

export const createCredentials = (stored: ReadonlyMap<string, StoredCredential>): Credentials => {
  const known = new Map([...stored].map(([agent, one]) => [agent, fromStored(agent, one)]));
  return {
    get: (agent) => known.get(agent),
    set(agent, credential) {
      if (credential) known.set(agent, credential);
      else known.delete(agent);
    },
    verify(agent, password) {
      const credential = known.get(agent);
      return matches(password, credential?.hash) && credential ? credential.grant : null;
    },
  };
};

export const makeCredential = (
  agent: string,
  key: string,
  facts: { devices: Iterable<string>; created_at: number },
): Credential => ({
  hash: hashOf(key),
  created_at: facts.created_at,
  grant: { agent, devices: new Set([agent, ...facts.devices]) },
});

const fromStored = (agent: string, { hash, devices, created_at }: StoredCredential): Credential => ({
  hash: Buffer.from(hash, 'base64'),
  created_at,
  grant: { agent, devices: new Set(devices) },
});

export const asStored = ({ hash, created_at, grant }: Credential): Json => ({
  hash: hash.toString('base64'),
  devices: [...grant.devices],
  created_at,
});
