import { asAppError } from '@muster/shared/errors';
import * as v from 'valibot';
import { defineNotifier, type Notice } from '../notifier.js';
import { ask } from './lib/ask.js';
import { escapeDiscord } from './lib/escape.js';
import { secretAddress, words } from './lib/fields.js';
import { dottedLinkOf, linkOf, type Mood, moodOf, textOf, timeOf, titleOf } from './lib/notice.js';

const config = v.object({
  webhook: secretAddress('Address of the webhook: Channel, Integrations, Webhooks, Copy address'),
  name: v.optional(v.pipe(words('Shown as the sender'), v.maxLength(80)), 'Muster'),
  thread: v.optional(v.pipe(v.string(), v.regex(/^\d{1,20}$/, 'must be a number'), v.description('Number of a thread'))),
});

const MOST_TITLE = 256;
const MOST_TEXT = 4_096;
const COLORS: Record<Mood, number> = { critical: 0xd92d20, warning: 0xf79009, info: 0x2e90fa, resolved: 0x12b76a };
const escaped = (text: string) => escapeDiscord(text).length;

/** An incoming webhook: one embed, and nobody is mentioned whatever the text says. */
export default defineNotifier({
  id: 'discord',
  title: 'Discord',
  docs: 'https://discord.com/developers/docs/resources/webhook#execute-webhook',
  config,
  async send({ config: { webhook, name, thread }, notice, http, signal, now }) {
    const asking = { http, signal, now, who: 'Discord', secrets: [webhook, new URL(webhook).pathname.split('/').at(-1)] };
    const url = new URL(webhook);
    // Discord then answers only when the message is stored.
    url.searchParams.set('wait', 'true');
    if (thread !== undefined) url.searchParams.set('thread_id', thread);
    const say = (link: string | null) =>
      ask(asking, {
        url: url.href,
        json: { username: name, allowed_mentions: { parse: [] }, embeds: [embedOf(notice, link)] },
      });
    const link = dottedLinkOf(notice);
    await say(link).catch((error) =>
      link !== null && asAppError(error).code === 'bad_request' ? say(null) : Promise.reject(error),
    );
  },
});

const embedOf = (notice: Notice, link: string | null) => ({
  title: escapeDiscord(titleOf(notice, { max: MOST_TITLE, cost: escaped })),
  description: link === null ? withLink(notice) : escapeDiscord(textOf(notice, { max: MOST_TEXT, cost: escaped })),
  color: COLORS[moodOf(notice)],
  timestamp: timeOf(notice),
  ...(link !== null && { url: link }),
});

/** The link as it is: a backslash would become part of it. */
const withLink = (notice: Notice): string => {
  const link = linkOf(notice);
  const tail = link === null ? '' : `\n\n${link}`;
  return escapeDiscord(textOf(notice, { max: MOST_TEXT - tail.length, cost: escaped })) + tail;
};
