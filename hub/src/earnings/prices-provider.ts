import { AppError } from '@muster/shared/errors';
import { type Http, type HttpReply, safeAddress } from '@muster/shared/http';
import { type LosslessJson, parseLossless } from '@muster/shared/lossless';

/** What a provider of prices is asked and answers; prices are the text of the reply, never a float. */
export interface PriceCall {
  ids: readonly string[];
  address: string;
  key: string | null;
  http: Http;
  now: number;
  signal: AbortSignal;
}
export interface PriceReply {
  /** In USD by id; what is not priced is left out. */
  prices: Map<string, string>;
  /** What one and the same thing costs in currencies: cross rates. */
  rates?: Record<string, string> | undefined;
}
export interface PriceProvider {
  /** Ids in one request. */
  most: number;
  /** Gives rates, so that it is asked for them even without an id. */
  gives_rates: boolean;
  fetch(call: PriceCall): Promise<PriceReply>;
}

/** JSON with numbers as their text; throws AppError with what to do about it. */
export const askJson = async (call: PriceCall, url: string, headers: Record<string, string>): Promise<LosslessJson> => {
  const reply = await call.http.request({ url, headers: { accept: 'application/json', ...headers }, signal: call.signal });
  refuse(reply, url);
  return parseLossless(reply.text);
};

const refuse = ({ status, headers }: HttpReply, url: string) => {
  if (status >= 200 && status < 300) return;
  const where = safeAddress(url);
  if (status === 429) {
    const seconds = Number(headers['retry-after']);
    const retry_after_ms = Number.isFinite(seconds) && seconds > 0 ? seconds * 1_000 : undefined;
    throw new AppError('too_many', `${where} was asked too often; a key of your own allows more`, { retry_after_ms });
  }
  if (status === 401 || status === 403) throw new AppError('unauthorized', `${where} refused the key (${status}); check it`);
  throw new AppError('bad_reply', `${where} answered with status ${status}`);
};

/** A field of an object; undefined where there is none. */
export const fieldOf = (json: LosslessJson | undefined, name: string): LosslessJson | undefined =>
  json !== null && typeof json === 'object' && !Array.isArray(json) && Object.hasOwn(json, name)
    ? (json as { [key: string]: LosslessJson })[name]
    : undefined;
