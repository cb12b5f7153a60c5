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
  },
});

test('a form comes from the schema, and its texts go back to values', () => {
  expect(fields.map(({ kind }) => kind)).toEqual(['text', 'secret', 'choice', 'number', 'switch', 'json', 'json']);
  expect(fields[2]).toMatchObject({ choices: ['GET', 'POST'], hint: 'GET', required: false });
  const config = {
    url: 'http://x',
    key: '********',
    method: 'POST',
    decimals: 8,
    floor: true,
    headers: { a: 'b' },
    body: 'plain',
  };
  expect(configOf(fields, textsOf(fields, config))).toEqual(config);
  expect(configOf(fields, textsOf(fields, {}))).toEqual({});
});

test('what cannot be read is said before it is sent', () => {
  expect(() => configOf(fields, { decimals: 'eight' })).toThrow('decimals must be a number');
  expect(() => configOf(fields, { headers: '{a: 1' })).toThrow('headers is not valid JSON');
});
