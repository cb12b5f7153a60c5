import { AppError, asAppError } from '@muster/shared/errors';
import * as v from 'valibot';
import { defineNotifier } from '../notifier.js';
import { ask } from './lib/ask.js';
import { addressOr, base, key, words } from './lib/fields.js';
import { type Mood, moodOf, textWithLink, titleOf } from './lib/notice.js';

const config = v.pipe(
  v.object({
    server: addressOr('http://127.0.0.1:8000', 'Address of your Apprise API'),
    key: v.optional(
      v.pipe(key('Name of a configuration that the server keeps'), v.regex(/^[\w-]{1,128}$/, 'must be letters, digits, - and _')),
    ),
    urls: v.optional(v.pipe(v.array(key('An Apprise address such as signal://…')), v.maxLength(50)), []),
    tag: v.optional(words('Only services of the configuration with this tag')),
  }),
  v.check((config) => (config.key === undefined) !== (config.urls.length === 0), 'set either "key" or "urls"'),
);

const MOST_TITLE = 250;
const MOST_TEXT = 8_000;
const TYPES: Record<Mood, string> = { critical: 'failure', warning: 'warning', info: 'info', resolved: 'success' };
const units = (text: string) => text.length;

/** Reaches what Apprise reaches: a hundred services more. */
export default defineNotifier({
  id: 'apprise',
  title: 'Apprise',
  docs: 'https://github.com/caronc/apprise-api',
  config,
  async send({ config: { server, key: kept, urls, tag }, notice, http, signal, now }) {
    const asking = { http, signal, now, who: 'Apprise', secrets: [kept, ...urls] };
    const reply = await ask(asking, {
      url: `${base(server)}/notify${kept === undefined ? '' : `/${kept}`}`,
      json: {
        ...(kept === undefined && { urls: urls.join(',') }),
        ...(tag !== undefined && { tag }),
        title: titleOf(notice, { max: MOST_TITLE }),
        body: textWithLink(notice, { max: MOST_TEXT, cost: units }),
        type: TYPES[moodOf(notice)],
        format: 'text',
      },
    }).catch(explain);
    // The server knows no service to notify: it calls that a success.
    if (reply.status === 204)
      throw new AppError('not_found', 'Apprise knows no service for this key and tag; add one to its configuration');
  },
});

/** 424: a service behind Apprise failed, and may work on the next try. */
const explain = (error: unknown): never => {
  const { details } = asAppError(error);
  if (details['status'] === 424) throw new AppError('bad_reply', 'Apprise could not reach all of its services', details);
  throw error;
};
