import { domainToASCII } from 'node:url';
import * as v from 'valibot';
import { defineNotifier, type Notice } from '../notifier.js';
import { password, serverOf, words } from './lib/fields.js';
import { acknowledgeLinkOf, keyOf, moodOf, textWithLink, threadOf, titleOf } from './lib/notice.js';
import { sendMail } from './lib/smtp.js';
import { utf8 } from './lib/text.js';

const MOST_SUBJECT = 250;
const MOST_TEXT = 100_000;

const mailbox = v.pipe(
  v.string(),
  v.maxLength(254),
  v.regex(/^[\w\p{L}\p{M}\p{N}.!#$%&'*+/=?^`{|}~-]{1,64}@[\p{L}\p{M}\p{N}.-]+$/u, 'must be an address such as me@example.org'),
);

const config = v.pipe(
  v.object({
    server: serverOf(['smtp', 'smtps'], 'smtp://host:587 (STARTTLS) or smtps://host:465'),
    user: v.optional(words('User name')),
    password: v.optional(password('Password')),
    from: v.pipe(mailbox, v.description('Sender')),
    to: v.pipe(v.array(mailbox), v.minLength(1), v.maxLength(50), v.description('Who gets it')),
    tls: v.optional(
      v.pipe(
        v.picklist(['required', 'optional']),
        v.description('optional: also over a server without TLS, then without password'),
      ),
      'required',
    ),
    ca: v.optional(v.pipe(v.string(), v.maxLength(100_000), v.description('Certificate (PEM) of your own authority'))),
  }),
  v.check(({ user, password }) => (user === undefined) === (password === undefined), 'set both "user" and "password", or none'),
);

const mailOf = (notice: Notice, from: string) => {
  const domain = domainToASCII(from.slice(from.lastIndexOf('@') + 1)) || 'muster.invalid';
  const acknowledge = acknowledgeLinkOf(notice);
  const also = acknowledge === null ? [] : [`Acknowledge: ${acknowledge}`];
  return {
    subject: titleOf(notice, { max: MOST_SUBJECT }),
    text: textWithLink(notice, { max: MOST_TEXT, cost: utf8, also }),
    message_id: `${keyOf(notice)}@${domain}`,
    thread_id: `thread.${threadOf(notice)}@${domain}`,
    ts: notice.ts,
    urgent: moodOf(notice) === 'critical',
  };
};

export default defineNotifier({
  id: 'email',
  title: 'Email',
  docs: 'https://datatracker.ietf.org/doc/html/rfc5321',
  config,
  async send({ config, notice, signal, smtp = sendMail }) {
    await smtp({ ...config, ...mailOf(notice, config.from) }, signal);
  },
});
