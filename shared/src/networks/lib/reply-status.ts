import { AppError, type ErrorCode } from '../../errors.js';
import type { HttpReply } from '../../http.js';

const CODES: Record<number, ErrorCode> = { 401: 'unauthorized', 403: 'forbidden', 404: 'not_found', 429: 'too_many' };

/** Throws what a status outside of 200–299 means; `Retry-After` becomes `retry_after_ms` in the details. */
export const refuseStatus = ({ status, headers }: Pick<HttpReply, 'status' | 'headers'>, who: string, now: number): void => {
  if (status >= 200 && status < 300) return;
  const moved = status >= 300 && status < 400 ? ' (moved): set its new address' : '';
  const wait = retryAfterMs(headers['retry-after'] ?? '', now);
  const details = { status, ...(wait === null ? {} : { retry_after_ms: wait }) };
  throw new AppError(CODES[status] ?? 'bad_reply', `${who} answered with status ${status}${moved}`, details);
};

/** Seconds or a date. */
const retryAfterMs = (text: string, now: number): number | null => {
  if (/^\d{1,9}$/.test(text)) return Number(text) * 1_000;
  const at = Date.parse(text);
  return Number.isNaN(at) ? null : Math.max(0, at - now);
};
