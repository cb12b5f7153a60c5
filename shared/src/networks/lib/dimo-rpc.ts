import { AppError, asAppError } from '../../errors.js';
import { findAll, textOf } from '../../json-path.js';
import type { LosslessJson } from '../../lossless.js';
import type { DimoLogs } from './dimo-config.js';
import { askJson, jsonBody, type Way, withoutAddress } from './dimo-http.js';

/** A small client of an Ethereum node's JSON-RPC: just what reading logs needs. */
export interface Rpc {
  call(method: string, params: unknown[]): Promise<LosslessJson>;
}

const WHAT = 'The Polygon node';
/** What nodes answer when a range of blocks or its logs are too many for them. */
const LIMIT_CODES = new Set(['-32005', '-32602', '-32603', '-32614', '35']);
const LIMIT_WORDS = /range|limit|exceed|too many|size|more than/i;
const RATE_WORDS = /rate|per second|request count|capacity|compute units/i;
const NOT_YET = /beyond current head|invalid block range|unknown block|header not found/i;

export const createRpc = (way: Way, { url, headers }: DimoLogs): Rpc => {
  let id = 0;
  return {
    async call(method, params) {
      id++;
      const body = jsonBody({ jsonrpc: '2.0', id, method, params }, headers);
      try {
        const json = await askJson(way, { what: 'it', url, ...body });
        const [error] = findAll(json, 'error');
        if (error !== undefined) throw rpcError(error);
        const [result] = findAll(json, 'result');
        if (result === undefined) throw new AppError('bad_reply', `it answered ${method} with no result`);
        return result;
      } catch (error) {
        throw tooMuch(withoutAddress(error, url, WHAT));
      }
    },
  };
};

const rpcError = (error: LosslessJson): AppError => {
  const [code, message] = ['code', 'message'].map((path) => textOf(findAll(error, path)[0]) ?? '');
  const shown = `it answered with error ${code}: ${message?.slice(0, 200)}`;
  if (NOT_YET.test(message ?? '')) return new AppError('bad_reply', shown);
  if (RATE_WORDS.test(message ?? '')) return new AppError('too_many', shown);
  const limit = LIMIT_CODES.has(code ?? '') || LIMIT_WORDS.test(message ?? '');
  return new AppError('bad_reply', shown, limit ? { limit: true, suggested: suggestionIn(error, message ?? '') } : {});
};

/** A status 413, or no answer at all, is how some nodes say that it was too much. */
const tooMuch = (error: AppError): AppError => {
  const limit = error.details['status'] === 413 || error.code === 'timeout' || error.code === 'too_large';
  return limit ? new AppError(error.code, error.message, { ...error.details, limit: true }) : error;
};

/** The last block of the range that the node would take: `[0x0, 0xd043b8]` in the text, or `data: {from, to}`. */
const suggestionIn = (error: LosslessJson, message: string): number | undefined => {
  const text = textOf(findAll(error, 'data.to')[0]) ?? /\[\s*0x[0-9a-f]+\s*,\s*(0x[0-9a-f]+)\s*\]/i.exec(message)?.[1];
  const block = text && /^0x[0-9a-f]{1,12}$/i.test(text) ? Number(text) : Number.NaN;
  return Number.isSafeInteger(block) ? block : undefined;
};

export const isLimit = (error: unknown): boolean => asAppError(error).details['limit'] === true;
export const suggestionOf = (error: unknown): number | undefined => {
  const { suggested } = asAppError(error).details;
  return typeof suggested === 'number' ? suggested : undefined;
};

export const quantity = (value: number): string => `0x${value.toString(16)}`;

/** A quantity of a reply as a number; it must be a safe one (blocks, seconds). */
export const readQuantity = (node: LosslessJson | undefined, what: string): number => {
  const value = Number(/^0x[0-9a-f]{1,14}$/i.exec(textOf(node) ?? '')?.[0] ?? Number.NaN);
  if (!Number.isSafeInteger(value)) throw new AppError('bad_reply', `${WHAT} answered no ${what}`);
  return value;
};
