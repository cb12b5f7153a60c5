import { expect, test } from 'vitest';
import { isAbout } from './form-failure.js';

test.each<[string, string[]]>([
  ['For must be a time with its unit, such as 20 s.', ['For']],
  ['config of webhook (webhook), field "url": must be an address', ['url', 'URL']],
  ['field "items/3/config/above": must be a number', ['above']],
  ['"Again every" must be a time', ['Again every']],
  ['The address: must be an address such as http://127.0.0.1', ['Address']],
  ['Above must be a number.', ['Level', 'above']],
])('a failure is about the field that it names: %s', (text, names) => {
  expect(isAbout(text, names)).toBe(true);
});

test.each<[string, string[]]>([
  ['Forwards must be a number.', ['For']],
  ['Choose what the rule is for.', ['For', '']],
  ['"ops" has the same name as another', ['Name']],
])('and about no other: %s', (text, names) => {
  expect(isAbout(text, names)).toBe(false);
});
