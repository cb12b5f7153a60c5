import { AppError, asAppError, type ErrorCode } from '../../errors.js';
import type { Http, HttpReply, HttpRequest } from '../../http.js';
import { findAll, textOf } from '../../json-path.js';
import { type LosslessJson, parseLossless } from '../../lossless.js';

/** Questions to DIMO's services: statuses and GraphQL errors as errors with a code, numbers lossless. */
export interface Way {
  http: Http;
  signal: AbortSignal;
}

export interface Question extends Pick<HttpRequest, 'url' | 'headers' | 'body'> {
  /** As it is called in an error. */
  what: string;
}

const TIMEOUT_MS = 8_000;
const CODES: Record<number, ErrorCode> = {
  400: 'bad_request',
  401: 'unauthorized',
  403: 'forbidden',
  404: 'not_found',
  429: 'too_many',
};

export const askJson = async ({ http, signal }: Way, { what, url, headers = {}, body }: Question): Promise<LosslessJson> => {
  const method = body === undefined ? {} : { method: 'POST', body };
  const sent = { accept: 'application/json', ...headers };
  const reply = await http.request({ url, ...method, headers: sent, timeout_ms: TIMEOUT_MS, signal });
  refuseStatus(reply, what);
  return parseLossless(reply.text);
};

export const jsonBody = (value: unknown, headers: Record<string, string> = {}) => ({
  headers: { 'content-type': 'application/json', ...headers },
  body: JSON.stringify(value),
});

export const formBody = (fields: Record<string, string>) => ({
  headers: { 'content-type': 'application/x-www-form-urlencoded' },
  body: new URLSearchParams(fields).toString(),
});

export const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

export const askGraphql = async (way: Way, question: Question): Promise<LosslessJson> => {
  const json = await askJson(way, question);
  const [errors] = findAll(json, 'errors');
  if (Array.isArray(errors) && errors.length > 0) throw graphqlError(errors, question.what);
  return json;
};

const refuseStatus = (reply: HttpReply, what: string): void => {
  const { status } = reply;
  if (status >= 200 && status < 300) return;
  if (status >= 300 && status < 400) {
    throw new AppError('bad_reply', `${what} has moved (status ${status}); set its address anew`, { status });
  }
  const code = CODES[status] ?? 'bad_reply';
  throw new AppError(code, `${what} answered with status ${status}`, { status, ...retryAfter(reply) });
};

/** Seconds, as the services send it; a date is left to the usual pause. */
const retryAfter = ({ headers }: HttpReply): { retry_after_ms?: number } => {
  const seconds = Number(headers['retry-after'] ?? Number.NaN);
  return Number.isFinite(seconds) && seconds >= 0 ? { retry_after_ms: Math.min(seconds, 86_400) * 1_000 } : {};
};

/** GraphQL tells failures with status 200. */
const graphqlError = (errors: LosslessJson[], what: string): AppError => {
  const said = textOf(findAll(errors, '[0].message')[0])?.slice(0, 160) ?? 'no message';
  const code = textOf(findAll(errors, '[0].extensions.code')[0]);
  if (code === '402' || /insufficient credits/i.test(said)) {
    return new AppError('forbidden', `${what}: ${said}; buy credits for the licence in the developer console`);
  }
  if (/missing required privilege/i.test(said)) {
    return new AppError('forbidden', `${what}: ${said}; the owner must share the vehicle with the licence`);
  }
  return new AppError(/unauthorized/i.test(said) ? 'unauthorized' : 'bad_reply', `${what} answered with an error: ${said}`);
};

/** The same failure without what an address may hold: rented nodes have their key in the path. */
export const withoutAddress = (failure: unknown, address: string, what: string): AppError => {
  const error = asAppError(failure);
  const { host, pathname, search } = new URL(address);
  const secrets = `${pathname}${search}`.split(/[/?&=]/).filter((part) => part.length >= 8);
  const shown = error.message.replaceAll(`${pathname}`.length > 1 ? `${host}${pathname}` : host, host);
  const sentence = secrets.reduce((text, part) => text.replaceAll(part, '…'), shown);
  return new AppError(error.code, `${what}: ${sentence}`, error.details);
};
