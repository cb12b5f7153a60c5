import * as v from 'valibot';
import { defineNotifier } from '../notifier.js';
import { ask, fieldOf, jsonOf, strange } from './lib/ask.js';
import { address, base, key } from './lib/fields.js';
import { linkOf, type Mood, moodOf, textOf, titleOf } from './lib/notice.js';

const config = v.object({
  server: address('Address of your Gotify server'),
  token: key('Token of an application (Apps, Create)'),
});

const MOST_TITLE = 250;
const MOST_TEXT = 8_000;
/** From 8 on the app rings, from 4 on it shows. */
const PRIORITIES: Record<Mood, number> = { critical: 8, warning: 5, info: 2, resolved: 4 };

export default defineNotifier({
  id: 'gotify',
  title: 'Gotify',
  docs: 'https://gotify.net/docs/pushmsg',
  config,
  async send({ config: { server, token }, notice, http, signal, now }) {
    const asking = { http, signal, now, who: 'Gotify', secrets: [token] };
    const link = linkOf(notice);
    const reply = await ask(asking, {
      url: `${base(server)}/message`,
      headers: { 'x-gotify-key': token },
      json: {
        title: titleOf(notice, { max: MOST_TITLE }),
        message: textOf(notice, { max: MOST_TEXT }),
        priority: PRIORITIES[moodOf(notice)],
        extras: {
          'client::display': { contentType: 'text/plain' },
          ...(link !== null && { 'client::notification': { click: { url: link } } }),
        },
      },
    });
    if (typeof fieldOf(jsonOf(reply), 'id') !== 'number') throw strange(asking, server);
  },
});
