import { expect, test } from 'vitest';
import { configOf, fieldsOf, textsOf } from './config-form.js';

const fields = fieldsOf({
  type: 'object',
  required: ['url'],
  properties: {
    url: { type: 'string' },
    key: { type: 'string', format: 'password' },
    method: { enum: ['GET', 'POST'], default: 'GET' },
    decimals: { type: 'integer' },
    floor: { type: 'boolean' },
    headers: { type: 'object' },
    body: {},
    urls: { type: 'array', items: { type: 'string', description: 'An address' }, default: [] },
  },
});

test('a form comes from the schema, and its texts go back to values', () => {
  expect(fields.map(({ kind }) => kind)).toEqual(['text', 'secret', 'choice', 'number', 'switch', 'json', 'json', 'list']);
  expect(fields.at(-1)).toMatchObject({ title: 'URLs', help: 'One on a line: An address', hint: '' });
  expect(fields[2]).toMatchObject({ choices: ['GET', 'POST'], hint: 'GET', required: false });
  const config = {
    url: 'http://x',
    key: '********',
    method: 'POST',
    decimals: 8,
    floor: true,
    headers: { a: 'b' },
    body: 'plain',
    urls: ['tgram://a', 'signal://b'],
  };
  expect(configOf(fields, textsOf(fields, config))).toEqual(config);
  expect(configOf(fields, textsOf(fields, {}))).toEqual({});
});

test('a list is one thing on each line, or JSON', () => {
  expect(configOf(fields, { urls: ' a://1 \n\n b://2, c' })).toEqual({ urls: ['a://1', 'b://2, c'] });
  expect(configOf(fields, { urls: '["a://1"]' })).toEqual({ urls: ['a://1'] });
});

test('what cannot be read is said before it is sent', () => {
  expect(() => configOf(fields, { decimals: 'eight' })).toThrow('decimals must be a number');
  expect(() => configOf(fields, { headers: '{a: 1' })).toThrow('headers is not valid JSON');
});
