import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { asAppError } from '../../errors.js';
import { createHttp, type Http } from '../../http.js';
import { startHttpServer } from '../../testing/http.js';
import { decodeBase58, decodeBase58Check, encodeBase58, encodeBase58Check } from './base58.js';
import { keyToAsset, recipientOf } from './helium-chain.js';
import { bytesField, flagField, numberField, readProtobuf } from './protobuf.js';
import { addressBytes, isOnCurve, programAddress, readAccount, readAccounts } from './solana.js';
import { createSolanaRpc, rpcCodeOf } from './solana-rpc.js';

const KEY = '13GAPer3q5D4X4xFDeSaDtqq1mYji4tCjbMcQN7fL3YVvvgXyer';
const KEY_HEX = '0129d1b40b2f208c36a62a0d441235946ce94b8f30241fe49618043a54d79fb69d';

describe('base58', () => {
  it('reads and writes keys with their check and leading zeros', () => {
    expect(decodeBase58Check(KEY)?.toString('hex')).toBe(`00${KEY_HEX}`);
    expect(encodeBase58Check(Buffer.from(`00${KEY_HEX}`, 'hex'))).toBe(KEY);
    expect(encodeBase58(Uint8Array.of(0, 0, 1))).toBe('112');
    expect(encodeBase58(new Uint8Array(32))).toBe('1'.repeat(32));
    expect(decodeBase58('1'.repeat(32))).toEqual(Buffer.alloc(32));
  });

  it.each([
    ['a typing error', KEY.replace('G', 'H')],
    ['a letter that is not in it', KEY.replace('G', 'l')],
    ['nothing', ''],
    ['too short a text', '1111'],
    ['a text of no bound', '2'.repeat(1_001)],
  ])('refuses %s', (_name, text) => expect(decodeBase58Check(text)).toBeNull());
});

describe('protobuf', () => {
  it('reads the fields of any wire type and skips what it does not know', () => {
    const fields = readProtobuf(Buffer.from('0801' + '120161' + '1d01020304' + '210102030405060708' + '2801', 'hex'));
    expect(numberField(fields, 1)).toBe(1);
    expect(Buffer.from(bytesField(fields, 2) ?? []).toString()).toBe('a');
    expect([flagField(fields, 5), flagField(fields, 9), numberField(fields, 9), bytesField(fields, 1)]).toEqual([
      true,
      false,
      0,
      null,
    ]);
    expect(numberField(readProtobuf(Buffer.from('08ffffffffffffffffff01', 'hex')), 1)).toBe(-1);
  });

  it.each([['0a05ff'], ['08'], ['0b'], ['08ffffffffffffffffffff01'], ['0affffffffffffffffff01']])('refuses %s', (hex) => {
    expect(() => readProtobuf(Buffer.from(hex, 'hex'))).toThrow('protobuf');
  });
});

describe('addresses of programs', () => {
  it('are those that the reference derived', () => {
    expect(keyToAsset('11TL62V8NYvSTXmV5CZCjaucskvNR1Fdar1Pg4Hzmzk5tk2JBac')).toBe(
      '5DmipdiRngYPtt7YGPpPiLy5DwUEZg2bUHvPoMcCteEg',
    );
    expect(keyToAsset(KEY)).toBe('8FEHGWi8Z9mhLuQauHkXMvP93uk7BW34YnyVHiLfmZUX');
    expect(recipientOf('HNT', 'BcJzP2hEYgzjUwpHEtS6RhuqGfEJVx8Rq3MejujAAWrR')).toBe(
      'DmofgZ363fGgK2YHn93w6Lfye866mcpfQ64jPEooFRfs',
    );
    const seeds = ['lazy_distributor', 'iotEVVZLEywoTn1QdwNPddxPWszn3zFhEot3MfL9fns'];
    const lazy = programAddress(
      [Buffer.from(seeds[0] ?? ''), addressBytes(seeds[1] ?? '')],
      '1azyuavdMyvsivtNxPoz6SucD18eDHeXzFCUPq5XU7w',
    );
    expect(lazy.address).toBe('37eiz5KzYwpAdLgrSh8GT1isKiJ6hcE5ET86dqaoCugL');
  });

  it('tell points of ed25519 from other bytes', () => {
    for (let count = 0; count < 20; count++) {
      const { publicKey } = generateKeyPairSync('ed25519');
      expect(isOnCurve(publicKey.export({ format: 'der', type: 'spki' }).subarray(-32))).toBe(true);
    }
    expect(isOnCurve(addressBytes('8FEHGWi8Z9mhLuQauHkXMvP93uk7BW34YnyVHiLfmZUX'))).toBe(false);
    const y = (value: bigint) => Buffer.from(value.toString(16).padStart(64, '0'), 'hex').reverse();
    expect([1n, 2n, 3n, 4n].map((value) => isOnCurve(y(value)))).toEqual([true, false, true, true]);
  });

  it('refuse what is no address', () => expect(() => addressBytes('0x12')).toThrow('not a Solana address'));
});

const scripted = (
  ...answers: ((id: number) => { status?: number; headers?: Record<string, string>; text: string })[]
): Http & { asked: string[] } => {
  const asked: string[] = [];
  return {
    asked,
    async request({ url, body = '' }) {
      const answer = answers[asked.length];
      asked.push(url);
      const reply = answer?.(JSON.parse(body).id) ?? { text: '' };
      return { status: reply.status ?? 200, headers: reply.headers ?? {}, text: reply.text };
    },
  };
};
const fails =
  (code: number, message = 'no') =>
  (id: number) => ({ text: JSON.stringify({ jsonrpc: '2.0', error: { code, message }, id }) });
const gives = (result: unknown) => (id: number) => ({ text: JSON.stringify({ jsonrpc: '2.0', id, result }) });
const rpcOn = (http: Http, urls = ['https://a.example/v2/secret-path', 'https://b.example/?api-key=secret']) =>
  createSolanaRpc({ http, urls, now: 0, signal: new AbortController().signal });
const errorOf = (asked: Promise<unknown>) => asked.then(() => null, asAppError);

describe('a Solana node', () => {
  it.each([
    [429, 'too_many'],
    [-32005, 'busy'],
    [-32011, 'not_found'],
    [-32020, 'not_found'],
    [-32601, 'not_found'],
    [-32603, 'bad_reply'],
    [-31999, 'bad_reply'],
  ])('that answers error %d hands the question on, and its code is known when none does better', async (code, meaning) => {
    const http = scripted(fails(code), gives({ ok: true }));
    expect(await rpcOn(http).request('m', [])).toEqual({ ok: true });
    const error = await errorOf(rpcOn(scripted(fails(code), fails(code, 'Transaction S0 not found'))).request('m', []));
    expect([error?.code, rpcCodeOf(error)]).toEqual([meaning, code]);
    expect(error?.message).toContain('Transaction S0 not found');
  });

  it.each([[-32602], [-32015]])('that finds the question itself wrong (%d) ends it', async (code) => {
    const http = scripted(fails(code), gives(1));
    expect((await errorOf(rpcOn(http).request('m', [])))?.code).toBe('bad_request');
    expect(http.asked).toHaveLength(1);
  });

  it.each([
    ['429 with a wait', { status: 429, headers: { 'retry-after': '5' }, text: fails(429)(1).text }, 'too_many', 5_000],
    ['429 in plain text', { status: 429, text: 'Too many requests for a specific RPC call' }, 'too_many', undefined],
    ['403', { status: 403, text: 'Forbidden' }, 'forbidden', undefined],
    ['HTML', { text: '<html>' }, 'bad_reply', undefined],
    ['the answer to another question', { text: '{"jsonrpc":"2.0","id":99,"result":1}' }, 'bad_reply', undefined],
    ['500 with HTML', { status: 500, text: '<html>' }, 'bad_reply', undefined],
  ])('that answers %s says so without the path of its address', async (_name, reply, code, wait) => {
    const error = await errorOf(
      rpcOn(
        scripted(() => reply),
        ['https://a.example/v2/secret-path'],
      ).request('getSlot', []),
    );
    expect([error?.code, error?.details['retry_after_ms']]).toEqual([code, wait]);
    expect(error?.message).not.toContain('secret');
    expect(error?.message).toContain('a.example');
  });

  it('names only the host of an address that cannot be reached', async () => {
    const rpc = rpcOn(createHttp(), ['http://127.0.0.1:1/secret-path?api-key=secret']);
    const error = await errorOf(rpc.request('getSlot', []));
    expect([error?.code, error?.message]).toEqual(['unreachable', '127.0.0.1:1 cannot be reached (getSlot)']);
  });

  it('answers null where there is nothing, and integers keep their digits', async () => {
    const text = (id: number) => ({ text: `{"jsonrpc":"2.0","id":${id},"result":18446744073709551615}` });
    expect(await rpcOn(scripted(gives(null))).request('m', [])).toBeNull();
    expect(await rpcOn(scripted(text)).request('m', [])).toEqual({ text: '18446744073709551615' });
  });

  it('answers a batch in any order, with an error where one call failed or is missing', async () => {
    const server = await startHttpServer((_request, body) => {
      const [first, second] = JSON.parse(body) as { id: number }[];
      return {
        text: JSON.stringify([
          { jsonrpc: '2.0', id: second?.id, error: { code: -32020, message: 'Transaction S0 not found' } },
          { jsonrpc: '2.0', id: first?.id, result: 'one' },
        ]),
      };
    });
    const call = { method: 'm', params: [] };
    const [one, two, three] = await rpcOn(createHttp(), [server.url]).batch([call, call, call]);
    await server.close();
    expect([one, rpcCodeOf(two), asAppError(three).code]).toEqual(['one', -32020, 'bad_reply']);
    const refused = await errorOf(rpcOn(scripted(fails(-32600)), ['https://a.example']).batch([call]));
    expect(refused?.code).toBe('bad_request');
  });

  it('gives accounts with their owner, null where there is none, and refuses half an answer', async () => {
    const account = { data: ['8m8RfFAAAAA=', 'base64'], owner: 'program', lamports: 1 };
    const slice = { offset: 72, length: 8 };
    const data = Buffer.from('8m8RfFAAAAA=', 'base64');
    const whole = {
      ...account,
      data: [Buffer.concat([Buffer.alloc(72, 9), data, Buffer.alloc(9)]).toString('base64'), 'base64'],
    };
    const ask = (value: unknown) => readAccounts(rpcOn(scripted(gives({ value }))), ['a', 'b'], { slice });
    expect(await ask([account, null])).toEqual([{ owner: 'program', data }, null]);
    expect(await ask([whole, null])).toEqual([{ owner: 'program', data }, null]);
    await expect(ask([account])).rejects.toThrow('did not answer for all');
    await expect(ask([{ ...account, data: { parsed: {} } }, null])).rejects.toThrow('without base64');
    await expect(ask([{ ...account, data: ['AAAA', 'base64'] }, null])).rejects.toThrow('3 bytes');
    expect(await readAccount(rpcOn(scripted(gives({ value: null }))), 'a')).toBeNull();
    expect(await readAccounts(rpcOn(scripted()), [])).toEqual([]);
  });
});
