import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { AppError, asAppError } from '@muster/shared/errors';
import { createHttp } from '@muster/shared/http';
import { check } from '@muster/shared/schema';
import fc from 'fast-check';
import { generate } from 'selfsigned';
import { describe, expect, it } from 'vitest';
import type { Notice } from './notifier.js';
import email from './notifiers/email.js';
import { sendMail, stuffed } from './notifiers/lib/smtp.js';
import { NOTICE } from './testing/play.js';
import { type SmtpServerOptions, startSmtpServer, type TakenMail } from './testing/smtp-server.js';

const PASSWORD = 'pass-5ecret ü Zq9';
const LOGIN = { user: 'muster', password: PASSWORD };
const made = await generate([{ name: 'commonName', value: 'localhost' }], {
  keyType: 'ec',
  extensions: [
    { name: 'basicConstraints', cA: true, critical: true },
    {
      name: 'subjectAltName',
      altNames: [
        { type: 2, value: 'localhost' },
        { type: 7, ip: '127.0.0.1' },
      ],
    },
  ],
});
const TLS = { key: made.private, cert: made.cert };

interface Sending {
  notice?: Partial<Notice>;
  /** 0.0.0.0 reaches loopback and is no name of it. */
  host?: string;
  scheme?: string;
  config?: Record<string, unknown>;
}

const sendThrough = (port: number, { notice = {}, host = '127.0.0.1', scheme = 'smtp', config = {} }: Sending = {}) =>
  email.send({
    config: check(
      email.config,
      { server: `${scheme}://${host}:${port}`, from: 'muster@example.org', to: ['a@example.org'], ...config },
      'the config',
      'bad_settings',
    ),
    notice: { ...NOTICE, ...notice },
    http: createHttp(),
    signal: new AbortController().signal,
  });

const withServer = async <T>(
  options: SmtpServerOptions,
  use: (server: Awaited<ReturnType<typeof startSmtpServer>>) => Promise<T>,
) => {
  const server = await startSmtpServer(options);
  try {
    return await use(server);
  } finally {
    await server.close();
  }
};

const failureThrough = (options: SmtpServerOptions, sending: Sending = {}): Promise<AppError> =>
  withServer(options, async ({ port }) => {
    try {
      await sendThrough(port, sending);
    } catch (error) {
      expect(error).toBeInstanceOf(AppError);
      expect(JSON.stringify([String(error), asAppError(error).details])).not.toMatch(/5ecret|NWVjcmV0|VjcmV/);
      return asAppError(error);
    }
    throw new Error('nothing was thrown');
  });

/** As a mail program reads it. */
const readMail = ({ data }: TakenMail) => {
  const at = data.indexOf('\r\n\r\n');
  const head = data.slice(0, at).replace(/\r\n /g, ' ');
  const headers = Object.fromEntries(
    head.split('\r\n').map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)]),
  );
  const subject = (headers['Subject'] ?? '')
    .replace(/\?= =\?/g, '?==?')
    .replace(/=\?utf-8\?B\?([^?]*)\?=/g, (_all, text: string) => Buffer.from(text, 'base64').toString());
  return { headers, subject, text: Buffer.from(data.slice(at), 'base64').toString() };
};

describe('email, over real SMTP', () => {
  it('sends subject and text of any script, with the key of the notice as Message-ID', async () => {
    const notice = { title: 'جهاز 🛰️ «Räck 7» & خارج الخدمة — 温度が高すぎます', text: 'Zeile 1\n.\n..zwei\n🔥 91 °C' };
    const mails = await withServer({}, async (server) => {
      await sendThrough(server.port, { notice, config: { to: ['a@example.org', 'b@example.org'] } });
      await sendThrough(server.port, { notice });
      return server.mails;
    });
    expect(mails.map(({ from, to }) => [from, to])).toEqual([
      ['muster@example.org', ['a@example.org', 'b@example.org']],
      ['muster@example.org', ['a@example.org']],
    ]);
    const [first, again] = mails.map(readMail);
    expect(first?.subject).toBe(notice.title);
    expect(first?.text).toBe(`${notice.text}\n\n${NOTICE.link}`.replaceAll('\n', '\r\n'));
    expect(again?.headers['Message-ID']).toBe(first?.headers['Message-ID']);
    expect(mails[0]?.data).toMatch(/^[\r\n\x20-\x7e]*$/);
  });

  it('logs in over STARTTLS only', async () => {
    const { mails, commands } = await withServer({ tls: TLS, login: LOGIN }, async (server) => {
      await sendThrough(server.port, { host: 'localhost', config: { ...LOGIN, ca: TLS.cert } });
      return server;
    });
    expect(mails).toMatchObject([{ secure: true, user: 'muster' }]);
    expect(commands.findIndex((line) => line.startsWith('AUTH'))).toBeGreaterThan(commands.indexOf('STARTTLS'));
  });

  it('logs in over TLS from the start, by LOGIN where PLAIN is not offered', async () => {
    const options = { tls: { ...TLS, implicit: true }, login: LOGIN, offers: ['AUTH=LOGIN'] };
    const mails = await withServer(options, async (server) => {
      await sendThrough(server.port, { host: 'localhost', scheme: 'smtps', config: { ...LOGIN, ca: TLS.cert } });
      return server.mails;
    });
    expect(mails).toMatchObject([{ secure: true, user: 'muster' }]);
  });

  it('trusts no certificate of an unknown authority', async () => {
    expect((await failureThrough({ tls: TLS, login: LOGIN }, { host: 'localhost', config: LOGIN })).code).toBe('unreachable');
  });

  it('sends no password in clear, and a mail in clear only where that is set', async () => {
    const config = { tls: 'optional' };
    expect((await failureThrough({ login: LOGIN }, { host: '0.0.0.0', config: { ...config, ...LOGIN } })).code).toBe(
      'bad_settings',
    );
    expect((await failureThrough({}, { host: '0.0.0.0' })).message).toContain('set "tls" to optional');
    await withServer({}, async (server) => {
      await sendThrough(server.port, { host: '0.0.0.0', config });
      expect(server.mails).toHaveLength(1);
    });
  });

  it('believes nothing that was said in clear behind STARTTLS', async () => {
    const error = await failureThrough({ tls: TLS, injected: '250 ok\r\n' }, { host: 'localhost', config: { ca: TLS.cert } });
    expect(error.code).toBe('bad_reply');
  });

  it.each([
    ['greeting', '421 too busy', 'busy', true],
    ['MAIL', '451 4.3.0 try later', 'busy', true],
    ['RCPT', '450 4.2.1 greylisted', 'busy', true],
    ['RCPT', '550 5.1.1 no such user', 'bad_request', false],
    ['.', '554 5.7.1 looks like spam', 'bad_request', false],
    ['.', '552 too large', 'too_large', false],
    ['EHLO', 'HTTP/1.1 400 Bad Request', 'bad_reply', true],
  ])('says after %s: %s that it is %s, a retry helps: %s', async (command, answer, code, retry) => {
    const error = await failureThrough({ answers: { [command]: answer } });
    expect([error.code, error.retry]).toEqual([code, retry]);
  });

  it('does not retry a refused password, and does not show it', async () => {
    const error = await failureThrough(
      { tls: TLS, login: { ...LOGIN, password: 'other' } },
      { host: 'localhost', config: { ...LOGIN, ca: TLS.cert } },
    );
    expect([error.code, error.retry]).toEqual(['unauthorized', false]);
    expect(error.message).toContain('535');
  });

  it('reaches those who can be reached, and tells of the other', async () => {
    await withServer({ answers: { 'RCPT TO:<b@': '550 5.1.1 unknown' } }, async (server) => {
      const config = { to: ['a@example.org', 'b@example.org', 'c@example.org'] };
      await expect(sendThrough(server.port, { config })).rejects.toThrow('the recipient b@example.org');
      expect(server.mails[0]?.to).toEqual(['a@example.org', 'c@example.org']);
    });
  });

  it('is retried when the server hangs up, is away or is called off', async () => {
    const server = createServer((socket) => socket.destroy()).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    await expect(sendThrough(port)).rejects.toMatchObject({ code: 'unreachable' });
    server.close();
    await once(server, 'close');
    await expect(sendThrough(port)).rejects.toMatchObject({ code: 'unreachable' });
    const message = { server: `smtp://127.0.0.1:${port}`, tls: 'required' as const, from: 'a@b.c', to: ['a@b.c'], data: '' };
    await expect(sendMail(message, AbortSignal.abort())).rejects.toMatchObject({ code: 'timeout' });
  });

  it('gets any title and text across unchanged but for what no mail holds', async () => {
    await withServer({}, async (server) => {
      const property = fc.asyncProperty(
        fc.string({ unit: 'binary', maxLength: 200 }),
        fc.string({ unit: 'binary', maxLength: 300 }),
        async (title, text) => {
          server.mails.length = 0;
          await sendThrough(server.port, { notice: { title, text } });
          const mail = server.mails[0];
          if (!mail) throw new Error('no mail came');
          expect(mail.data).toMatch(/^[\r\n\x20-\x7e]*$/);
          for (const line of mail.data.split('\r\n')) expect(line.length).toBeLessThanOrEqual(998);
          const { subject, headers } = readMail(mail);
          expect(Object.keys(headers)).toEqual(HEADERS);
          expect(subject).not.toMatch(/\p{Cc}/u);
        },
      );
      await fc.assert(property, { numRuns: 60 });
    });
  });

  it('doubles the dot at the beginning of a line', () => {
    expect(stuffed('.\r\n..a\r\nb.\r\n')).toBe('..\r\n...a\r\nb.');
  });
});

const HEADERS = [
  'From',
  'To',
  'Subject',
  'Date',
  'Message-ID',
  'In-Reply-To',
  'References',
  'Auto-Submitted',
  'Importance',
  'X-Priority',
  'MIME-Version',
  'Content-Type',
  'Content-Transfer-Encoding',
];
