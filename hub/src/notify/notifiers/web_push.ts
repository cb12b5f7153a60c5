import { createHash, randomBytes } from 'node:crypto';
import { AppError, asAppError } from '@muster/shared/errors';
import * as v from 'valibot';
import { defineNotifier, type Notice, type PushSubscription } from '../notifier.js';
import { type Asking, ask } from './lib/ask.js';
import { linkOf, textOf, threadOf, titleOf } from './lib/notice.js';
import { encryptPush, MOST_PAYLOAD, vapidHeader } from './lib/push.js';
import { jsonBytes } from './lib/text.js';

const AT_ONCE = 8;
const MOST_TITLE = 400;
/** What is left of the payload for the text beside title, address and keys. */
const MOST_TEXT = MOST_PAYLOAD - MOST_TITLE - 900;

const config = v.object({
  /** Apple's service refuses senders without one. */
  subject: v.optional(
    v.pipe(
      v.string(),
      v.maxLength(300),
      v.regex(/^(mailto:|https:\/\/)[\x21-\x7e]+$/, 'must start with mailto: or https://'),
      v.description('Where push services reach you: mailto:me@example.org'),
    ),
  ),
});

/**
 * To the browsers that people switched notices on in. The service worker gets, in JSON,
 * `{title, body, url, tag, severity, resolved, event}`: `url` opens the alert, a path of the dashboard (`/alerts?alert=ID`) or a whole
 * address; `tag` is the same for all notices of one alert, so that a newer one, and a second delivery, replaces the one that is shown;
 * `severity` is critical, warning or info; `event` is the number of its newest event.
 */
export default defineNotifier({
  id: 'web_push',
  title: 'Browser push',
  docs: 'https://developer.mozilla.org/docs/Web/API/Push_API',
  config,
  async send({ config: { subject }, notice, http, signal, now = Date.now(), random = randomBytes, push: way }) {
    if (!way) throw new AppError('bad_settings', 'This hub keeps no browsers to send to');
    const { private_key, subscriptions } = way;
    const text = payloadOf(notice);
    const failures: Failure[] = [];
    const push = async (one: PushSubscription) => {
      const authorization = vapidHeader(one.endpoint, { private_key, subject }, now);
      const path = new URL(one.endpoint).pathname.split('/').at(-1);
      const secrets = [private_key, one.endpoint, path, one.keys.auth, authorization];
      const asking = { http, signal, now, who: 'The push service', secrets };
      await pushTo(asking, one, { headers: headersOf(notice, authorization), bytes: sealed(text, one, random) });
    };
    for (let at = 0; at < subscriptions.length; at += AT_ONCE) {
      const some = subscriptions.slice(at, at + AT_ONCE);
      const settled = await Promise.allSettled(some.map(push));
      settled.forEach((result, index) => {
        if (result.status === 'rejected') failures.push({ id: some[index]?.id ?? '', error: asAppError(result.reason) });
      });
    }
    report(failures, subscriptions.length);
  },
});

interface Failure {
  id: string;
  error: AppError;
}

const sealed = (text: string, { keys, id }: PushSubscription, random: (bytes: number) => Uint8Array): Buffer => {
  try {
    return encryptPush(text, keys, random);
  } catch {
    throw new AppError('expired', `The key of the subscription ${id} is not one; subscribe this browser again`);
  }
};

const pushTo = async (
  asking: Asking,
  { endpoint }: PushSubscription,
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
    body: textOf(notice, { max: MOST_TEXT, cost: jsonBytes }),
    url: pathOf(notice) ?? linkOf(notice) ?? '/alerts',
    tag: threadOf(notice),
    severity: notice.severity,
    resolved: notice.resolved,
    event: notice.event,
  });

/** The browser opens it at the address where it knows this hub. */
const pathOf = ({ path }: Notice): string | null =>
  path !== undefined && path.length <= 500 && /^\/(?!\/)[\x21-\x7e]*$/.test(path) ? path : null;

/** A failure that may pass decides; else the first. `gone` is in the details whatever decides. */
const report = (failures: readonly Failure[], all: number): void => {
  const gone = failures.filter(({ error }) => error.code === 'expired').map(({ id }) => id);
  const worst =
    failures.find(({ error }) => error.retry) ?? failures.find(({ error }) => error.code !== 'expired') ?? failures[0];
  if (!worst) return;
  const { code, message, details } = worst.error;
  throw new AppError(code, message, { ...details, gone, delivered: all - failures.length });
};
