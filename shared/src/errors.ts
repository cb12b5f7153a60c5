/** The one table of what can go wrong: code → HTTP status → whether trying again can help. */
export const ERROR_CODES = {
  bad_request: { status: 400, retry: false },
  bad_settings: { status: 400, retry: false },
  unauthorized: { status: 401, retry: false },
  forbidden: { status: 403, retry: false },
  needs_https: { status: 403, retry: false },
  not_found: { status: 404, retry: false },
  conflict: { status: 409, retry: false },
  expired: { status: 410, retry: false },
  too_large: { status: 413, retry: false },
  too_many: { status: 429, retry: true },
  internal: { status: 500, retry: false },
  damaged: { status: 500, retry: false },
  bad_reply: { status: 502, retry: true },
  unreachable: { status: 502, retry: true },
  storage: { status: 503, retry: true },
  busy: { status: 503, retry: true },
  timeout: { status: 504, retry: true },
} as const;

export type ErrorCode = keyof typeof ERROR_CODES;

/** What else a reader of an error may need: `path` names the offending field, `hint` says what to do. */
export interface ErrorDetails {
  path?: string | undefined;
  hint?: string | undefined;
  [field: string]: unknown;
}

/** A failure that the world caused; the sentence says what was tried, on what, and what to do. Never holds a secret. */
export class AppError extends Error {
  readonly code: ErrorCode;
  readonly details: ErrorDetails;

  constructor(code: ErrorCode, sentence: string, details: ErrorDetails = {}, options: { cause?: unknown } = {}) {
    super(sentence, options);
    this.name = 'AppError';
    this.code = code;
    this.details = details;
  }

  get status(): number {
    return ERROR_CODES[this.code].status;
  }

  get retry(): boolean {
    return ERROR_CODES[this.code].retry;
  }
}

/** Any thrown value as an AppError; what is not ours becomes `internal` and keeps its cause. */
export const asAppError = (error: unknown): AppError => {
  if (error instanceof AppError) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new AppError('internal', message, {}, { cause: error });
};

/** States what only our own mistake can break. */
export function assert(condition: unknown, sentence: string): asserts condition {
  if (!condition) throw new Error(`broken promise in Muster: ${sentence}`);
}
