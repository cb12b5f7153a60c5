/** One exchange with a service: what went wrong as an AppError that tells whether a retry helps, and holds neither secret nor path. */
import { AppError, asAppError, type ErrorCode } from '@muster/shared/errors';
import type { Http, HttpReply, HttpRequest } from '@muster/shared/http';
import { retryAfterMs } from '@muster/shared/refuse-status';
import { cut, oneLine } from './text.js';

export interface Asking {
  http: Http;
  signal: AbortSignal;
  now?: number | undefined;
  /** Name of the service, as errors call it. */
  who: string;
  /** Taken out of whatever the service says. */
  secrets: readonly (string | undefined)[];
}

export type Question = Pick<HttpRequest, 'url' | 'method' | 'headers' | 'bytes' | 'timeout_ms'> & { json?: unknown };

/** Larger replies are not for us. */
const MOST_BYTES = 256_000;
const TIMEOUT_MS = 15_000;

/** The reply, when its status is 200–299. */
export const ask = async (asking: Asking, question: Question): Promise<HttpReply> => {
  const reply = await exchange(asking, question);
  if (reply.status < 200 || reply.status > 299) throw refusal(asking, question.url, reply);
  return reply;
};

const exchange = async ({ http, signal, who }: Asking, { json, headers = {}, ...rest }: Question): Promise<HttpReply> => {
  const body = json === undefined ? {} : { body: JSON.stringify(json) };
  const type = json === undefined ? {} : { 'content-type': 'application/json' };
  try {
    const common = { method: 'POST', timeout_ms: TIMEOUT_MS, max_bytes: MOST_BYTES, signal };
    return await http.request({ ...common, ...rest, ...body, headers: { ...type, ...headers } });
  } catch (error) {
    throw withoutAddress(error, `${who} at ${hostOf(rest.url)}`);
  }
};

const WORDS: Partial<Record<ErrorCode, string>> = {
  timeout: 'did not answer in time',
  unreachable: 'cannot be reached; check the address, the network and the certificate of the server',
  too_large: 'answered more than a notifier reads; check the address',
};

/** The cause is dropped: it may hold the address, and the address may be the secret. */
const withoutAddress = (error: unknown, where: string): AppError => {
  const { code } = asAppError(error);
  if (code === 'internal') return new AppError('bad_settings', `${where} cannot be asked; check the address and the keys`);
  return new AppError(code, `${where} ${WORDS[code] ?? `failed (${code})`}`);
};

export const hostOf = (url: string): string => (URL.canParse(url) ? new URL(url).host : 'its address');

const CODES: Record<number, ErrorCode> = {
  401: 'unauthorized',
  403: 'forbidden',
  404: 'not_found',
  408: 'timeout',
  410: 'expired',
  413: 'too_large',
  425: 'busy',
  429: 'too_many',
  503: 'busy',
  504: 'timeout',
};

const codeOf = (status: number): ErrorCode => {
  if (status >= 300 && status < 400) return 'bad_settings';
  return CODES[status] ?? (status >= 400 && status < 500 ? 'bad_request' : 'bad_reply');
};

const refusal = (asking: Asking, url: string, reply: HttpReply): AppError => {
  const { status } = reply;
  const said = saidBy(reply, asking.secrets);
  const moved = status >= 300 && status < 400 ? ' (moved); set the new address' : '';
  const sentence = `${asking.who} at ${hostOf(url)} answered with status ${status}${moved}${said && `: ${said}`}`;
  const wait = retryAfterMs(reply.headers, asking.now ?? Date.now()) ?? askedToWait(jsonOf(reply));
  return new AppError(codeOf(status), sentence, { status, ...(wait === undefined ? {} : { retry_after_ms: wait }) });
};

/** What a service asks for in JSON: Telegram and Discord in seconds, Matrix in milliseconds. */
const askedToWait = (json: unknown): number | undefined => {
  const seconds = fieldOf(fieldOf(json, 'parameters'), 'retry_after') ?? fieldOf(json, 'retry_after');
  const ms = typeof seconds === 'number' ? seconds * 1_000 : fieldOf(json, 'retry_after_ms');
  return typeof ms === 'number' && Number.isFinite(ms) && ms >= 0 ? Math.ceil(ms) : undefined;
};

export const jsonOf = ({ text }: Pick<HttpReply, 'text'>): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};

export const fieldOf = (json: unknown, name: string): unknown =>
  typeof json === 'object' && json !== null && Object.hasOwn(json, name) ? (json as Record<string, unknown>)[name] : undefined;

const SAYINGS = ['description', 'errorDescription', 'message', 'error', 'errors', 'reason'];
const LONGEST_SAYING = 200;
/** As read before it is scrubbed: a secret is never cut in two. */
const LONGEST_READ = 10_000;

/** The reason in the service's own words, if it is one line of text. */
const saidBy = (reply: HttpReply, secrets: Asking['secrets']): string => {
  const json = jsonOf(reply);
  const said = json === undefined ? reply.text : SAYINGS.map((name) => fieldOf(json, name)).find(isSaying);
  const words = Array.isArray(said) ? said.filter((one) => typeof one === 'string').join(', ') : said;
  if (typeof words !== 'string' || words.length > LONGEST_READ || words.trimStart().startsWith('<')) return '';
  return cut(scrub(oneLine(words), secrets), LONGEST_SAYING);
};

const isSaying = (value: unknown): boolean => typeof value === 'string' || (Array.isArray(value) && value.length > 0);

/** Shorter ones would black out ordinary words. */
const SHORTEST_SCRUBBED = 4;

/** Some services repeat what they were sent. */
export const scrub = (text: string, secrets: Asking['secrets']): string => {
  const known = secrets.filter((one) => one !== undefined);
  const forms = known.flatMap((one) => [one, oneLine(one), encodeURIComponent(one), Buffer.from(one).toString('base64')]);
  const wanted = [...new Set(forms)].filter(({ length }) => length >= SHORTEST_SCRUBBED).sort((a, b) => b.length - a.length);
  return wanted.reduce((left, one) => left.replaceAll(one, '********'), text);
};

/** A page in place of the service's answer (a log-in page, a proxy) means that nothing was taken. */
export const strange = (asking: Asking, url: string): AppError =>
  new AppError('bad_reply', `${asking.who} at ${hostOf(url)} answered something else than ${asking.who} does; check the address`);
