/** A mail to one server over SMTP, by nodemailer: STARTTLS or TLS, and what went wrong as an AppError that tells whether a retry helps. */
import { connect, isIP, type Socket } from 'node:net';
import { rootCertificates } from 'node:tls';
import { AppError, type ErrorCode } from '@muster/shared/errors';
import type { NodemailerError, SendMailOptions, SMTPTransportOptions } from 'nodemailer';
import type { SmtpMessage } from '../../notifier.js';
import { scrub } from './ask.js';
import { cut, oneLine } from './text.js';

const TIMEOUT_MS = 30_000;
/** A reply of a real server has a few hundred bytes. */
const MOST_REPLY = 65_536;
const PORTS: Record<string, number> = { 'smtp:': 587, 'smtps:': 465 };

export const sendMail = async (message: SmtpMessage, signal: AbortSignal): Promise<void> => {
  // Loaded by the first mail only.
  const { createTransport } = await import('nodemailer');
  const place = placeOf(message);
  const deadline = AbortSignal.timeout(TIMEOUT_MS);
  const ended = AbortSignal.any([deadline, signal]);
  try {
    const transport = createTransport(optionsOf(message, place, ended));
    const { rejectedErrors = [] } = await transport.sendMail({ ...mailOf(message), signal: ended });
    const refused = worstOf(rejectedErrors);
    if (refused) throw refused;
  } catch (error) {
    if (deadline.aborted) throw new AppError('timeout', `${place.where} did not answer within ${TIMEOUT_MS} ms`);
    if (signal.aborted) throw new AppError('timeout', 'The mail was called off');
    throw asMailError(error as NodemailerError, message, place.where);
  }
};

// ---- what nodemailer is told
interface Place {
  host: string;
  port: number;
  secure: boolean;
  where: string;
}

const placeOf = ({ server }: SmtpMessage): Place => {
  const { hostname, port, protocol } = new URL(server);
  const host = hostname.replace(/^\[|\]$/g, '');
  return {
    host,
    port: Number(port) || (PORTS[protocol] ?? 587),
    secure: protocol === 'smtps:',
    where: `The mail server ${host}`,
  };
};

const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));

const optionsOf = (message: SmtpMessage, place: Place, signal: AbortSignal): SMTPTransportOptions => {
  const { user, password, ca, tls } = message;
  const { host, port, secure } = place;
  return {
    host,
    port,
    secure,
    requireTLS: !secure && !isLoopback(host) && (tls === 'required' || password !== undefined),
    ...(ca !== undefined && { tls: { ca: [...rootCertificates, ca] } }),
    ...(user !== undefined && { auth: { user, pass: password } }),
    // Without it a server that offers no log-in gets the mail without one.
    forceAuth: true,
    name: 'muster.invalid',
    maxResponseSize: MOST_REPLY,
    socketCloseTimeout: 1_000,
    disableFileAccess: true,
    disableUrlAccess: true,
    getSocket: (_options, done) => open(place, signal, done),
  };
};

type Opened = (error: Error | null, opened?: { connection: Socket }) => void;

/** By the system's resolver: nodemailer's own asks DNS before /etc/hosts. */
const open = ({ host, port }: Place, signal: AbortSignal, done: Opened): void => {
  const socket = connect({ host, port, signal });
  socket.once('error', done);
  socket.once('connect', () => {
    socket.off('error', done);
    done(null, { connection: socket });
  });
};

/** ASCII on the wire, whatever the text holds. */
const mailOf = ({ from, to, subject, text, message_id, thread_id, ts, urgent }: SmtpMessage): SendMailOptions => ({
  from: { name: 'Muster', address: from },
  to: to.map((address) => ({ name: '', address })),
  envelope: { from, to: [...to] },
  // A mail program would decode what looks like an encoded word, and show what no notice may hold.
  subject: subject.replaceAll('=?', '= ?'),
  text: text.replaceAll('\n', '\r\n'),
  encoding: 'base64',
  textEncoding: 'base64',
  date: new Date(Math.abs(ts) < 8.64e15 ? ts : 0),
  messageId: `<${message_id}>`,
  inReplyTo: `<${thread_id}>`,
  references: `<${thread_id}>`,
  headers: { 'Auto-Submitted': 'auto-generated' },
  ...(urgent && { priority: 'high' }),
  xMailer: false,
});

// ---- what went wrong
const CODES: Record<number, ErrorCode> = {
  421: 'busy',
  530: 'unauthorized',
  534: 'unauthorized',
  535: 'unauthorized',
  552: 'too_large',
};

/** 4yz may work later, 5yz never. */
const codeOf = (status: number): ErrorCode =>
  CODES[status] ?? (status >= 400 && status < 500 ? 'busy' : status >= 500 ? 'bad_request' : 'bad_reply');

/** Who can get it gets it; then the failure of the others is told: one that a retry mends, if there is one. */
const worstOf = (refused: readonly NodemailerError[]): NodemailerError | undefined =>
  refused.find(({ responseCode }) => codeOf(responseCode ?? 0) === 'busy') ?? refused[0];

/** Nodemailer's own words and fields may hold what the server repeated: none of them is passed on as it is. */
const asMailError = (thrown: NodemailerError, message: SmtpMessage, where: string): AppError => {
  const error = worstOf(thrown.rejectedErrors ?? []) ?? thrown;
  const { responseCode, code, command } = error;
  if (command === 'STARTTLS' && responseCode !== undefined && responseCode >= 500) return withoutTls(message, where);
  if (responseCode !== undefined) return refusal(error, message, where);
  if (code === 'EPROTOCOL' || command === 'EHLO' || command === 'HELO')
    return new AppError('bad_reply', `${where} does not answer as a mail server does; check address and port`);
  if (error.timeoutType) return new AppError('timeout', `${where} did not answer in time`);
  if (command === 'API')
    return new AppError('bad_settings', `${where} was not asked; check sender, recipients, user and password`);
  const why = error.originalCode ?? (code === 'ECONNECTION' ? undefined : code) ?? 'closed the connection';
  return new AppError('unreachable', `${where} cannot be reached (${why}); check address, port and certificate`);
};

const withoutTls = ({ password }: SmtpMessage, where: string): AppError => {
  const what = password === undefined ? 'set "tls" to optional to send in clear' : 'a password is never sent in clear';
  return new AppError('bad_settings', `${where} offers no TLS; ${what}`);
};

const refusal = (
  { responseCode = 0, response = '', command = '', recipient }: NodemailerError,
  message: SmtpMessage,
  where: string,
) => {
  const { user, password, from } = message;
  const what: Record<string, string> = {
    'MAIL FROM': `the sender ${from}`,
    'RCPT TO': `the recipient ${recipient ?? ''}`,
    DATA: 'the mail',
    CONN: 'the connection',
  };
  const login = command.startsWith('AUTH');
  // What CRAM-MD5 sends cannot be known here, so that it could not be taken out.
  const words = command === 'AUTH CRAM-MD5' ? '' : response.replace(/^\d{3}[- ]?/gm, '');
  const said = cut(scrub(oneLine(words), [password, user && password && `\0${user}\0${password}`]), 200);
  const sentence = `${where} refused ${login ? 'the login' : (what[command] ?? command)} (${`${responseCode} ${said}`.trim()})`;
  return new AppError(codeOf(responseCode), sentence, { status: responseCode });
};
