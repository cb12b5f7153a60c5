import { asAppError } from '@muster/shared/errors';
import * as v from 'valibot';
import { defineNotifier, type Notice } from '../notifier.js';
import { ask } from './lib/ask.js';
import { escapeSlack } from './lib/escape.js';
import { secretAddress } from './lib/fields.js';
import { linkOf, textOf, textWithLink, titleOf } from './lib/notice.js';

const config = v.object({
  webhook: secretAddress('Address of the incoming webhook of your Slack app'),
});

const MOST_TITLE = 150;
const MOST_TEXT = 3_000;
const escaped = (text: string) => escapeSlack(text).length;

/** An incoming webhook: blocks of plain text, so that no name becomes markup, a link or a mention. */
export default defineNotifier({
  id: 'slack',
  title: 'Slack',
  docs: 'https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks',
  config,
  async send({ config: { webhook }, notice, http, signal, now }) {
    const asking = { http, signal, now, who: 'Slack', secrets: [webhook, new URL(webhook).pathname.split('/').at(-1)] };
    const say = (link: string | null) => ask(asking, { url: webhook, json: messageOf(notice, link) });
    const link = linkOf(notice);
    await say(link).catch((error) =>
      link !== null && asAppError(error).code === 'bad_request' ? say(null) : Promise.reject(error),
    );
  },
});

const plainText = (text: string) => ({ type: 'plain_text', text: escapeSlack(text), emoji: false });

const messageOf = (notice: Notice, link: string | null) => {
  const title = titleOf(notice, { max: MOST_TITLE, cost: escaped });
  const limit = { max: MOST_TEXT, cost: escaped };
  return {
    // What a phone shows before the message is opened.
    text: escapeSlack(title),
    mrkdwn: false,
    unfurl_links: false,
    blocks: [
      { type: 'header', text: plainText(title) },
      { type: 'section', text: plainText(link === null ? textWithLink(notice, limit) : textOf(notice, limit)) },
      ...(link === null ? [] : [{ type: 'section', text: { type: 'mrkdwn', text: linkText(link) } }]),
    ],
  };
};

/** A link and no button: Slack marks a button of an app that hears no clicks as failed. */
const linkText = (link: string): string => `<${escapeSlack(link).replaceAll('|', '%7C')}|Open>`;
