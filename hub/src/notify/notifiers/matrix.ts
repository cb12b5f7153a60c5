import * as v from 'valibot';
import { defineNotifier, type Notice } from '../notifier.js';
import { ask, fieldOf, jsonOf, strange } from './lib/ask.js';
import { escapeHtml } from './lib/escape.js';
import { addressOr, base, key, words } from './lib/fields.js';
import { keyOf, linkOf, textOf, textWithLink, titleOf } from './lib/notice.js';
import { jsonBytes } from './lib/text.js';

const config = v.object({
  server: addressOr('https://matrix-client.matrix.org', 'Home server of the sender'),
  token: key('Access token of the user that sends'),
  room: v.pipe(
    words('Id of the room (Settings, Advanced); the user must have joined it'),
    v.maxLength(255),
    v.regex(/^![^\s/]+$/, 'must be the id of a room such as !abc:example.org'),
  ),
});

/** An event has at most 65,536 bytes; the text stands in it twice, once with markup. */
const MOST_TITLE = 1_000;
const MOST_TEXT = 20_000;
const cost = (text: string) => jsonBytes(htmlOf(text));
const htmlOf = (text: string) => escapeHtml(text).replaceAll('\n', '<br>');

/** The transaction id is the notice's key: a retry is the same message to the server, and shown once. */
export default defineNotifier({
  id: 'matrix',
  title: 'Matrix',
  docs: 'https://spec.matrix.org/latest/client-server-api/#put_matrixclientv3roomsroomidsendeventtypetxnid',
  config,
  async send({ config: { server, token, room }, notice, http, signal, now }) {
    const asking = { http, signal, now, who: 'Matrix', secrets: [token] };
    const path = `/_matrix/client/v3/rooms/${encodeURIComponent(room)}/send/m.room.message/${keyOf(notice)}`;
    const headers = { authorization: `Bearer ${token}` };
    const reply = await ask(asking, { url: base(server) + path, method: 'PUT', headers, json: contentOf(notice) });
    if (typeof fieldOf(jsonOf(reply), 'event_id') !== 'string') throw strange(asking, server);
  },
});

const contentOf = (notice: Notice) => {
  const title = titleOf(notice, { max: MOST_TITLE, cost });
  const link = linkOf(notice);
  const open = link === null ? '' : `<br><br><a href="${escapeHtml(link)}">Open</a>`;
  return {
    msgtype: 'm.text',
    body: `${title}\n\n${textWithLink(notice, { max: MOST_TEXT, cost })}`,
    format: 'org.matrix.custom.html',
    formatted_body: `<strong>${htmlOf(title)}</strong><br><br>${htmlOf(textOf(notice, { max: MOST_TEXT, cost }))}${open}`,
    'm.mentions': {},
  };
};
