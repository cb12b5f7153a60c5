import { expect, it } from 'vitest';
import { asAppError } from '../errors.js';
import { playCase } from '../testing/network.js';
import command from './command.js';

/** What a failed program says, as an operator reads it: never what it was given. */
const failed = async (args: string[], stderr: string): Promise<string> => {
  const host = { programs: { [['acme-earned', ...args].join(' ')]: { code: 2, text: '', stderr } } };
  const config = { program: 'acme-earned', args, token: 'ABC', decimals: 6, account: 'a' };
  try {
    await playCase(command, { name: 'failure', config, host, expect: { error: { code: 'bad_reply' } } });
    return 'did not fail';
  } catch (error) {
    return asAppError(error).message.replace('acme-earned ended with exit code 2', 'X');
  }
};

it.each([
  [['--wallet', 'w1'], 'no such wallet\nstack line 2', 'X: no such wallet'],
  [['--key=hunter22'], '\n\nkey hunter22 refused', 'X: key *** refused'],
  [['hunter22'], 'hunter22hunter22', 'X: ******'],
  [[], 'Authorization: Bearer abc.def', 'X: Authorization: *** ***'],
  [[], 'api_key="12345" is old', 'X: api_key=*** is old'],
  [[], 'GET https://me:pw@example.org/x?token=5 failed', 'X: GET https://***@example.org/x?*** failed'],
  [[], 'bad 4c0883a69102937d6231471b5dbb6204fe512961708279 there', 'X: bad *** there'],
  [[], '', 'X'],
  [[], '\u001b[31mred\u0007', 'X: [31mred'],
  [[], 'x'.repeat(5_000), `X: ${'x'.repeat(200)}`],
])('the program %j that says %j', async (args, stderr, shown) => {
  expect(await failed(args, stderr)).toBe(shown);
});

it('runs on devices only', async () => {
  expect(command.onHub).toBeUndefined();
});
