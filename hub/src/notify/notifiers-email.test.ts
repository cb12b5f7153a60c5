import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { AppError, asAppError } from '@muster/shared/errors';
import { createHttp } from '@muster/shared/http';
import { check } from '@muster/shared/schema';
import fc from 'fast-check';
import { generate } from 'selfsigned';
import { describe, expect, it } from 'vitest';
import type { Notice, SmtpMessage } from './notifier.js';
import email from './notifiers/email.js';
import { titleOf } from './notifiers/lib/notice.js';
import { sendMail } from './notifiers/lib/smtp.js';
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

const MAIL: SmtpMessage = {
  server: 'smtp://127.0.0.1:1',
  tls: 'required',
  from: 'muster@example.org',
  to: ['a@example.org'],
  subject: 'garage-3 is offline',
  text: 'No message for 20 s.',
  message_id: 'n-41-2@example.org',
  thread_id: 'thread.alert-41@example.org',
  ts: 0,
  urgent: false,
};

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
    .replace(/=\?UTF-8\?B\?([^?]*)\?=/g, (_all, text: string) => Buffer.from(text, 'base64').toString());
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

  it('reaches addresses of any script, where the server takes them', async () => {
    const config = { from: 'wache@bücher.example', to: ['jürgen@bücher.example'] };
    const { commands, mails } = await withServer({ offers: ['SMTPUTF8'] }, async (server) => {
      await sendThrough(server.port, { config });
      return server;
    });
    const heard = commands.map((line) => Buffer.from(line, 'latin1').toString());
    expect(heard).toContain('MAIL FROM:<wache@xn--bcher-kva.example> SMTPUTF8');
    expect(heard).toContain('RCPT TO:<jürgen@bücher.example>');
    expect(mails.map((mail) => readMail(mail).headers['Message-ID'])).toEqual(['<n-41-2@xn--bcher-kva.example>']);
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
    const error = await failureThrough({ tls: TLS, login: LOGIN }, { host: 'localhost', config: LOGIN });
    expect([error.code, error.message]).toEqual(['unreachable', expect.stringContaining('SELF_SIGNED')]);
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
    const options = { tls: TLS, login: LOGIN, injected: '250 AUTH XOAUTH2\r\n' };
    const mails = await withServer(options, async (server) => {
      await sendThrough(server.port, { host: 'localhost', config: { ...LOGIN, ca: TLS.cert } });
      return server.mails;
    });
    expect(mails).toMatchObject([{ secure: true, user: 'muster' }]);
  });

  it.each([
    ['greeting', '421 too busy', 'busy', true],
    ['MAIL', '451 4.3.0 try later', 'busy', true],
    ['RCPT', '450 4.2.1 greylisted', 'busy', true],
    ['RCPT', '550 5.1.1 no such user', 'bad_request', false],
    ['.', '554 5.7.1 looks like spam', 'bad_request', false],
    ['.', '552 too large', 'too_large', false],
    ['greeting', 'HTTP/1.1 400 Bad Request', 'bad_reply', true],
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

  it.each([
    ['235 welcome', null],
    ['535 5.7.8 no', 'unauthorized'],
  ])('logs in by CRAM-MD5 where nothing else is offered, and repeats no word of a refusal: %s', async (answer, code) => {
    const challenge = Buffer.from('<1.2@mail.test>').toString('base64');
    const options = { offers: ['AUTH CRAM-MD5'], answers: { AUTH: `334 ${challenge}`, bXVzdGVy: answer } };
    await withServer(options, async ({ port, commands }) => {
      const failure = await sendThrough(port, { config: LOGIN }).catch(asAppError);
      expect([failure?.code ?? null, failure?.message.includes('5.7.8') ?? false]).toEqual([code, false]);
      const proof = createHmac('md5', PASSWORD).update('<1.2@mail.test>').digest('hex');
      expect(commands).toContain(Buffer.from(`muster ${proof}`).toString('base64'));
    });
  });

  it('sends nothing without the log-in to a server that offers none', async () => {
    const error = await failureThrough({ offers: [], answers: { AUTH: '502 5.5.1 not known' } }, { config: LOGIN });
    expect([error.code, error.retry]).toEqual(['bad_request', false]);
    expect(error.message).toContain('the login (502');
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
    const message = { ...MAIL, server: `smtp://127.0.0.1:${port}` };
    await expect(sendMail(message, AbortSignal.abort())).rejects.toMatchObject({ code: 'timeout' });
  });

  it('hangs up when it is called off while the server is silent', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const control = new AbortController();
    const sending = sendMail({ ...MAIL, server: `smtp://127.0.0.1:${port}` }, control.signal);
    const [socket] = (await once(server, 'connection')) as [Socket];
    socket.resume();
    control.abort();
    await expect(sending).rejects.toMatchObject({ code: 'timeout', retry: true });
    await once(socket, 'close');
    server.close();
  });

  it('gets any title and text across unchanged but for what no mail holds', async () => {
    await withServer({}, async (server) => {
      const property = fc.asyncProperty(
        fc.oneof(
          fc.string({ unit: 'binary', maxLength: 300 }),
          fc.stringMatching(/^([\x20-\x7eä温🔥]|\r\nBcc: x@y\.z|=\?utf-8\?B\?YQ==\?= )*$/u),
        ),
        fc.string({ unit: 'binary', maxLength: 300 }),
        async (title, text) => {
          server.mails.length = 0;
          await sendThrough(server.port, { notice: { title, text } });
          const mail = server.mails[0];
          if (!mail) throw new Error('no mail came');
          expect(mail.data).toMatch(/^[\r\n\x20-\x7e]*$/);
          for (const line of mail.data.split('\r\n')) expect(line.length).toBeLessThanOrEqual(998);
          const { subject, headers } = readMail(mail);
          expect(Object.keys(headers).sort()).toEqual(HEADERS);
          expect(subject).not.toMatch(/\p{Cc}/u);
          expect(subject).toBe(titleOf({ ...NOTICE, title }, { max: 250 }).replaceAll('=?', '= ?'));
        },
      );
      await fc.assert(property, { numRuns: 100 });
    });
  });
});

const HEADERS = [
  'Auto-Submitted',
  'Content-Transfer-Encoding',
  'Content-Type',
  'Date',
  'From',
  'Importance',
  'In-Reply-To',
  'MIME-Version',
  'Message-ID',
  'References',
  'Subject',
  'To',
  'X-Msmail-Priority',
  'X-Priority',
];
