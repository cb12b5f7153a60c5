/** Signatures as Standard Webhooks (standardwebhooks.com) describes them, so that ready-made libraries check them. */
import { createHmac } from 'node:crypto';

const PREFIX = 'whsec_';

/** A `whsec_…` secret is base64; any other one is taken as its bytes. */
const keyBytes = (secret: string): Buffer =>
  secret.startsWith(PREFIX) ? Buffer.from(secret.slice(PREFIX.length), 'base64') : Buffer.from(secret);

/** HMAC-SHA256 over id, time in seconds and body. */
export const sign = (secret: string, { id, ts, body }: { id: string; ts: number; body: string }): string =>
  `v1,${createHmac('sha256', keyBytes(secret)).update(`${id}.${ts}.${body}`).digest('base64')}`;
