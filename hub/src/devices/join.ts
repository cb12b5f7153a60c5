/** Invites and joining: a token, good for a while and a number of uses, is exchanged for a device key. */
import { AppError } from '@muster/shared/errors';
import { DEVICE_ID } from '@muster/shared/wire/topics';
import type { Invite, Joining, Registry } from '../parts.js';
import { documentsOf } from '../shelf.js';
import type { Change, Json, Recovered, Writer } from '../store/store.js';
import { hashOf, newToken, type Random } from './keys.js';
import type { Limiter } from './limiter.js';
import { DEVICE_LIMITS as L } from './limits.js';

export interface JoiningNeeds {
  registry: Pick<Registry, 'get' | 'credential'>;
  writer: Writer;
  now: () => number;
  random: Random;
  limiter: Limiter;
}

/** As document, under the SHA-256 of its token. */
interface Pass {
  uses: number;
  expires: number;
  device: string | null;
  carries: string[] | null;
  by: string;
  created_at: number;
}

export const createJoining = (needs: JoiningNeeds, documents: Recovered['documents']): Joining => {
  const { registry, writer, now, random } = needs;
  const desk = createDesk(needs, documents);
  return {
    async invite(invite, by) {
      const wanted = checkInvite(invite);
      const swept = desk.sweep();
      const token = newToken(random);
      const expires = now() + invite.ttl_s * 1000;
      const key = desk.add(token, { ...wanted, expires, by, created_at: now() });
      try {
        await writer.write([...swept, desk.change(key)]);
      } catch (error) {
        desk.drop(key);
        throw error;
      }
      return { token, expires };
    },

    async join({ token, device, about }, remote) {
      const { key, pass } = desk.find(token, remote);
      checkDevice(registry, pass, device);
      desk.spend(key, pass);
      const spent = writer.write([desk.change(key)]);
      const carries = pass.carries ?? undefined;
      const made = registry.credential(device, { ...(carries ? { carries } : {}), ...(about ? { about } : {}) });
      const [paid, credential] = await Promise.allSettled([spent, made]);
      if (credential.status === 'rejected') {
        desk.giveBack(key, pass);
        if (paid.status === 'fulfilled') await writer.write([desk.change(key)]);
        throw credential.reason;
      }
      if (paid.status === 'rejected') throw paid.reason;
      return { device, key: credential.value.key };
    },
  };
};

/** The invites that are out, under the SHA-256 of their tokens. */
const createDesk = ({ now, limiter }: JoiningNeeds, documents: Recovered['documents']) => {
  const passes = documentsOf<Pass>(documents, 'invites');
  const change = (key: string): Change => {
    return { kind: 'document', collection: 'invites', key, value: (passes.get(key) ?? null) as Json };
  };
  return {
    change,
    add(token: string, pass: Pass): string {
      if (passes.size >= L.invites)
        throw new AppError('too_many', `There are ${L.invites} invites already; wait until some expire`);
      const key = keyOf(token);
      passes.set(key, pass);
      return key;
    },
    drop: (key: string) => void passes.delete(key),
    find(token: string, remote: string): { key: string; pass: Pass } {
      if (limiter.blocked(remote)) throw new AppError('too_many', 'Too many wrong invites from this address; wait a minute');
      const key = keyOf(token);
      const pass = passes.get(key);
      if (pass && pass.expires > now()) return { key, pass };
      limiter.failed(remote);
      if (pass) throw new AppError('expired', 'This invite has expired; ask for a new one');
      throw new AppError('unauthorized', 'This invite is unknown or used up; ask for a new one');
    },
    /** Memory first: of two joins at the same time only one finds the last use. */
    spend(key: string, pass: Pass) {
      if (pass.uses > 1) passes.set(key, { ...pass, uses: pass.uses - 1 });
      else passes.delete(key);
    },
    giveBack: (key: string, pass: Pass) => void passes.set(key, { ...pass, uses: (passes.get(key)?.uses ?? 0) + 1 }),
    sweep(): Change[] {
      const stale = [...passes].filter(([, pass]) => now() - pass.expires > L.expired_kept_ms).map(([key]) => key);
      for (const key of stale) passes.delete(key);
      return stale.map(change);
    },
  };
};

const keyOf = (token: string): string => hashOf(token).toString('hex');

const checkInvite = ({ uses, ttl_s, device, carries }: Invite): Pick<Pass, 'uses' | 'device' | 'carries'> => {
  const refuse = (path: string, sentence: string) => {
    throw new AppError('bad_request', sentence, { path });
  };
  if (!whole(uses, L.invite_uses)) refuse('uses', `uses must be a whole number from 1 to ${L.invite_uses}`);
  if (!whole(ttl_s, L.invite_ttl_s))
    refuse('ttl_s', `ttl_s must be a whole number of seconds from 1 to ${L.invite_ttl_s} (30 days)`);
  const wrong = [...(device === undefined ? [] : [device]), ...(carries ?? [])].find((id) => !DEVICE_ID.test(id));
  if (wrong !== undefined) refuse('device', `"${wrong.slice(0, 80)}" is not a device id; use 1-63 of a-z, 0-9 and -`);
  const carrying = carries !== undefined && carries.length > 0;
  return { uses: carrying ? 1 : uses, device: device ?? null, carries: carrying ? carries : null };
};

const whole = (value: number, most: number) => Number.isSafeInteger(value) && value >= 1 && value <= most;

const checkDevice = (registry: JoiningNeeds['registry'], pass: Pass, device: string) => {
  if (pass.device !== null && pass.device !== device) {
    throw new AppError('conflict', `This invite is for the device "${pass.device}", not for "${device.slice(0, 80)}"`, {
      path: 'device',
      hint: `Join as "${pass.device}", or ask for an invite that names no device`,
    });
  }
  if (pass.device === null && registry.get(device)) {
    throw new AppError('conflict', `A device "${device}" exists already and this invite does not name it`, {
      path: 'device',
      hint: 'Choose another device id, or ask for an invite that names this device to give it a new key',
    });
  }
};
