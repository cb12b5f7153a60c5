/** A mail to one server over SMTP (RFC 5321): STARTTLS or TLS, AUTH PLAIN or LOGIN; loaded by nothing else than the email notifier. */
import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { connect as connectTls, rootCertificates } from 'node:tls';
import { AppError, asAppError, type ErrorCode } from '@muster/shared/errors';
import type { SmtpMessage } from '../../notifier.js';
import { scrub } from './ask.js';
import { cut, oneLine } from './text.js';

interface SmtpReply {
  code: number;
  lines: string[];
}

/** One conversation: every command is answered before the next is said. */
interface Talk {
  say(line: string): Promise<SmtpReply>;
  greeting(): Promise<SmtpReply>;
  /** The same conversation over TLS. */
  secured(options: TlsOptions): Promise<Talk>;
  end(): void;
}

interface TlsOptions {
  host: string;
  ca?: string | undefined;
}

const TIMEOUT_MS = 30_000;
/** A reply of a real server has a few hundred bytes. */
const MOST_REPLY = 65_536;
const PORTS: Record<string, number> = { 'smtp:': 587, 'smtps:': 465 };

export const sendMail = async (message: SmtpMessage, signal: AbortSignal): Promise<void> => {
  const { hostname, port, protocol } = new URL(message.server);
  const host = hostname.replace(/^\[|\]$/g, '');
  const where = `The mail server ${host}`;
  const deadline = AbortSignal.timeout(TIMEOUT_MS);
  const tls = { host, ca: message.ca };
  try {
    const link = await open({ ...tls, port: Number(port) || (PORTS[protocol] ?? 587), implicit: protocol === 'smtps:' }, [
      deadline,
      signal,
    ]);
    await deliver(link, message, { host, where, tls, secure: protocol === 'smtps:' });
  } catch (error) {
    if (error instanceof AppError) throw error;
    if (deadline.aborted) throw new AppError('timeout', `${where} did not answer within ${TIMEOUT_MS} ms`);
    const why = (error as NodeJS.ErrnoException).code ?? 'closed the connection';
    throw new AppError('unreachable', `${where} cannot be reached (${why}); check address, port and certificate`);
  }
};

// ---- the conversation
interface Place {
  host: string;
  where: string;
  tls: TlsOptions;
  secure: boolean;
}

const deliver = async (first: Talk, message: SmtpMessage, place: Place): Promise<void> => {
  const step = stepsOf(place, message);
  let talk = first;
  try {
    step(await talk.greeting(), 'greeting');
    let offers = await hello(talk, step);
    if (!place.secure && offers.has('STARTTLS')) {
      step(await talk.say('STARTTLS'), 'STARTTLS');
      talk = await talk.secured(place.tls);
      offers = await hello(talk, step);
    } else if (!place.secure) refuseClear(message, place);
    await logIn(talk, message, { offers, step });
    await hand(talk, message, step);
    await talk.say('QUIT').catch(() => undefined);
  } finally {
    talk.end();
  }
};

type Step = (reply: SmtpReply, what: string) => SmtpReply;

const CODES: Record<number, ErrorCode> = {
  421: 'busy',
  530: 'unauthorized',
  534: 'unauthorized',
  535: 'unauthorized',
  552: 'too_large',
};

/** 4yz may work later, 5yz never. */
const codeOf = (code: number): ErrorCode =>
  CODES[code] ?? (code >= 400 && code < 500 ? 'busy' : code >= 500 ? 'bad_request' : 'bad_reply');

const stepsOf = ({ where }: Place, { user, password }: SmtpMessage): Step => {
  const secrets = [password, user && password && plainLogin(user, password)];
  return (reply, what) => {
    if (reply.code >= 200 && reply.code < 400) return reply;
    const words = Buffer.from(reply.lines.join(' '), 'latin1').toString();
    const said = cut(scrub(oneLine(words), secrets), 200);
    throw new AppError(codeOf(reply.code), `${where} refused ${what} (${reply.code} ${said})`, { status: reply.code });
  };
};

const hello = async (talk: Talk, step: Step): Promise<Set<string>> => {
  const { lines } = step(await talk.say('EHLO muster.invalid'), 'EHLO');
  return new Set(lines.slice(1).flatMap((line) => capabilities(line.toUpperCase())));
};

/** `AUTH PLAIN LOGIN` becomes `AUTH PLAIN` and `AUTH LOGIN`; some old servers write `AUTH=`. */
const capabilities = (line: string): string[] => {
  const [name = '', ...rest] = line.trim().split(/[ =]+/);
  return name === 'AUTH' ? rest.map((kind) => `AUTH ${kind}`) : [name];
};

const refuseClear = ({ password, tls }: SmtpMessage, { host, where }: Place): void => {
  if (isLoopback(host) || (tls === 'optional' && password === undefined)) return;
  const what = password === undefined ? 'set "tls" to optional to send in clear' : 'a password is never sent in clear';
  throw new AppError('bad_settings', `${where} offers no TLS; ${what}`);
};

const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));

const base64 = (text: string): string => Buffer.from(text).toString('base64');
const plainLogin = (user: string, password: string): string => `\0${user}\0${password}`;

const logIn = async (talk: Talk, { user, password }: SmtpMessage, { offers, step }: { offers: Set<string>; step: Step }) => {
  if (user === undefined || password === undefined) return;
  if (offers.has('AUTH PLAIN')) return step(await talk.say(`AUTH PLAIN ${base64(plainLogin(user, password))}`), 'the login');
  if (!offers.has('AUTH LOGIN'))
    throw new AppError('bad_settings', 'The mail server takes no user name with password (AUTH PLAIN or LOGIN)');
  step(await talk.say('AUTH LOGIN'), 'the login');
  step(await talk.say(base64(user)), 'the user name');
  return step(await talk.say(base64(password)), 'the login');
};

/** Who can get it gets it; then the failure of the others is told. */
const hand = async (talk: Talk, { from, to, data }: SmtpMessage, step: Step): Promise<void> => {
  step(await talk.say(`MAIL FROM:<${from}>`), `the sender ${from}`);
  const refused: AppError[] = [];
  for (const one of to) {
    const reply = await talk.say(`RCPT TO:<${one}>`);
    try {
      step(reply, `the recipient ${one}`);
    } catch (error) {
      refused.push(asAppError(error));
    }
  }
  const worst = refused.find(({ retry }) => retry) ?? refused[0];
  if (worst && refused.length === to.length) throw worst;
  step(await talk.say('DATA'), 'DATA');
  step(await talk.say(`${stuffed(data)}\r\n.`), 'the mail');
  if (worst) throw worst;
};

/** A line that begins with a dot gets a second one: a lone dot would end the mail. */
export const stuffed = (data: string): string => data.replace(/\r?\n$/, '').replace(/^\./gm, '..');

// ---- the connection
const open = (
  { host, port, ca, implicit }: TlsOptions & { port: number; implicit: boolean },
  signals: AbortSignal[],
): Promise<Talk> =>
  new Promise((resolve, reject) => {
    const signal = AbortSignal.any(signals);
    if (signal.aborted) return reject(new AppError('timeout', 'The mail was called off'));
    const socket = implicit ? connectTls({ ...tlsOf({ host, ca }), port }) : connectTcp({ host, port });
    const stop = () => socket.destroy(new Error('called off'));
    signal.addEventListener('abort', stop, { once: true });
    socket.once('close', () => signal.removeEventListener('abort', stop));
    socket.once('error', reject);
    const talk = createTalk(socket);
    socket.once(implicit ? 'secureConnect' : 'connect', () => resolve(talk));
  });

const tlsOf = ({ host, ca }: TlsOptions) => ({
  host,
  ...(isIP(host) ? {} : { servername: host }),
  ...(ca === undefined ? {} : { ca: [...rootCertificates, ca] }),
});

const createTalk = (socket: Socket): Talk => {
  let text = '';
  let failure: Error | null = null;
  let waiting: { resolve: (reply: SmtpReply) => void; reject: (error: Error) => void } | null = null;
  const fail = (error: Error) => {
    failure ??= error;
    waiting?.reject(failure);
    waiting = null;
  };
  const look = () => {
    const taken = takeReply(text);
    if (!taken && text.length > MOST_REPLY) socket.destroy(new AppError('bad_reply', 'The mail server answered without an end'));
    if (!taken || !waiting) return;
    text = text.slice(taken.length);
    waiting.resolve(taken.reply);
    waiting = null;
  };
  const hear = (part: Buffer) => {
    text += part.toString('latin1');
    look();
  };
  socket.on('data', hear);
  socket.on('error', fail);
  socket.on('close', () => fail(new Error('closed')));
  const reply = () =>
    new Promise<SmtpReply>((resolve, reject) => {
      if (failure) return reject(failure);
      waiting = { resolve, reject };
      look();
    });
  return {
    greeting: reply,
    say(line) {
      socket.write(`${line}\r\n`);
      return reply();
    },
    secured: (options) => {
      // What was said in clear behind the answer is from a stranger in between (CVE-2011-0411).
      if (text !== '') throw new AppError('bad_reply', 'The mail server said more than it should before TLS');
      socket.off('data', hear);
      return upgrade(socket, options);
    },
    end: () => void socket.destroy(),
  };
};

const upgrade = (socket: Socket, options: TlsOptions): Promise<Talk> =>
  new Promise((resolve, reject) => {
    const secure = connectTls({ ...tlsOf(options), socket });
    socket.once('close', () => secure.destroy());
    secure.once('error', reject);
    secure.once('close', () => reject(new Error('closed')));
    const talk = createTalk(secure);
    secure.once('secureConnect', () => resolve(talk));
  });

/** `250-…` lines up to the one with a blank after its code. */
const takeReply = (text: string): { reply: SmtpReply; length: number } | null => {
  const found = /^(?:\d{3}-[^\n]*\n)*(\d{3})(?: [^\n]*)?\r?\n/.exec(text);
  if (!found)
    return /^(?!\d{0,3}(?:$|[- \r\n]))/.test(text) && text.includes('\n')
      ? { reply: { code: 0, lines: [] }, length: text.length }
      : null;
  const lines = found[0]
    .trimEnd()
    .split(/\r?\n/)
    .map((line) => line.slice(4));
  return { reply: { code: Number(found[1]), lines }, length: found[0].length };
};
