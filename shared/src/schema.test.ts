import * as v from 'valibot';
import { describe, expect, it } from 'vitest';
import { check, url } from './schema.js';
import { decodeMessage } from './wire/codec.js';

const SCHEMA = v.object({
  name: v.pipe(v.string(), v.minLength(1), v.maxLength(5)),
  count: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(9)), 1),
  on: v.optional(v.boolean(), true),
  tags: v.optional(v.pipe(v.array(v.string()), v.maxLength(2)), []),
  extra: v.optional(v.object({ kind: v.picklist(['gauge', 'counter']) }), { kind: 'gauge' }),
  either: v.optional(v.union([v.string(), v.number(), v.null()]), null),
  code: v.optional(v.pipe(v.string(), v.regex(/^[a-z]$/)), 'a'),
  site: v.optional(url(), 'http://x'),
});

const sentence = (value: unknown, schema: v.GenericSchema = SCHEMA): string => {
  try {
    check(schema, value, 'The body');
  } catch (error) {
    return (error as Error).message;
  }
  return 'no error';
};

describe('a wrong value is told in words for people', () => {
  it.each([
    [{}, 'The body, field "name" is missing'],
    [{ name: 7 }, 'The body, field "name": must be text'],
    [{ name: null }, 'The body, field "name": must be text'],
    [{ name: '' }, 'The body, field "name": must not be empty'],
    [{ name: 'abcdef' }, 'The body, field "name": must have at most 5 characters'],
    [{ name: 'a', count: '1' }, 'The body, field "count": must be a number'],
    [{ name: 'a', count: 1.5 }, 'The body, field "count": must be a whole number'],
    [{ name: 'a', count: 0 }, 'The body, field "count": must be at least 1'],
    [{ name: 'a', count: 10 }, 'The body, field "count": must be at most 9'],
    [{ name: 'a', on: 1 }, 'The body, field "on": must be true or false'],
    [{ name: 'a', tags: 'x' }, 'The body, field "tags": must be a list'],
    [{ name: 'a', tags: ['x', 1] }, 'The body, field "tags.1": must be text'],
    [{ name: 'a', tags: ['x', 'y', 'z'] }, 'The body, field "tags": must have at most 2'],
    [{ name: 'a', extra: [] }, 'The body, field "extra.kind" is missing'],
    [{ name: 'a', extra: 'x' }, 'The body, field "extra": must be an object'],
    [{ name: 'a', extra: { kind: 'x' } }, 'The body, field "extra.kind": must be "gauge" or "counter"'],
    [{ name: 'a', either: true }, 'The body, field "either": must be text, a number or null'],
    [{ name: 'a', code: 'A' }, 'The body, field "code": must match /^[a-z]$/'],
    [{ name: 'a', site: 'ftp://x' }, 'The body, field "site": must start with http:// or https://'],
    ['x', 'The body: must be an object'],
    [undefined, 'The body: must be an object'],
  ])('%j', (value, words) => {
    expect(sentence(value)).toBe(words);
  });

  it('also for a field that is not known', () => {
    expect(sentence({ a: 1 }, v.strictObject({}))).toBe('The body, field "a" is not known');
  });

  it('also in the quarantine', () => {
    const detail = (message: object) => decodeMessage('event', Buffer.from(JSON.stringify(message)));
    expect(detail({ boot: 'k3v7q2ma', seq: 1, ts: 1 })).toMatchObject({ detail: 'event is missing' });
    expect(detail({ boot: 'k3v7q2ma', seq: '1', ts: 1 })).toMatchObject({ detail: 'seq: must be a number' });
  });
});
