import { createECDH } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { asAppError } from '@muster/shared/errors';
import { createHttp } from '@muster/shared/http';
import { createLog } from '@muster/shared/log';
import { type Config, secretsIn } from '@muster/shared/secrets';
import { afterEach, describe, expect, it } from 'vitest';
import { loadNotifiers } from './notifier-plugins.js';
import { createHarness, type Harness } from './testing/harness.js';
import { SERVICES } from './testing/services.js';

const notifiers = await loadNotifiers();
const open: (() => void)[] = [];
afterEach(() => {
  for (const close of open.splice(0)) close();
});

/** Says back all that it was sent, in every field and header that a service could do so. */
const startEcho = async (status: number, form: 'json' | 'text'): Promise<string> => {
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const part of request) body += String(part);
    const all = [request.method, request.url, decodeURIComponent(request.url ?? ''), JSON.stringify(request.headers), body]
      .join(' ')
      .slice(0, 9_500);
    const fields = { description: all, message: all, error: all, errors: [all], reason: all, retry_after: all };
    response.writeHead(status, { 'x-said': encodeURIComponent(request.url ?? '') });
    response.end(form === 'json' ? JSON.stringify(fields) : all);
  });
  return `http://127.0.0.1:${await listen(server)}`;
};

/** A mail server that repeats every command in its refusal of the log-in or of the mail. */
const startMailEcho = async (refused: 'AUTH' | 'DATA'): Promise<string> => {
  const server = createTcpServer((socket) => {
    socket.on('error', () => {});
    socket.write('220 echo\r\n');
    const heard: string[] = [];
    socket.on('data', (data) => {
      const text = data.toString();
      heard.push(text);
      const said = heard
        .join(' ')
        .replaceAll(/[\r\n]+/g, ' ')
        .slice(-1_500);
      const plain = [...heard].map((line) => Buffer.from(line.trim().split(' ').at(-1) ?? '', 'base64').toString()).join(' ');
      if (text.startsWith('EHLO')) socket.write('250-echo\r\n250 AUTH PLAIN LOGIN\r\n');
      else if (text.startsWith(refused) || (refused === 'DATA' && text.includes('\r\n.\r\n')))
        socket.write(`554 5.7.8 ${said} ${plain.replaceAll(/[^\x20-\x7e]/g, '|')}\r\n`);
      else socket.write(text.startsWith('DATA') ? '354 go on\r\n' : '235 well\r\n');
    });
  });
  return `smtp://127.0.0.1:${await listen(server)}`;
};

const listen = async (server: ReturnType<typeof createTcpServer>): Promise<number> => {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  open.push(() => {
    (server as Partial<ReturnType<typeof createServer>>).closeAllConnections?.();
    server.close();
  });
  return (server.address() as AddressInfo).port;
};

const PASSWORD = 'pass-5ecret ü Zq9';
/** A notifier that speaks no HTTP, or takes more than a configuration, says here how it meets its echo. */
const OTHERS: Record<string, (status: number) => Promise<{ config: Config; more?: string[] }>> = {
  async email(status) {
    const server = await startMailEcho(status < 500 ? 'AUTH' : 'DATA');
    return { config: { server, user: 'muster', password: PASSWORD, from: 'm@example.org', to: ['a@example.org'] } };
  },
  async mqtt() {
    // A broker has no words of its own: it hangs up on what it does not like.
    const server = createTcpServer((socket) => socket.on('data', () => socket.end()).on('error', () => {}));
    return { config: { server: `mqtt://127.0.0.1:${await listen(server)}`, user: 'muster', password: PASSWORD } };
  },
  web_push: async () => ({ config: {}, more: ['endpoint-5ecret-Zq9', Buffer.alloc(16, 9).toString('base64url')] }),
};

const setUp = () => {
  const lines: string[] = [];
  const log = createLog({ format: 'json', level: 'debug', write: (line) => void lines.push(line), now: () => 0 });
  const hub = createHarness({ notifiers, http: createHttp(), log, allowsPush: () => true });
  open.push(() => hub.notify.stop());
  return { hub, lines };
};

const subscribe = async (hub: Harness, base: string) => {
  const pair = createECDH('prime256v1');
  pair.generateKeys();
  const keys = { p256dh: pair.getPublicKey('base64url'), auth: Buffer.alloc(16, 9).toString('base64url') };
  await hub.notify.push.add('ada', { endpoint: `${base}/send/endpoint-5ecret-Zq9`, keys });
};

/** As a service could write it. */
const formsOf = (secret: string): string[] => [
  secret,
  encodeURIComponent(secret),
  Buffer.from(secret).toString('base64'),
  JSON.stringify(secret).slice(1, -1),
];

/** What an error, a log or the API could show of it. */
const shownOf = (error: unknown): string => {
  const found: unknown[] = [];
  for (let one: unknown = error; one instanceof Error; one = one.cause) found.push(one.message, one.stack, { ...one });
  return JSON.stringify([found, asAppError(error).details]);
};

describe.each([...notifiers.keys()])('%s, against a service that repeats all that it hears', (kind) => {
  it.each([
    [400, 'json'],
    [500, 'text'],
  ] as const)('shows no secret in log, error, audit, alert or API (%i as %s)', async (status, form) => {
    const declaration = notifiers.get(kind);
    const known = SERVICES[kind];
    const base = await startEcho(status, form);
    const other = await OTHERS[kind]?.(status);
    if (!declaration || (!known && !other))
      throw new Error(`add ${kind} to hub/src/notify/testing/services.ts, so that it meets an echo`);
    const config = { ...(known?.config(base) ?? other?.config) } as Config;
    const { hub, lines } = setUp();
    await hub.start([]);
    if (kind === 'web_push') await subscribe(hub, base);
    await hub.notify.putNotifier(kind === 'web_push' ? 'web-push' : kind.replaceAll('_', '-'), { kind, config });
    const id = hub.notify.notifiers()[0]?.id ?? '';
    const tried = await hub.notify.test(id).then(
      () => null,
      (error: unknown) => error,
    );
    hub.fire('1', 'pi');
    await hub.until(() => hub.hubAlerts.some((one) => one.startsWith(`notifier:${id} true`)), 'it is an alert');
    expect(tried).toBeInstanceOf(Error);
    const notice = hub.writer.documents().find(({ collection }) => collection === 'notices');
    const answers = JSON.stringify(notice ?? hub.writer.committed).match(/token=[\w.-]+|"a\.[\w.-]+"/g) ?? [];
    const key = String(hub.writer.document('notify', 'push_key') ?? 'no key of browsers');
    const secrets = [...secretsIn(declaration.config, config), ...(known?.secrets ?? []), ...(other?.more ?? []), key];
    const tokens = answers.map((one) => one.replace(/^token=|"/g, '').replace(/"$/, ''));
    expect(tokens.length).toBeGreaterThan(0);
    const shown = JSON.stringify([lines, hub.notify.notifiers(), hub.hubAlerts, hub.audited]) + shownOf(tried);
    for (const secret of [...secrets, ...tokens].flatMap(formsOf)) expect(shown).not.toContain(secret);
  });
});
