import { createHash, randomBytes } from 'node:crypto';
import { AppError, asAppError } from '@muster/shared/errors';
import { secret } from '@muster/shared/schema';
import * as v from 'valibot';
import { defineNotifier, type Notice } from '../notifier.js';
import { type Asking, ask } from './lib/ask.js';
import { key, secretAddress } from './lib/fields.js';
import { keyOf, linkOf, textOf, threadOf, titleOf } from './lib/notice.js';
import { encryptPush, isVapidKey, MOST_PAYLOAD, vapidHeader } from './lib/push.js';
import { jsonBytes } from './lib/text.js';

const MOST_SUBSCRIPTIONS = 200;
const AT_ONCE = 8;
const MOST_TITLE = 400;
/** What is left of the payload for the text beside title, link and keys. */
const MOST_TEXT = MOST_PAYLOAD - MOST_TITLE - 900;

const subscription = v.object({
  /** Our name of it: the address itself lets anybody send. */
  id: v.pipe(v.string(), v.regex(/^[\w-]{1,64}$/, 'must be letters, digits, - and _')),
  endpoint: secretAddress('Address that the browser got of its push service'),
  keys: v.object({
    p256dh: v.pipe(v.string(), v.regex(/^B[\w-]{86}=?$/, 'must be the key of a subscription, 65 bytes in base64url')),
    auth: v.pipe(secret(), v.regex(/^[\w-]{22}(==)?$/, 'must be 16 bytes in base64url')),
  }),
});
type Subscription = v.InferOutput<typeof subscription>;

const config = v.object({
  private_key: v.pipe(key('VAPID key, 32 bytes in base64url'), v.check(isVapidKey, 'must be a VAPID key: 32 bytes in base64url')),
  /** Apple's service refuses senders without one. */
  subject: v.optional(
    v.pipe(
      v.string(),
      v.maxLength(300),
      v.regex(/^(mailto:|https:\/\/)[\x21-\x7e]+$/, 'must start with mailto: or https://'),
      v.description('Where push services reach you: mailto:me@example.org'),
    ),
  ),
  subscriptions: v.optional(v.pipe(v.array(subscription), v.maxLength(MOST_SUBSCRIPTIONS)), []),
});

/** To the browsers that asked for it. A second delivery of one notice replaces the first: same topic, same tag. */
export default defineNotifier({
  id: 'web_push',
  title: 'Browser push',
  docs: 'https://developer.mozilla.org/docs/Web/API/Push_API',
  config,
  async send({ config, notice, http, signal, now = Date.now(), random = randomBytes }) {
    const text = payloadOf(notice);
    const failures: Failure[] = [];
    const push = async (one: Subscription) => {
      const authorization = vapidHeader(one.endpoint, config, now);
      const path = new URL(one.endpoint).pathname.split('/').at(-1);
      const secrets = [config.private_key, one.endpoint, path, one.keys.auth, authorization];
      const asking = { http, signal, now, who: 'The push service', secrets };
      await pushTo(asking, one, { headers: headersOf(notice, authorization), bytes: sealed(text, one, random) });
    };
    for (let at = 0; at < config.subscriptions.length; at += AT_ONCE) {
      const some = config.subscriptions.slice(at, at + AT_ONCE);
      const settled = await Promise.allSettled(some.map(push));
      settled.forEach((result, index) => {
        if (result.status === 'rejected') failures.push({ id: some[index]?.id ?? '', error: asAppError(result.reason) });
      });
    }
    report(failures, config.subscriptions.length);
  },
});

interface Failure {
  id: string;
  error: AppError;
}

const sealed = (text: string, { keys, id }: Subscription, random: (bytes: number) => Uint8Array): Buffer => {
  try {
    return encryptPush(text, keys, random);
  } catch {
    throw new AppError('expired', `The key of the subscription ${id} is not one; subscribe this browser again`);
  }
};

const pushTo = async (
  asking: Asking,
  { endpoint }: Subscription,
  { headers, bytes }: { headers: Record<string, string>; bytes: Buffer },
) => {
  try {
    await ask(asking, { url: endpoint, headers, bytes });
  } catch (error) {
    const { code, message, details } = asAppError(error);
    // Services say 410, and some 404, for a browser that no longer wants it.
    throw code === 'not_found' ? new AppError('expired', message, details) : error;
  }
};

const headersOf = (notice: Notice, authorization: string): Record<string, string> => ({
  authorization,
  'content-encoding': 'aes128gcm',
  'content-type': 'application/octet-stream',
  ttl: '86400',
  urgency: notice.severity === 'info' ? 'normal' : 'high',
  // At most 32 characters of base64url.
  topic: createHash('sha256').update(notice.idempotency_key).digest('base64url').slice(0, 32),
});

const payloadOf = (notice: Notice): string =>
  JSON.stringify({
    title: titleOf(notice, { max: MOST_TITLE, cost: jsonBytes }),
    text: textOf(notice, { max: MOST_TEXT, cost: jsonBytes }),
    severity: notice.severity,
    resolved: notice.resolved,
    link: linkOf(notice),
    event: notice.event,
    ts: notice.ts,
    tag: threadOf(notice),
    key: keyOf(notice),
  });

/** A failure that may pass decides; else the first. `gone` is in the details whatever decides. */
const report = (failures: readonly Failure[], all: number): void => {
  const gone = failures.filter(({ error }) => error.code === 'expired').map(({ id }) => id);
  const worst =
    failures.find(({ error }) => error.retry) ?? failures.find(({ error }) => error.code !== 'expired') ?? failures[0];
  if (!worst) return;
  const { code, message, details } = worst.error;
  throw new AppError(code, message, { ...details, gone, delivered: all - failures.length });
};
