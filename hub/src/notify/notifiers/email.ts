import * as v from 'valibot';
import { defineNotifier } from '../notifier.js';
import { password, serverOf, words } from './lib/fields.js';
import { mailOf } from './lib/mail.js';
import { sendMail } from './lib/smtp.js';

const mailbox = v.pipe(
  v.string(),
  v.maxLength(254),
  v.regex(/^[\w.!#$%&'*+/=?^`{|}~-]{1,64}@[A-Za-z0-9.-]+$/, 'must be an address such as me@example.org'),
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

export default defineNotifier({
  id: 'email',
  title: 'Email',
  docs: 'https://datatracker.ietf.org/doc/html/rfc5321',
  config,
  async send({ config, notice, signal, smtp = sendMail }) {
    await smtp({ ...config, data: mailOf(notice, config) }, signal);
  },
});
