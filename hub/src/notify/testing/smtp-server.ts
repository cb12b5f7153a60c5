import { type AddressInfo, createServer, type Socket } from 'node:net';
import { createSecureContext, createServer as createTlsServer, TLSSocket } from 'node:tls';

/** A mail server on loopback that takes mails, checks their form and answers as told. */
export interface SmtpServerOptions {
  /** STARTTLS is offered, or with `implicit` spoken from the start. */
  tls?: { key: string; cert: string; implicit?: boolean };
  offers?: string[];
  login?: { user: string; password: string };
  /** Answers in place of the usual one, by the command's beginning. */
  answers?: Record<string, string>;
  /** Said in clear right behind the answer to STARTTLS. */
  injected?: string;
}

export interface TakenMail {
  from: string;
  to: string[];
  /** Without the doubled dots. */
  data: string;
  secure: boolean;
  user: string | null;
}

export const startSmtpServer = async (options: SmtpServerOptions = {}) => {
  const mails: TakenMail[] = [];
  const commands: string[] = [];
  const sockets = new Set<Socket>();
  const serve = (socket: Socket, secure: boolean) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    speak(socket, { options, mails, commands, secure });
  };
  const { tls } = options;
  const server = tls?.implicit
    ? createTlsServer(tls, (socket) => serve(socket, true))
    : createServer((socket) => serve(socket, false));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    port,
    mails,
    commands,
    close: () =>
      new Promise<void>((resolve) => {
        for (const socket of sockets) socket.destroy();
        server.close(() => resolve());
      }),
  };
};

interface Scene {
  options: SmtpServerOptions;
  mails: TakenMail[];
  commands: string[];
  secure: boolean;
}

/** One connection as far as it has come. */
interface Session extends Scene {
  socket: Socket;
  mail: TakenMail;
  mode: 'command' | 'data' | 'user' | 'password';
  heard: string;
}

const say = ({ socket }: Session, line: string) => void socket.write(`${line}\r\n`);

const speak = (socket: Socket, scene: Scene, greet = true): void => {
  const mail = { from: '', to: [], data: '', secure: scene.secure, user: null };
  const session: Session = { ...scene, socket, mail, mode: 'command', heard: '' };
  socket.on('data', (part: Buffer) => {
    session.heard += part.toString('latin1');
    while (session.mode === 'data' ? takeData(session) : takeLine(session));
  });
  if (greet) say(session, scene.options.answers?.['greeting'] ?? '220-mail.test\r\n220 ready');
};

const takeLine = (session: Session): boolean => {
  const at = session.heard.indexOf('\r\n');
  if (at < 0) return false;
  const line = session.heard.slice(0, at);
  session.heard = session.heard.slice(at + 2);
  if (session.mode === 'command') obey(session, line);
  else takeLogin(session, Buffer.from(line, 'base64').toString());
  return true;
};

const takeData = (session: Session): boolean => {
  const end = session.heard.startsWith('.\r\n') ? 0 : session.heard.indexOf('\r\n.\r\n') + 2;
  if (end === 1) return false;
  session.mails.push({ ...session.mail, data: session.heard.slice(0, end).replace(/^\.\./gm, '.') });
  session.heard = session.heard.slice(end + 3);
  session.mode = 'command';
  say(session, session.options.answers?.['.'] ?? '250 taken');
  return true;
};

const obey = (session: Session, line: string) => {
  const { options, commands, secure } = session;
  commands.push(line);
  const verb = line.split(/[ :]/)[0]?.toUpperCase() ?? '';
  const told = Object.entries(options.answers ?? {}).find(([start]) => line.startsWith(start))?.[1];
  if (told !== undefined) return say(session, told);
  if (verb === 'EHLO') return say(session, ehlo(session));
  if (verb === 'STARTTLS') return upgrade(session);
  if (verb === 'AUTH') return auth(session, line);
  if (verb === 'MAIL') session.mail = { ...session.mail, from: inside(line), to: [], secure };
  if (verb === 'RCPT') session.mail.to.push(inside(line));
  if (verb === 'DATA') session.mode = 'data';
  return say(session, verb === 'DATA' ? '354 go on' : verb === 'QUIT' ? '221 bye' : '250 ok');
};

const upgrade = (session: Session) => {
  const { socket, options, mails, commands } = session;
  const { tls, injected = '' } = options;
  if (!tls) return say(session, '502 no');
  socket.write(`220 go on\r\n${injected}`);
  socket.removeAllListeners('data');
  const secure = new TLSSocket(socket, { isServer: true, secureContext: createSecureContext(tls) });
  secure.on('error', () => undefined);
  speak(secure, { options, mails, commands, secure: true }, false);
};

const auth = (session: Session, line: string) => {
  const [, kind, first] = line.split(' ');
  if (kind === 'LOGIN') {
    session.mode = 'user';
    return say(session, '334 VXNlcm5hbWU6');
  }
  const [, user = '', password = ''] = Buffer.from(first ?? '', 'base64')
    .toString()
    .split('\0');
  return judge(session, user, password);
};

const takeLogin = (session: Session, text: string) => {
  if (session.mode === 'password') {
    session.mode = 'command';
    return judge(session, session.mail.user ?? '', text);
  }
  session.mail.user = text;
  session.mode = 'password';
  return say(session, '334 UGFzc3dvcmQ6');
};

/** As rude as servers can be: it repeats what was wrong. */
const judge = (session: Session, user: string, password: string) => {
  const { login } = session.options;
  session.mail.user = user;
  say(session, login?.user === user && login.password === password ? '235 welcome' : `535 5.7.8 wrong: ${user} ${password}`);
};

const ehlo = ({ options: { tls, offers = ['SIZE 100000', 'AUTH PLAIN LOGIN'] }, secure }: Scene): string => {
  const all = ['mail.test', ...offers, ...(tls && !secure ? ['STARTTLS'] : []), 'HELP'];
  return all.map((line, at) => `250${at === all.length - 1 ? ' ' : '-'}${line}`).join('\r\n');
};

const inside = (line: string): string => /<(.*)>/.exec(line)?.[1] ?? '';
