import * as v from 'valibot';
import { defineNotifier, type Notice } from '../notifier.js';
import { ask, fieldOf, jsonOf, strange } from './lib/ask.js';
import { addressOr, base, key } from './lib/fields.js';
import { acknowledgeLinkOf, answerSecretsOf, linkOf, type Mood, moodOf, textOf, titleOf } from './lib/notice.js';
import { utf8 } from './lib/text.js';

const config = v.object({
  server: addressOr('https://ntfy.sh', 'Your own server, or the public one'),
  topic: v.pipe(
    key('Name of the topic; on a public server whoever knows it reads along'),
    v.regex(/^[\w-]{1,64}$/, 'must be letters, digits, - and _, at most 64'),
  ),
  token: v.optional(key('Access token (tk_…) of a protected topic')),
});

/** Above 4,096 bytes the server turns a message into a file. */
const MOST_TEXT = 4_096;
const MOST_TITLE = 250;
const PRIORITIES: Record<Mood, number> = { critical: 5, warning: 4, info: 2, resolved: 3 };
const TAGS: Record<Mood, string> = {
  critical: 'rotating_light',
  warning: 'warning',
  info: 'information_source',
  resolved: 'white_check_mark',
};

/** Published as JSON: title and text need no header encoding. */
export default defineNotifier({
  id: 'ntfy',
  title: 'ntfy',
  docs: 'https://docs.ntfy.sh/publish/#publish-as-json',
  config,
  async send({ config: { server, topic, token }, notice, http, signal, now }) {
    const asking = { http, signal, now, who: 'ntfy', secrets: [topic, token, ...answerSecretsOf(notice)] };
    const mood = moodOf(notice);
    const link = linkOf(notice);
    const reply = await ask(asking, {
      url: `${base(server)}/`,
      headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
      json: {
        topic,
        title: titleOf(notice, { max: MOST_TITLE, cost: utf8 }),
        message: textOf(notice, { max: MOST_TEXT, cost: utf8 }),
        priority: PRIORITIES[mood],
        tags: [TAGS[mood]],
        ...(link !== null && { click: link }),
        actions: actionsOf(notice, link),
      },
    });
    if (typeof fieldOf(jsonOf(reply), 'id') !== 'string') throw strange(asking, server);
  },
});

const actionsOf = (notice: Notice, link: string | null) => {
  const acknowledge = acknowledgeLinkOf(notice);
  return [
    ...(link === null ? [] : [{ action: 'view', label: 'Open', url: link }]),
    ...(acknowledge === null ? [] : [{ action: 'http', label: 'Acknowledge', url: acknowledge, method: 'POST', clear: true }]),
  ];
};
