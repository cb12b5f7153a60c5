import { AppError } from '@muster/shared/errors';
import { about } from '@muster/shared/wire/messages';
import * as v from 'valibot';
import type { Addresses, Identity, Invite, Parts } from '../../parts.js';
import { device } from '../fields.js';
import { isLoopbackUrl } from '../remote.js';
import { defineRoute } from '../route.js';
import { nameOf } from './lookup.js';

const HOUR_S = 3_600;
const count = (min: number, max: number) =>
  v.pipe(v.number(), v.integer(), v.minValue(min, `must be at least ${min}`), v.maxValue(max, `must be at most ${max}`));

const body = v.object({
  uses: v.optional(count(1, 10_000), 1),
  ttl_s: v.optional(count(1, 30 * 24 * HOUR_S), HOUR_S),
  device: v.optional(device),
  carries: v.optional(v.pipe(v.array(device), v.maxLength(1_000))),
});

export const createInvites = (public_url: string | null) =>
  defineRoute({
    method: 'POST',
    path: '/api/v1/invites',
    role: 'operator',
    summary: 'A token to join with, and the whole command to type on the new machine',
    body,
    /** `install`: the line for a machine without Muster. `hint`: what to know before typing the command, null when nothing. */
    reply: v.object({
      token: v.string(),
      command: v.string(),
      install: v.string(),
      expires: v.number(),
      hint: v.nullable(v.string()),
    }),
    audit: ['uses', 'ttl_s', 'device', 'carries'],
    async handle({ body, parts, exchange }) {
      refuseBeyondRole(body, exchange.who, parts);
      const { token, expires } = await parts.joining.invite(body, nameOf(exchange.who));
      const hub = hubUrl(parts.addresses(), public_url);
      // A machine goes by its host name otherwise, and the invite would refuse it.
      const named = body.device === undefined ? '' : ` --device ${body.device}`;
      return {
        token,
        expires,
        command: joinCommand(parts.addresses(), token, public_url) + named,
        install: installCommand(parts.addresses(), token, public_url) + named,
        hint: isLoopbackUrl(hub) ? ALONE : null,
      };
    },
  });

/** A single invite for a new device is the operator's; more uses, other devices' data and a key that replaces another are the admin's. */
const refuseBeyondRole = (invite: Invite, who: Identity | null, parts: Parts): void => {
  if (invite.carries?.length && invite.uses > 1)
    throw new AppError('bad_request', 'An invite that names carried devices works once; leave out "uses"', { path: 'uses' });
  if (who?.role === 'admin') return;
  const replaces = invite.device !== undefined && parts.registry.get(invite.device) !== undefined;
  if (invite.uses > 1 || invite.carries?.length || replaces)
    throw new AppError('forbidden', 'An operator makes single invites for new devices; ask an admin for this one');
};

const ALONE = 'This works on this machine only; start the hub with npm start -- --lan to add others';

/** Over the network only by HTTPS; a hub that listens on this host alone is reached in plain. */
const hubUrl = ({ http, https }: Addresses, public_url: string | null): string => {
  if (public_url !== null && (/^https:/i.test(public_url) || isLoopbackUrl(public_url))) return public_url;
  return https !== null && !isLoopbackUrl(https) ? https : http;
};

/** With the pin wherever TLS is spoken. */
export const joinCommand = (addresses: Addresses, token: string, public_url: string | null): string => {
  return `npm run agent -- join ${joinFlags(addresses, token, public_url)}`;
};

const joinFlags = (addresses: Addresses, token: string, public_url: string | null): string => {
  const hub = hubUrl(addresses, public_url);
  const pinned = /^https:/i.test(hub) ? ` --pin ${addresses.pin}` : '';
  return `--hub ${hub.replace(/\/+$/, '')} --token ${token}${pinned}`;
};

/** Brings the agent as well: where there is Node, but no clone of Muster. */
export const installCommand = (addresses: Addresses, token: string, public_url: string | null): string => {
  const hub = hubUrl(addresses, public_url).replace(/\/+$/, '');
  // -k: the pin alone judges; curl holds to it all the same.
  const pinned = /^https:/i.test(hub) ? `k --pinnedpubkey '${curlPin(addresses.pin)}'` : '';
  return `curl -fsS${pinned} ${hub}/install.sh | sh -s -- ${joinFlags(addresses, token, public_url)}`;
};

/** The same digest in the alphabet that curl knows. */
const curlPin = (pin: string): string => `sha256//${Buffer.from(pin.slice('sha256:'.length), 'base64url').toString('base64')}`;

export const join = defineRoute({
  method: 'POST',
  path: '/api/v1/join',
  role: 'open',
  summary: 'Exchanges an invite for a device key; from another host only over HTTPS',
  body: v.object({ token: v.pipe(v.string(), v.minLength(1), v.maxLength(200)), device, about: v.optional(about) }),
  reply: v.object({
    device: v.string(),
    key: v.string(),
    mqtt: v.nullable(v.string()),
    mqtts: v.nullable(v.string()),
    pin: v.string(),
  }),
  errors: ['unauthorized', 'expired', 'conflict', 'too_many', 'needs_https'],
  audit: ['device'],
  async handle({ body, parts, exchange }) {
    const joined = await parts.joining.join(body, exchange.remote);
    const { mqtt, mqtts, pin } = parts.addresses();
    return { ...joined, mqtt, mqtts, pin };
  },
});
