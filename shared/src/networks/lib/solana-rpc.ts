import { AppError, asAppError, type ErrorCode } from '../../errors.js';
import type { Http, HttpReply } from '../../http.js';
import { textOf } from '../../json-path.js';
import { type LosslessJson, parseLossless } from '../../lossless.js';
import { refuseStatus } from '../../refuse-status.js';
import { field } from './json-field.js';

/** JSON-RPC to Solana nodes: the next node is asked where another can do better, nothing is waited for. */
export interface SolanaRpcNeeds {
  http: Http;
  /** Asked in this order. */
  urls: readonly string[];
  now: number;
  signal: AbortSignal;
  /** For one request to one node. */
  timeout_ms?: number | undefined;
}

export interface RpcCall {
  method: string;
  params: readonly unknown[];
}

export interface SolanaRpc {
  /** The result, null included; throws AppError, whose `details.rpc_code` is the node's error code. */
  request(method: string, params: readonly unknown[]): Promise<LosslessJson>;
  /** One result or error per call, in their order; public nodes count each and refuse some methods in batches. */
  batch(calls: readonly RpcCall[]): Promise<(LosslessJson | AppError)[]>;
}

const TIMEOUT_MS = 5_000;

/** What the node's error codes mean. `elsewhere`: another node may answer at once. */
const RPC_ERRORS: Record<string, { code: ErrorCode; elsewhere: boolean }> = {
  429: { code: 'too_many', elsewhere: true },
  '-32004': { code: 'busy', elsewhere: true },
  '-32005': { code: 'busy', elsewhere: true },
  '-32007': { code: 'busy', elsewhere: true },
  '-32009': { code: 'busy', elsewhere: true },
  '-32011': { code: 'not_found', elsewhere: true },
  '-32014': { code: 'busy', elsewhere: true },
  '-32015': { code: 'bad_request', elsewhere: false },
  '-32016': { code: 'busy', elsewhere: true },
  '-32019': { code: 'busy', elsewhere: true },
  '-32020': { code: 'not_found', elsewhere: true },
  '-32600': { code: 'bad_request', elsewhere: false },
  '-32601': { code: 'not_found', elsewhere: true },
  '-32602': { code: 'bad_request', elsewhere: false },
  '-32603': { code: 'bad_reply', elsewhere: true },
};

export const createSolanaRpc = (needs: SolanaRpcNeeds): SolanaRpc => {
  let last_id = 0;
  const numbered = (call: RpcCall) => ({ jsonrpc: '2.0', id: ++last_id, ...call });
  return {
    request(method, params) {
      const call = numbered({ method, params });
      return onSomeNode(needs, method, (url) => ask(needs, url, call).then((json) => resultIn(json, call.id, nameOf(url))));
    },
    batch(calls) {
      const list = calls.map(numbered);
      const what = `${list.length} calls`;
      return onSomeNode(needs, what, (url) => ask(needs, url, list).then((json) => resultsIn(json, list, nameOf(url))));
    },
  };
};

/** Code of the node's error, where a node answered with one. */
export const rpcCodeOf = (error: unknown): number | undefined => {
  const code = error instanceof AppError ? error.details['rpc_code'] : undefined;
  return typeof code === 'number' ? code : undefined;
};

const onSomeNode = async <T>(needs: SolanaRpcNeeds, what: string, attempt: (url: string) => Promise<T>): Promise<T> => {
  let failure = new AppError('bad_settings', 'No Solana node is set; name one in "rpc"');
  for (const url of needs.urls) {
    try {
      return await attempt(url);
    } catch (error) {
      failure = withoutPath(asAppError(error), nameOf(url), what);
      if (needs.signal.aborted || failure.details['elsewhere'] === false) break;
    }
  }
  throw failure;
};

/** Providers put keys into paths and queries: only the host is ever named. */
const nameOf = (url: string): string => {
  try {
    return new URL(url).host;
  } catch {
    return 'the Solana node';
  }
};

const withoutPath = (error: AppError, host: string, what: string): AppError => {
  const way = { timeout: 'did not answer in time', unreachable: 'cannot be reached', too_large: 'answered too much' };
  const words = error.code in way ? `${host} ${way[error.code as keyof typeof way]}` : error.message;
  return new AppError(error.code, `${words} (${what})`, error.details);
};

const ask = async (needs: SolanaRpcNeeds, url: string, body: unknown): Promise<LosslessJson> => {
  const reply = await needs.http.request({
    url,
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
    timeout_ms: needs.timeout_ms ?? TIMEOUT_MS,
    signal: needs.signal,
  });
  return readBody(reply, nameOf(url), needs.now);
};

/** Nodes send their errors with status 200 as well as 4xx and 5xx; 429 and 403 mean the same with any body. */
const readBody = (reply: HttpReply, who: string, now: number): LosslessJson => {
  const json = parseOrNull(reply.text);
  if (reply.status === 429 || reply.status === 403 || (json === null && reply.status !== 200)) refuseStatus(reply, now, who);
  if (json === null) throw new AppError('bad_reply', `${who} answered something else than JSON`);
  if (field(json, 'error') === undefined) refuseStatus(reply, now, who);
  return json;
};

const parseOrNull = (text: string): LosslessJson => {
  try {
    return parseLossless(text);
  } catch {
    return null;
  }
};

const resultsIn = (json: LosslessJson, calls: readonly { id: number }[], who: string): (LosslessJson | AppError)[] => {
  // A node that takes no batches answers with one error.
  if (!Array.isArray(json)) throw asRpcError(field(json, 'error'), who);
  const byId = new Map(json.map((one) => [textOf(field(one, 'id')), one]));
  return calls.map(({ id }) => {
    try {
      return resultIn(byId.get(`${id}`) ?? null, id, who);
    } catch (error) {
      return asAppError(error);
    }
  });
};

const resultIn = (json: LosslessJson, id: number, who: string): LosslessJson => {
  const error = field(json, 'error');
  if (error !== undefined && error !== null) throw asRpcError(error, who);
  const result = field(json, 'result');
  if (result === undefined || textOf(field(json, 'id')) !== `${id}`) {
    throw new AppError('bad_reply', `${who} answered without a result of what was asked`);
  }
  return result;
};

const asRpcError = (error: LosslessJson | undefined, who: string): AppError => {
  const code = textOf(field(error ?? null, 'code')) ?? '';
  const said = textOf(field(error ?? null, 'message')) ?? 'no message';
  const meaning = RPC_ERRORS[code] ?? { code: 'bad_reply', elsewhere: true };
  const details = { elsewhere: meaning.elsewhere, ...(/^-?\d{1,9}$/.test(code) ? { rpc_code: Number(code) } : {}) };
  return new AppError(meaning.code, `${who} answered with error ${code || 'without a code'}: ${said.slice(0, 200)}`, details);
};
