import { type IncomingMessage, request as plainRequest } from 'node:http';
import { AppError } from './errors.js';

/** The way out for networks and notifiers, on node:http(s): fetch needs WebAssembly, which `--lite-mode` lacks. */
export interface HttpRequest {
  url: string;
  method?: string;
  headers?: Record<string, string>;
  body?: string;
  /** In place of `body`: bytes that are no text. */
  bytes?: Uint8Array;
  /** Path of a Unix socket to ask instead of the address's host; plain HTTP. */
  socket?: string;
  /** Whole exchange, default 15 s. */
  timeout_ms?: number;
  /** Reply cap, default 4 MB. */
  max_bytes?: number;
  /** `latin1` for a large reply of which only ASCII matters: its text then lies outside of the heap that the agent's flags bound. */
  encoding?: 'utf8' | 'latin1';
  signal?: AbortSignal;
}

export interface HttpReply {
  status: number;
  headers: Record<string, string>;
  text: string;
}

/** Answers any status; throws AppError `timeout`, `unreachable` or `too_large`. Redirects are answered, never followed. */
export interface Http {
  request(request: HttpRequest): Promise<HttpReply>;
}

const DEFAULT_TIMEOUT_MS = 15_000;
const DEFAULT_MAX_BYTES = 4_000_000;

export const createHttp = (): Http => ({ request: send });

/** Loaded when first needed: an agent that asks nothing over TLS saves half a MiB (measured). */
const tlsRequest = (): typeof plainRequest => process.getBuiltinModule('node:https').request;

const send = (request: HttpRequest): Promise<HttpReply> =>
  new Promise((resolve, reject) => {
    const { url, method = 'GET', headers = {} } = request;
    const body = request.bytes ?? request.body;
    const timeout_ms = request.timeout_ms ?? DEFAULT_TIMEOUT_MS;
    const deadline = AbortSignal.timeout(timeout_ms);
    const signal = request.signal ? AbortSignal.any([deadline, request.signal]) : deadline;
    const open = url.startsWith('https:') ? tlsRequest() : plainRequest;
    const fail = (error: unknown) => reject(asHttpError(error, url, deadline.aborted ? timeout_ms : null));
    const length = body === undefined ? {} : { 'content-length': `${Buffer.byteLength(body)}` };
    const way = request.socket === undefined ? {} : { socketPath: request.socket };
    const sent = open(url, { method, headers: { 'user-agent': 'muster', ...length, ...headers }, signal, ...way });
    sent.on('error', fail);
    sent.on('response', (reply) => collect(reply, request).then(resolve, fail));
    sent.end(body);
  });

const collect = async (reply: IncomingMessage, request: HttpRequest): Promise<HttpReply> => {
  const { url, max_bytes: max = DEFAULT_MAX_BYTES, encoding = 'utf8' } = request;
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of reply as AsyncIterable<Buffer>) {
    size += part.length;
    if (size > max) throw new AppError('too_large', `${safeAddress(url)} answered more than ${max} bytes`);
    parts.push(part);
  }
  const headers = Object.fromEntries(Object.entries(reply.headers).map(([name, value]) => [name, String(value)]));
  return { status: reply.statusCode ?? 0, headers, text: Buffer.concat(parts).toString(encoding) };
};

const asHttpError = (error: unknown, url: string, timed_out: number | null): AppError => {
  if (error instanceof AppError) return error;
  const where = safeAddress(url);
  if (timed_out !== null) return new AppError('timeout', `${where} did not answer within ${timed_out} ms`, {}, { cause: error });
  const why = error instanceof Error ? ((error as NodeJS.ErrnoException).code ?? error.message) : String(error);
  return new AppError('unreachable', `${where} cannot be reached (${why})`, {}, { cause: error });
};

/** Scheme, host and path: queries and user info may hold secrets. */
export const safeAddress = (url: string): string => {
  try {
    const { protocol, host, pathname } = new URL(url);
    return `${protocol}//${host}${pathname}`;
  } catch {
    return 'the address';
  }
};
