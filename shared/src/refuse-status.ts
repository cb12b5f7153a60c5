import { AppError, type ErrorCode } from './errors.js';
import type { HttpReply } from './http.js';

const CODES: Record<number, ErrorCode> = { 401: 'unauthorized', 403: 'forbidden', 404: 'not_found', 429: 'too_many' };

/** Throws what a status outside of 200–299 means; `Retry-After` becomes `retry_after_ms` in the details, whatever the status. */
export const refuseStatus = (reply: Pick<HttpReply, 'status' | 'headers'>, now: number, who = 'The source'): void => {
  const { status } = reply;
  if (status >= 200 && status < 300) return;
  if (status >= 300 && status < 400) {
    throw new AppError('bad_reply', `${who} answered ${status} (moved); set "url" to the new address`, { status });
  }
  const retry_after_ms = retryAfterMs(reply.headers, now);
  const wait = retry_after_ms === undefined ? {} : { retry_after_ms };
  const words = retry_after_ms === undefined ? '' : ` and asks to come back in ${Math.ceil(retry_after_ms / 1_000)} s`;
  throw new AppError(CODES[status] ?? 'bad_reply', `${who} answered with status ${status}${words}`, { status, ...wait });
};

/** Seconds or a date; a date is counted from the server's own clock where it says its time. */
export const retryAfterMs = (headers: Record<string, string>, now: number): number | undefined => {
  const text = headers['retry-after']?.trim() ?? '';
  if (/^\d{1,9}(\.\d+)?$/.test(text)) return Number(text) * 1_000;
  const at = Date.parse(text);
  if (Number.isNaN(at)) return undefined;
  const theirs = Date.parse(headers['date'] ?? '');
  return Math.max(0, at - (Number.isNaN(theirs) ? now : theirs));
};
