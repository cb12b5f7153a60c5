import * as v from 'valibot';
import { defineNotifier, type Notice } from '../notifier.js';
import { ask } from './lib/ask.js';
import { secretAddress } from './lib/fields.js';
import { linkOf, type Mood, moodOf, textOf, titleOf } from './lib/notice.js';
import { jsonBytes } from './lib/text.js';

const config = v.object({
  webhook: secretAddress('Address of the workflow "Post to a channel when a webhook request is received"'),
});

/** A message is refused above 28 KB, card and all. */
const MOST_TITLE = 1_000;
const MOST_TEXT = 20_000;
const COLORS: Record<Mood, string> = { critical: 'attention', warning: 'warning', info: 'accent', resolved: 'good' };

/** Workflows: an adaptive card of text runs, which know no Markdown. */
export default defineNotifier({
  id: 'teams',
  title: 'Microsoft Teams',
  docs: 'https://support.microsoft.com/office/create-incoming-webhooks-with-workflows-for-microsoft-teams-8ae491c7-0394-4861-ba59-055e33f75498',
  config,
  async send({ config: { webhook }, notice, http, signal, now }) {
    const signature = new URL(webhook).searchParams.get('sig') ?? undefined;
    const asking = { http, signal, now, who: 'Teams', secrets: [webhook, signature] };
    const card = { contentType: 'application/vnd.microsoft.card.adaptive', contentUrl: null, content: cardOf(notice) };
    await ask(asking, { url: webhook, json: { type: 'message', attachments: [card] } });
  },
});

const cardOf = (notice: Notice) => {
  const title = titleOf(notice, { max: MOST_TITLE, cost: jsonBytes });
  const text = textOf(notice, { max: MOST_TEXT, cost: jsonBytes });
  const link = linkOf(notice);
  return {
    $schema: 'http://adaptivecards.io/schemas/adaptive-card.json',
    type: 'AdaptiveCard',
    version: '1.4',
    body: [
      run({ text: title, weight: 'bolder', size: 'large', color: COLORS[moodOf(notice)] }),
      ...text
        .split('\n')
        .flatMap((line) => (line.trim() ? [run({ text: line })] : []))
        .slice(0, MOST_LINES),
    ],
    ...(link !== null && { actions: [{ type: 'Action.OpenUrl', title: 'Open', url: link }] }),
  };
};

/** A run knows no line feed, so that each line is a block; each costs 70 bytes of the 28 KB. */
const MOST_LINES = 60;

const run = (inline: { text: string; weight?: string; size?: string; color?: string }) => ({
  type: 'RichTextBlock',
  inlines: [{ type: 'TextRun', ...inline }],
});
