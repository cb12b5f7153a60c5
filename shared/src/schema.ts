import * as v from 'valibot';
import { AppError, type ErrorCode } from './errors.js';

/** A setting or field whose value is never logged, listed or returned. */
export const secret = () => v.pipe(v.string(), v.minLength(1), v.metadata({ secret: true }));

/** An http(s) address that an operator typed. */
export const url = () =>
  v.pipe(
    v.string(),
    v.url('must be an address such as http://127.0.0.1:14002'),
    v.regex(/^https?:\/\//i, 'must start with http:// or https://'),
  );

export const port = () => v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(65_535));

/** The value as the schema gives it, or an AppError that names the first wrong field and what is allowed. */
export const check = <S extends v.GenericSchema>(
  schema: S,
  value: unknown,
  what: string,
  code: ErrorCode = 'bad_request',
): v.InferOutput<S> => {
  const result = v.safeParse(schema, value, { abortPipeEarly: true });
  if (result.success) return result.output;
  const issue = result.issues[0];
  const path = v.getDotPath(issue) ?? undefined;
  throw new AppError(code, `${what}${path ? `, field "${path}"` : ''}: ${issue.message}`, { path });
};
