import { AppError, type ErrorCode } from '../../errors.js';
import type { Http, HttpReply } from '../../http.js';

/** JSON-RPC 2.0 over HTTP as Solana and Ethereum nodes speak it. Sentences name the host only: keys stand in paths and queries. */
export interface RpcWay {
  http: Http;
  url: string;
  headers: Record<string, string>;
  signal: AbortSignal;
}

/** One request of a read; two of them fit what a source may take. */
const TIMEOUT_MS = 5_000;
const DEFAULT_RETRY_MS = 10_000;
const TOO_FAST = /rate.?limit|too many requests|per second|daily request|quota|credits/i;

const STATUS_CODES: Record<number, ErrorCode> = { 401: 'unauthorized', 403: 'forbidden', 413: 'too_large', 429: 'too_many' };
const SOLANA: Record<number, string> = {
  [-32601]: 'does not offer this method; set another node in "urls"',
  [-32005]: 'is behind the chain',
  [-32011]: 'keeps no history; set a node with long-term storage in "urls"',
  [-32015]: 'does not take this version of transactions',
  [-32019]: 'cannot reach its long-term storage now',
  [-32020]: 'does not know the transaction that the reading goes on from; set a second node in "urls"',
};

export const hostOf = (url: string): string => {
  try {
    return new URL(url).host;
  } catch {
    return 'the node';
  }
};

/** The `result` of a call; throws AppError whose details hold `rpc_code` and `rpc_data` of the node's own error. */
export const askRpc = async (way: RpcWay, method: string, params: readonly unknown[]): Promise<unknown> => {
  const where = `${hostOf(way.url)} (${method})`;
  const reply = await send(way, method, params, where);
  const body = asJson(reply.text);
  const error = body?.['error'];
  // Some nodes put the error of a call into a reply with a bad status.
  if (typeof error === 'object' && error !== null) throw rpcError(error as Record<string, unknown>, where, reply);
  if (reply.status !== 200) throw statusError(reply, where);
  if (!body || !('result' in body))
    throw new AppError('bad_reply', `${where} answered something else than JSON-RPC; check "urls"`);
  return body['result'];
};

const send = async ({ http, url, headers, signal }: RpcWay, method: string, params: readonly unknown[], where: string) => {
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method, params });
  const all = { 'content-type': 'application/json', accept: 'application/json', ...headers };
  try {
    return await http.request({ url, method: 'POST', headers: all, body, timeout_ms: TIMEOUT_MS, signal });
  } catch (cause) {
    const code = cause instanceof AppError ? cause.code : 'unreachable';
    const why = { timeout: 'did not answer in time', too_large: 'answered too much' }[code as string] ?? 'cannot be reached';
    throw new AppError(code, `${where} ${why}`, {}, { cause });
  }
};

const asJson = (text: string): Record<string, unknown> | null => {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : null;
  } catch {
    return null;
  }
};

const statusError = (reply: HttpReply, where: string): AppError => {
  const { status } = reply;
  if (status === 429) return tooMany(reply, where);
  const what = status >= 300 && status < 400 ? 'is moved; correct "urls"' : `answered with status ${status}`;
  return new AppError(STATUS_CODES[status] ?? 'bad_reply', `${where} ${what}`, { http_status: status });
};

const rpcError = (error: Record<string, unknown>, where: string, reply: HttpReply): AppError => {
  const { code, message, data } = error;
  const said = String(message ?? '').slice(0, 160);
  if (code === 429 || reply.status === 429 || TOO_FAST.test(said)) return tooMany(reply, where);
  const details = { rpc_code: code, rpc_message: said, rpc_data: data, http_status: reply.status };
  const known = typeof code === 'number' ? SOLANA[code] : undefined;
  if (known) return new AppError('bad_reply', `${where} ${known}: ${said}`, details);
  return new AppError(STATUS_CODES[reply.status] ?? 'bad_reply', `${where} refused: ${said} (${String(code)})`, details);
};

const tooMany = ({ headers }: HttpReply, where: string): AppError => {
  const seconds = Number(headers['retry-after']);
  const retry_after_ms = Number.isFinite(seconds) && seconds > 0 ? seconds * 1_000 : DEFAULT_RETRY_MS;
  return new AppError('too_many', `${where} allows no more requests now; ask less often or set a node of your own`, {
    retry_after_ms,
  });
};
