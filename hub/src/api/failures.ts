import { AppError, ERROR_CODES, type ErrorCode } from '@muster/shared/errors';
import type { Log } from '@muster/shared/log';
import type { FastifyReply, FastifyRequest } from 'fastify';

interface Shown {
  code: ErrorCode;
  message: string;
  path?: string | undefined;
  hint?: string | undefined;
  /** Nobody can sign in yet: the dashboard shows the set-up page. */
  setup_needed?: boolean | undefined;
}

/** What a caller sees of a failure: never a stack, never the text of an error that is not ours. */
export interface Failure {
  status: number;
  body: { error: Shown };
  retry_after_s?: number | undefined;
}

const failure = (code: ErrorCode, message: string, status: number = ERROR_CODES[code].status): Failure => ({
  status,
  body: { error: { code, message } },
});

/** The API's own error body for anything thrown on the way to a reply. */
export const failureOf = (error: unknown): Failure => {
  if (error instanceof AppError) return ofAppError(error);
  const { statusCode = 500, code = '' } = error as { statusCode?: number; code?: string };
  if (statusCode === 413) return failure('too_large', 'The request body is larger than 1 MB');
  if (statusCode === 415) return failure('bad_request', 'Send the body as JSON, with Content-Type: application/json', 415);
  if (code.startsWith('FST_ERR_CTP') || code === 'FST_ERR_BAD_URL' || error instanceof SyntaxError)
    return failure(
      'bad_request',
      code === 'FST_ERR_BAD_URL' ? 'The address is not a valid URL' : 'The request body is not valid JSON',
    );
  if (statusCode >= 400 && statusCode < 500) return failure('bad_request', 'The request cannot be read');
  return failure('internal', 'Something went wrong in the hub; its log says more');
};

const ofAppError = ({ code, message, details, status }: AppError): Failure => {
  const { path, hint, retry_after_s } = details;
  // JSON leaves out what is undefined.
  const body = { error: { code, message, path, hint, setup_needed: details['setup_needed'] === true || undefined } };
  return typeof retry_after_s === 'number' ? { status, body, retry_after_s } : { status, body };
};

export const sendFailure = (reply: FastifyReply, error: unknown): FastifyReply => {
  const { status, body, retry_after_s } = failureOf(error);
  if (retry_after_s !== undefined) reply.header('retry-after', retry_after_s);
  if (status === 401) reply.header('www-authenticate', 'Bearer');
  return reply.code(status).header('cache-control', 'no-store').type('application/json').send(JSON.stringify(body));
};

/** The one place where what a route threw is caught: the caller gets the sentence, the log what is our fault. */
export const createErrorHandler = (log: Log) => (error: unknown, request: FastifyRequest, reply: FastifyReply) => {
  if (failureOf(error).status === 500)
    log.error('request failed', { method: request.method, url: request.routeOptions.url, error });
  return sendFailure(reply, error);
};
