import type { IncomingHttpHeaders } from 'node:http';
import type { Identity } from '../parts.js';

/** Who may open a live socket; pure. Credentials come in headers, never in the address. */
export const LIVE_PATH = '/api/v1/live';
export const SESSION_COOKIE = 'muster_session';

export interface Credentials {
  session?: string | undefined;
  bearer?: string | undefined;
}

export type UpgradeVerdict = { ok: true; identity: Identity } | { ok: false; status: 401 | 403 | 404; sentence: string };

const refuse = (status: 401 | 403 | 404, sentence: string): UpgradeVerdict => ({ ok: false, status, sentence });

/** A cookie is sent by the browser for any page: only one whose origin is this host may use it. A bearer token is given on purpose. */
export const judgeUpgrade = (
  request: { url?: string | undefined; headers: IncomingHttpHeaders },
  identify: (credentials: Credentials) => Identity | null,
): UpgradeVerdict => {
  const { headers } = request;
  if (request.url?.split('?')[0] !== LIVE_PATH) return refuse(404, `Live data is at ${LIVE_PATH}`);
  const bearer = bearerOf(headers.authorization);
  const session = cookieOf(headers.cookie);
  if (bearer === undefined && session === undefined) return refuse(401, 'Sign in, or send a token as Authorization: Bearer');
  if (bearer === undefined && !sameHost(headers)) return refuse(403, 'The Origin of this request is not this host');
  const identity = identify(bearer === undefined ? { session } : { bearer });
  return identity ? { ok: true, identity } : refuse(401, 'The session or token is not known or has ended');
};

const bearerOf = (header: string | undefined): string | undefined => /^Bearer +(\S+)$/i.exec(header ?? '')?.[1];

/** The first cookie of our name; a browser sends the most specific one first. */
const cookieOf = (header: string | undefined): string | undefined => {
  for (const part of (header ?? '').split(';')) {
    const at = part.indexOf('=');
    if (part.slice(0, at).trim() === SESSION_COOKIE) return decoded(part.slice(at + 1).trim());
  }
  return undefined;
};

const decoded = (text: string): string | undefined => {
  try {
    return decodeURIComponent(text) || undefined;
  } catch {
    return undefined;
  }
};

const sameHost = ({ origin, host }: IncomingHttpHeaders): boolean => {
  if (!origin || !host) return false;
  try {
    const { protocol, host: from } = new URL(origin);
    return (protocol === 'http:' || protocol === 'https:') && from === host.toLowerCase();
  } catch {
    return false;
  }
};
