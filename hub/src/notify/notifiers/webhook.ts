import * as v from 'valibot';
import { defineNotifier } from '../notifier.js';
import { ask } from './lib/ask.js';
import { address, password } from './lib/fields.js';
import { acknowledgeLinkOf, answerSecretsOf, asJson, keyOf } from './lib/notice.js';
import { sign } from './lib/sign.js';

/** Ours, or of the protocol: a setting must not change them. */
const RESERVED =
  /^(webhook-|muster-|content-|idempotency-key$|host$|connection$|transfer-encoding$|expect$|upgrade$|te$|trailer$)/i;
const headerName = v.pipe(
  v.string(),
  v.regex(/^[A-Za-z0-9-]{1,64}$/, 'must be the name of a header'),
  v.check((name) => !RESERVED.test(name), 'is a header that the webhook sets itself'),
);
const headerValue = v.pipe(password('Value of the header'), v.regex(/^[\x20-\x7e]+$/, 'must be one line without accents'));

const config = v.object({
  url: address('Gets every notice as JSON by POST'),
  secret: v.optional(password('Signs every request (HMAC-SHA256); whsec_… or any text')),
  headers: v.optional(v.record(headerName, headerValue), {}),
});

/** JSON by POST. The event number lets a receiver see what it missed and ask for it: `GET /api/v1/alerts/events?after=N`. */
export default defineNotifier({
  id: 'webhook',
  title: 'Webhook',
  docs: 'https://www.standardwebhooks.com/',
  config,
  async send({ config: { url, secret, headers }, notice, http, signal, now = Date.now() }) {
    const id = keyOf(notice);
    const ts = Math.floor(now / 1_000);
    const acknowledge = acknowledgeLinkOf(notice);
    const body = JSON.stringify({ ...asJson(notice), ...(acknowledge !== null && { acknowledge }) });
    const signature = secret === undefined ? {} : { 'webhook-signature': sign(secret, { id, ts, body }) };
    const own = { 'content-type': 'application/json', 'webhook-id': id, 'webhook-timestamp': `${ts}`, ...signature };
    const asking = {
      http,
      signal,
      now,
      who: 'The webhook',
      secrets: [secret, ...Object.values(headers), ...answerSecretsOf(notice)],
    };
    const numbered = { 'idempotency-key': id, 'muster-event': `${notice.event}` };
    await ask(asking, { url, bytes: Buffer.from(body), headers: { ...headers, ...own, ...numbered } });
  },
});
