import { AppError, asAppError, type ErrorCode } from '../../errors.js';
import { type Http, type HttpReply, safeAddress } from '../../http.js';
import { type LosslessJson, NumberText, parseLossless } from '../../lossless.js';

/** JSON-RPC 2.0 over HTTP: positional parameters, lossless numbers, batches where the node takes them. */
export interface JsonRpc {
  /** The result; throws AppError with `rpc_code` and `rpc_message` in its details where the node answers an error. */
  call(method: string, params: readonly unknown[], options?: CallOptions): Promise<LosslessJson>;
  /** One answer per call, in order; a call that fails does not fail the others. Throws where the node answers nothing at all. */
  batch(calls: readonly RpcCall[], options?: CallOptions): Promise<(LosslessJson | AppError)[]>;
  /** The whole reply as text, for answers too large to parse; an error inside is for the caller to see. */
  text(method: string, params: readonly unknown[], options?: CallOptions): Promise<string>;
}

export type RpcCall = readonly [method: string, params: readonly unknown[]];

export interface CallOptions {
  timeout_ms?: number;
  max_bytes?: number;
  encoding?: 'utf8' | 'latin1';
}

export interface JsonRpcNeeds {
  http: Http;
  url: string;
  /** Sent as `Authorization: Bearer`. */
  token?: string | undefined;
  signal: AbortSignal;
  /** Whether several calls may travel in one request. */
  batch: boolean;
}

const TIMEOUT_MS = 5_000;
/** Whole tipsets of a batch take half a megabyte, the messages of a block two; an agent has a heap of 32 MB. */
const MAX_BYTES = 4_000_000;
/** Calls per request: keeps an answer of whole tipsets below the cap, and gateways that count calls calm. */
const MOST_CALLS = 30;

export const createJsonRpc = (needs: JsonRpcNeeds): JsonRpc => {
  let may_batch = needs.batch;
  const post = (body: string, options: CallOptions = {}) => send(needs, body, options);
  const text = async (method: string, params: readonly unknown[], options?: CallOptions) =>
    post(requestText(1, [method, params]), options);
  const call = async (method: string, params: readonly unknown[], options?: CallOptions) =>
    resultOf(parseReply(await text(method, params, options), needs.url), 1, method);
  const single = async ([method, params]: RpcCall, options?: CallOptions) => {
    try {
      return await call(method, params, options);
    } catch (error) {
      const failure = asAppError(error);
      if (isAboutAll(failure)) throw failure;
      return failure;
    }
  };
  const singles = async (calls: readonly RpcCall[], options?: CallOptions) => {
    const answers: (LosslessJson | AppError)[] = [];
    for (const one of calls) answers.push(await single(one, options));
    return answers;
  };
  const together = async (calls: readonly RpcCall[], options?: CallOptions) => {
    const body = `[${calls.map((one, index) => requestText(index + 1, one)).join(',')}]`;
    const reply = parseReply(await post(body, options), needs.url);
    if (Array.isArray(reply)) return calls.map(([method], index) => answerIn(reply, index + 1, method));
    may_batch = false;
    return singles(calls, options);
  };
  return {
    call,
    text,
    async batch(calls, options) {
      const answers: (LosslessJson | AppError)[] = [];
      for (let at = 0; at < calls.length; at += MOST_CALLS) {
        const some = calls.slice(at, at + MOST_CALLS);
        answers.push(...(may_batch ? await together(some, options) : await singles(some, options)));
      }
      return answers;
    },
  };
};

/** What concerns the node, its address or the token, and so every other call as well. */
const isAboutAll = ({ code, details }: AppError): boolean =>
  details['rpc_code'] === undefined && ['unauthorized', 'too_many', 'unreachable', 'timeout', 'not_found'].includes(code);

const requestText = (id: number, [method, params]: RpcCall): string => JSON.stringify({ jsonrpc: '2.0', id, method, params });

const send = async (needs: JsonRpcNeeds, body: string, options: CallOptions): Promise<string> => {
  const { http, url, token, signal } = needs;
  const authorization = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const reply = await http.request({
    ...{ url, method: 'POST', body, signal },
    headers: { 'content-type': 'application/json', accept: 'application/json', ...authorization },
    timeout_ms: options.timeout_ms ?? TIMEOUT_MS,
    max_bytes: options.max_bytes ?? MAX_BYTES,
    encoding: options.encoding ?? 'utf8',
  });
  refuseStatus(reply, url);
  return reply.text;
};

const STATUS_CODES: Record<number, ErrorCode> = { 401: 'unauthorized', 403: 'forbidden', 404: 'not_found', 429: 'too_many' };
const STATUS_WORDS: Record<number, string> = {
  401: 'refused the token (401); make one with permission "read" and put it into the settings',
  403: 'forbids this (403); check the token and its permission',
  404: 'knows no such address (404); it should end in /rpc/v1 for a full node',
  429: 'says there were too many requests (429); ask less often or use an own node',
};

/** Errors of a method travel with status 500 or 400, so these bodies are read. */
const refuseStatus = ({ status, headers, text }: HttpReply, url: string): void => {
  if ((status >= 200 && status < 300) || (status >= 400 && /^\s*[[{]/.test(text) && text.includes('"jsonrpc"'))) return;
  const words =
    STATUS_WORDS[status] ?? (status < 400 ? `moved (${status}); set its new address` : `answered with status ${status}`);
  const wait = retryAfterMs(headers['retry-after']);
  const details = wait === null ? { status } : { status, retry_after_ms: wait };
  throw new AppError(STATUS_CODES[status] ?? 'bad_reply', `${safeAddress(url)} ${words}`, details);
};

/** Seconds of a `Retry-After` header as milliseconds, at most a day; null for none. */
export const retryAfterMs = (text: string | undefined): number | null =>
  text !== undefined && /^\d{1,7}$/.test(text.trim()) ? Math.min(Number(text) * 1_000, 86_400_000) : null;

const parseReply = (text: string, url: string): LosslessJson => {
  if (/^\s*</.test(text))
    throw new AppError('bad_reply', `${safeAddress(url)} answered a web page; is it the address of an RPC?`);
  return parseLossless(text);
};

const answerIn = (replies: readonly LosslessJson[], id: number, method: string): LosslessJson | AppError => {
  const reply = replies.find((one) => idOf(one) === id);
  if (reply === undefined) return new AppError('bad_reply', `${method}: the node left this call of a batch unanswered`);
  try {
    return resultOf(reply, id, method);
  } catch (error) {
    return asAppError(error);
  }
};

const isObject = (json: LosslessJson | undefined): json is { [key: string]: LosslessJson } =>
  typeof json === 'object' && json !== null && !Array.isArray(json) && !(json instanceof NumberText);

const idOf = (json: LosslessJson): number | null => {
  const id = isObject(json) ? json['id'] : undefined;
  return id instanceof NumberText ? Number(id.text) : null;
};

/** The result of a parsed reply; throws the error that it holds. */
export const resultOf = (reply: LosslessJson, id: number, method: string): LosslessJson => {
  if (!isObject(reply)) throw new AppError('bad_reply', `${method}: the answer is no JSON-RPC reply`);
  const { error, result } = reply;
  if (error !== undefined && error !== null) throw rpcError(error, method);
  if (result === undefined || idOf(reply) !== id)
    throw new AppError('bad_reply', `${method}: the answer holds no result for this call`);
  return result;
};

/** Codes of the specification; the message tells a weak token. */
const rpcError = (error: LosslessJson, method: string): AppError => {
  const code = isObject(error) && error['code'] instanceof NumberText ? Number(error['code'].text) : 0;
  const said = isObject(error) && typeof error['message'] === 'string' ? error['message'] : 'no message';
  const details = { rpc_code: code, rpc_message: said.slice(0, 300) };
  if (said.includes('missing permission'))
    return new AppError('forbidden', `${method}: the token is too weak (${said.slice(0, 120)})`, details);
  const kind = code === -32601 ? 'not_found' : 'bad_reply';
  return new AppError(kind, `${method}: the node answered error ${code} (${said.slice(0, 160)})`, details);
};
