import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { AppError, asAppError } from '@muster/shared/errors';
import { createHttp, type Http, type HttpReply, type HttpRequest } from '@muster/shared/http';
import { check } from '@muster/shared/schema';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Notice, NotifierDeclaration } from './notifier.js';
import { loadNotifiers } from './notifier-plugins.js';
import { NOTICE } from './testing/play.js';
import { type Heard, SERVICES, type Service } from './testing/services.js';

const notifiers = await loadNotifiers();
const named = Object.entries(SERVICES).map(([id, service]) => ({ id, service, notifier: notifierOf(id) }));

function notifierOf(id: string): NotifierDeclaration {
  const notifier = notifiers.get(id);
  if (!notifier) throw new Error(`${id} did not load`);
  return notifier;
}

type Answer = { status: number; headers?: Record<string, string>; text: string } | 'hang up';

/** The service as a real server: it checks what comes, then answers as told. */
const startService = async (service: Service, answer: () => Answer) => {
  const heard: Heard[] = [];
  const faults: unknown[] = [];
  const server = createServer(async (request, response) => {
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part as Buffer);
    const one = {
      method: request.method ?? '',
      path: request.url ?? '',
      headers: headersOf(request.headers),
      body: Buffer.concat(parts),
    };
    heard.push(one);
    try {
      service.takes(one);
    } catch (error) {
      faults.push(error);
    }
    const reply = answer();
    if (reply === 'hang up') request.socket.destroy();
    else response.writeHead(reply.status, reply.headers).end(reply.text);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const close = () => new Promise<void>((resolve) => server.close(() => resolve()));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, heard, faults, close };
};

const headersOf = (headers: NodeJS.Dict<string | string[]>): Record<string, string> =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]));

const HARD: Partial<Notice>[] = [
  {},
  { title: '<b>&amp;</b> *x* _y_ `z` |w| [a](b) <!channel> @everyone', text: '# <script>alert("1")</script>\n> quote\n\\ ~~ ||' },
  { title: '👩‍👩‍👧‍👦'.repeat(400), text: '🛰️ é'.repeat(9_000), link: null },
  { title: 'جهاز \u202e خارج الخدمة', text: 'حرارة 91°\r\n\u0000\u0007\ud800 温度', resolved: true, severity: 'warning' },
  { title: '', text: '', link: 'http://localhost:7480/a?b=1&c="<>|', idempotency_key: 'ü / \n?' },
  { title: '&'.repeat(5_000), text: '<'.repeat(50_000), severity: 'info' },
  { title: `e${'\u0301'.repeat(6_000)}`, text: '\n \n'.repeat(9_000) + '"\\'.repeat(30_000) },
];

const sendTo = (
  notifier: NotifierDeclaration,
  { config, notice = {}, http }: { config: unknown; notice?: Partial<Notice>; http: Http },
) =>
  notifier.send({
    config: check(notifier.config, config, 'the config', 'bad_settings'),
    notice: { ...NOTICE, ...notice },
    http,
    signal: new AbortController().signal,
  });

const failureOf = async (work: Promise<void>): Promise<AppError | null> => {
  try {
    await work;
    return null;
  } catch (error) {
    expect(error).toBeInstanceOf(AppError);
    return asAppError(error);
  }
};

/** Everything that a log or the API could show of an error. */
const shownBy = (error: AppError): string => {
  const causes: unknown[] = [];
  for (let cause: unknown = error; cause instanceof Error; cause = cause.cause)
    causes.push(cause.message, cause.stack, { ...cause });
  return JSON.stringify([causes, error.details]);
};

describe.each(named)('$id, over real HTTP', ({ service, notifier }) => {
  it('sends what its service takes, whatever the notice holds', async () => {
    const server = await startService(service, () => ({ status: 200, ...service.answer }));
    try {
      for (const notice of HARD) await sendTo(notifier, { config: service.config(server.url), notice, http: createHttp() });
      expect(server.faults).toEqual([]);
      expect(server.heard).toHaveLength(HARD.length);
    } finally {
      await server.close();
    }
  });

  it.each([
    [408, true],
    [425, true],
    [429, true],
    [500, true],
    [502, true],
    [503, true],
    [504, true],
    [302, false],
    [400, false],
    [401, false],
    [403, false],
    [404, false],
    [410, false],
    [413, false],
    [422, false],
  ])('says of status %i that a retry helps: %s', async (status, retry) => {
    const server = await startService(service, () => ({ status, headers: { 'retry-after': '7' }, text: '{"error":"no"}' }));
    try {
      const error = await failureOf(sendTo(notifier, { config: service.config(server.url), http: createHttp() }));
      expect(error?.retry).toBe(retry);
      expect(error?.details).toMatchObject({ status, retry_after_ms: 7_000 });
    } finally {
      await server.close();
    }
  });

  it('is retried when the service hangs up or is away', async () => {
    const server = await startService(service, () => 'hang up');
    const config = service.config(server.url);
    expect((await failureOf(sendTo(notifier, { config, http: createHttp() })))?.code).toBe('unreachable');
    await server.close();
    expect((await failureOf(sendTo(notifier, { config, http: createHttp() })))?.code).toBe('unreachable');
  });
});

const MARKUP = [
  '<',
  '>',
  '&',
  '*',
  '_',
  '`',
  '[',
  ']',
  '(',
  ')',
  '|',
  '~',
  '\\',
  '"',
  "'",
  '\r',
  '\n',
  '\t',
  '\0',
  '@',
  '#',
  '\u202e',
  '\ud83d',
  '\udca9',
  '👩‍🚀',
  '\u0301',
  'ش',
  ' ',
  'a',
];
const anyText = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 300 }),
  fc.array(fc.constantFrom(...MARKUP), { maxLength: 400 }).map((parts) => parts.join('')),
  fc.tuple(fc.constantFrom(...MARKUP), fc.integer({ min: 1, max: 40_000 })).map(([part, times]) => part.repeat(times)),
);
const anyNotice = fc.record({
  title: anyText,
  text: anyText,
  severity: fc.constantFrom('critical' as const, 'warning' as const, 'info' as const),
  resolved: fc.boolean(),
  link: fc.oneof(
    fc.constant(null),
    fc.webUrl({ withQueryParameters: true, withFragments: true }),
    anyText,
    fc.constant('javascript:alert(1)'),
  ),
  idempotency_key: fc.oneof(fc.uuid(), anyText),
  thread: fc.option(anyText, { nil: undefined }),
  ts: fc.oneof(fc.constant(NOTICE.ts), fc.double({ noNaN: true })),
});

const heardOf = (request: HttpRequest): Heard => ({
  method: request.method ?? 'GET',
  path: request.url.slice(new URL(request.url).origin.length),
  headers: headersOf(request.headers ?? {}),
  body: Buffer.from(request.bytes ?? request.body ?? ''),
});

describe.each(named)('$id, by random', ({ service, notifier }) => {
  const config = service.config('https://service.example.org');

  it('keeps format and limits for any title, text, link and key', async () => {
    const http: Http = {
      async request(request) {
        service.takes(heardOf(request));
        return { status: 200, headers: {}, ...service.answer };
      },
    };
    await fc.assert(
      fc.asyncProperty(anyNotice, (notice) => sendTo(notifier, { config, notice, http })),
      { numRuns: 120 },
    );
  });

  it('shows no secret in any error, even when the service repeats all that it was sent', async () => {
    const anyFailure = fc.record({
      status: fc.integer({ min: 300, max: 599 }),
      form: fc.constantFrom('text', 'json', 'list', 'throw', 'odd'),
    });
    await fc.assert(
      fc.asyncProperty(anyNotice, anyFailure, async (notice, { status, form }) => {
        const http: Http = { request: async (request) => repeat(request, { status, form }) };
        const error = await failureOf(sendTo(notifier, { config, notice, http }));
        const shown = error ? shownBy(error) : '';
        expect(error).not.toBeNull();
        for (const secret of service.secrets) expect(shown).not.toContain(secret);
      }),
      { numRuns: 60 },
    );
  });
});

const repeat = (request: HttpRequest, { status, form }: { status: number; form: string }): HttpReply => {
  const all = `${request.url} ${JSON.stringify(request.headers)} ${request.body ?? Buffer.from(request.bytes ?? '')}`.slice(
    0,
    9_000,
  );
  if (form === 'throw')
    throw new AppError('unreachable', `${all} cannot be reached`, { url: request.url }, { cause: new Error(all) });
  if (form === 'odd') throw Object.assign(new TypeError(`Invalid URL ${all}`), { input: request.url });
  const said = form === 'list' ? { errors: [all] } : { description: all };
  return { status, headers: { 'retry-after': 'soon' }, text: form === 'text' ? all : JSON.stringify(said) };
};
