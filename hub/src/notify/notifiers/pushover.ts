import { AppError, asAppError } from '@muster/shared/errors';
import type { HttpReply } from '@muster/shared/http';
import * as v from 'valibot';
import { defineNotifier } from '../notifier.js';
import { ask, fieldOf, jsonOf, strange } from './lib/ask.js';
import { addressOr, base, key, words } from './lib/fields.js';
import { linkOf, type Mood, moodOf, textOf, titleOf } from './lib/notice.js';

const seconds = (least: number, most: number, help: string) =>
  v.pipe(v.number(), v.integer(), v.minValue(least), v.maxValue(most), v.description(help));

const config = v.object({
  token: key('Token of your application'),
  user: key('Key of the user or group'),
  device: v.optional(v.pipe(words('Only this device'), v.maxLength(25))),
  emergency: v.optional(v.pipe(v.boolean(), v.description('Critical alerts repeat until somebody confirms')), false),
  retry_s: v.optional(seconds(30, 10_800, 'An emergency repeats this often'), 60),
  expire_s: v.optional(seconds(30, 10_800, 'An emergency repeats this long'), 3_600),
  server: addressOr('https://api.pushover.net', 'Address of the API'),
});

const MOST_TITLE = 250;
const MOST_TEXT = 1_024;
const PRIORITIES: Record<Mood, number> = { critical: 1, warning: 0, info: -1, resolved: 0 };

export default defineNotifier({
  id: 'pushover',
  title: 'Pushover',
  docs: 'https://pushover.net/api',
  config,
  async send({ config, notice, http, signal, now = Date.now() }) {
    const { token, user, device, emergency, retry_s, expire_s, server } = config;
    const asking = { http: withReset(http, now), signal, now, who: 'Pushover', secrets: [token, user] };
    const mood = moodOf(notice);
    const link = linkOf(notice);
    const ringing = emergency && mood === 'critical' ? { priority: 2, retry: retry_s, expire: expire_s } : {};
    const reply = await ask(asking, {
      url: `${base(server)}/1/messages.json`,
      json: {
        token,
        user,
        ...(device !== undefined && { device }),
        title: titleOf(notice, { max: MOST_TITLE }),
        message: textOf(notice, { max: MOST_TEXT }),
        priority: PRIORITIES[mood],
        ...ringing,
        timestamp: Math.floor(notice.ts / 1_000),
        ...(link !== null && { url: link, url_title: 'Open' }),
      },
    }).catch(explain);
    if (fieldOf(jsonOf(reply), 'status') !== 1) throw strange(asking, server);
  },
});

/** 429 is the month's quota; when it starts anew stands in a header of their own. */
const withReset = (http: Parameters<typeof ask>[0]['http'], now: number) => ({
  async request(request: Parameters<typeof http.request>[0]): Promise<HttpReply> {
    const reply = await http.request(request);
    const reset = Number(reply.headers['x-limit-app-reset']);
    if (reply.status !== 429 || reply.headers['retry-after'] !== undefined || !(reset > 0)) return reply;
    return { ...reply, headers: { ...reply.headers, 'retry-after': `${Math.max(0, Math.ceil(reset - now / 1_000))}` } };
  },
});

const explain = (error: unknown): never => {
  const { code, message, details } = asAppError(error);
  if (code === 'too_many')
    throw new AppError(code, `${message}; the application's messages of this month may be used up`, details);
  throw error;
};
