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
  throw new AppError(code, `${what}${path ? ', ' : ': '}${problemOf(issue)}`, { path });
};

/** `field "name" is missing`, `field "name": must be text`; without a field what is wrong alone. */
export const problemOf = (issue: v.BaseIssue<unknown>, named = (path: string) => `field "${path}"`): string => {
  const path = v.getDotPath(issue);
  const words = wordsFor(issue);
  if (!path) return words;
  return `${named(path)}${words.startsWith('is ') ? '' : ':'} ${words}`;
};

/** How the library begins where the schema has no message of its own. */
const LIBRARY_MESSAGE = /^Invalid [^:]*: (Expected|Received) /;
const TYPES: Record<string, string> = {
  string: 'text',
  number: 'a number',
  boolean: 'true or false',
  Array: 'a list',
  Object: 'an object',
  unknown: 'something else',
};

const wordsFor = (issue: v.BaseIssue<unknown>): string => {
  if (!LIBRARY_MESSAGE.test(issue.message)) return issue.message;
  if (issue.kind !== 'schema') return limitWords(issue);
  if (issue.expected === 'never') return 'is not known';
  if (issue.path && issue.received === 'undefined') return 'is missing';
  const types = (issue.expected ?? 'unknown').replace(/[()]/g, '').split(/ [|&] /);
  return `must be ${listed(types.map((type) => TYPES[type] ?? type))}`;
};

const listed = (words: readonly string[]): string =>
  [words.slice(0, -1).join(', '), ...words.slice(-1)].filter(Boolean).join(' or ');

const limitWords = ({ type, requirement, input }: v.BaseIssue<unknown>): string => {
  const characters = typeof input === 'string' ? ' characters' : '';
  if (type === 'min_length') return requirement === 1 ? 'must not be empty' : `must have at least ${requirement}${characters}`;
  if (type === 'max_length') return `must have at most ${requirement}${characters}`;
  if (type === 'min_value') return `must be at least ${requirement}`;
  if (type === 'max_value') return `must be at most ${requirement}`;
  if (type === 'integer' || type === 'safe_integer') return 'must be a whole number';
  if (type === 'finite') return 'must be a number that has an end';
  return type === 'regex' ? `must match ${requirement}` : 'is not allowed';
};
