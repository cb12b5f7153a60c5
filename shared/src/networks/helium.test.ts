import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { asAppError } from '../errors.js';
import type { Http, HttpReply } from '../http.js';
import { silentLog } from '../log.js';
import type { HubNetworkReply } from '../network.js';
import { check } from '../schema.js';
import { FIXTURE_NOW, playCase } from '../testing/network.js';
import helium from './helium.js';
import { encodeBase58Check } from './lib/base58.js';
import { keyToAsset, recipientOf } from './lib/helium-chain.js';
import { countReward, type Mark } from './lib/helium-counter.js';
import { accountOf } from './lib/helium-rewards.js';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const HNT = 'https://hnt-rewards.oracle.helium.io/bulk-rewards';

/** A fleet of made-up hotspots. */
const keyOf = (index: number) => {
  const payload = Buffer.alloc(34);
  payload[1] = 1;
  payload.writeUInt32BE(index, 30);
  return encodeBase58Check(payload);
};

/** A hub over time: what it keeps, and an oracle that can be told to misbehave. */
const hubOf = (config: unknown, devices: readonly string[] = []) => {
  const state = { now: FIXTURE_NOW, kept: undefined as unknown, asked: [] as string[][] };
  const answer = { of: (keys: string[]): HttpReply => reply(Object.fromEntries(keys.map((key) => [key, '100']))) };
  const http: Http = {
    async request({ url, body = '' }) {
      expect(url).toBe(HNT);
      const { entityKeys } = JSON.parse(body) as { entityKeys: string[] };
      state.asked.push(entityKeys);
      return answer.of(entityKeys);
    },
  };
  const keep = (value: unknown) => {
    state.kept = JSON.parse(JSON.stringify(value));
  };
  const ask = async (): Promise<HubNetworkReply> => {
    const call = {
      ...{ config: check(helium.config, config, 'config') as never, http, devices, now: state.now, log: silentLog, host: null },
      grpc: { unary: () => Promise.reject(new Error('a hub asks no gateway')) },
      memory: { get: () => state.kept, put: keep },
      signal: new AbortController().signal,
    };
    return (await helium.onHub?.(call)) ?? { devices: new Map() };
  };
  const amounts = (said: HubNetworkReply) => (said.accounts ?? []).map((one) => (one.kind === 'lifetime' ? one.amount : ''));
  return { state, answer, ask, amounts };
};
const reply = (currentRewards: unknown): HttpReply => ({ status: 200, headers: {}, text: JSON.stringify({ currentRewards }) });
const settings = (keys: readonly string[], more: object = {}) => ({
  rpc: [],
  frozen: false,
  hotspots: keys.map((key) => ({ key })),
  ...more,
});

describe('the counter of a hotspot', () => {
  const mark = (amount: bigint, spoken = true): Mark => ({ amount, spoken });

  it.each([
    ['a first figure', undefined, { lifetime: 5n }, mark(5n), false],
    ['growth', mark(5n), { lifetime: 6n }, mark(6n), false],
    ['no growth', mark(5n), { lifetime: 5n }, mark(5n), false],
    ['a drop by one', mark(5n), { lifetime: 4n }, mark(5n), true],
    ['a false zero', mark(5n), { lifetime: 0n }, mark(5n), true],
    ['a missing figure', mark(5n), { lifetime: null }, mark(5n), true],
    ['a claim above the oracle', mark(5n), { lifetime: 6n, claimed: 9n }, mark(9n), true],
    ['a claim while the oracle is silent', mark(5n), { claimed: 9n }, mark(9n), undefined],
    ['a claim only', undefined, { claimed: 9n }, mark(9n, false), undefined],
    ['an oracle that speaks after the chain', mark(9n, false), { lifetime: 12n }, mark(12n), false],
    ['nothing known', undefined, { lifetime: null }, undefined, false],
    ['nothing for a day', undefined, { lifetime: null, surely_new: true }, mark(0n), false],
    ['nothing of one that claimed', mark(9n, false), { lifetime: null, surely_new: true }, mark(9n, false), true],
  ])('%s', (_name, before, sight, after, suspect) => {
    expect(countReward(before, sight)).toEqual({ mark: after, suspect });
  });
});

describe('any sequence of answers', () => {
  const amount = fc.bigInt({ min: 0n, max: 2n ** 70n });
  const sight = fc.record({
    lifetime: fc.option(fc.option(amount, { nil: null }), { nil: undefined }),
    claimed: fc.option(amount, { nil: undefined }),
  });

  it('ends at the highest figure ever given, and each step is at least the one before', () => {
    fc.assert(
      fc.property(fc.array(sight), (sights) => {
        const marks: Mark[] = [];
        for (const one of sights) {
          const { mark } = countReward(marks.at(-1), one);
          if (mark) marks.push(mark);
        }
        const amounts = marks.map((mark) => mark.amount);
        expect(amounts).toEqual([...amounts].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0)));
        const given = sights.flatMap(({ lifetime, claimed }) => [lifetime ?? 0n, claimed ?? 0n]);
        expect(amounts.at(-1) ?? 0n).toBe(given.reduce((most, one) => (one > most ? one : most), 0n));
      }),
    );
  });
});

describe('rewards of a fleet on the hub', () => {
  it('are asked for in hundreds, and after half an answer only for the other half', async () => {
    const keys = Array.from({ length: 250 }, (_, index) => keyOf(index));
    const { state, answer, ask, amounts } = hubOf(settings(keys));
    expect(amounts(await ask())).toHaveLength(100);
    const good = answer.of;
    answer.of = () => ({ status: 500, headers: {}, text: '<html>' });
    await expect(ask()).rejects.toThrow('status 500');
    answer.of = good;
    expect(amounts(await ask())).toHaveLength(100);
    expect(amounts(await ask())).toHaveLength(50);
    expect(state.asked.map(({ length }) => length)).toEqual([100, 100, 100, 50]);
    expect(new Set(state.asked.flat())).toEqual(new Set(keys));
    expect(amounts(await ask())).toEqual([]);
    state.now += 2 * HOUR;
    expect(amounts(await ask())).toHaveLength(100);
    expect(state.asked.at(-1)?.[0]).toBe(keys[0]);
  });

  it('fit the memory of a source with 1,000 hotspots, all in doubt', async () => {
    const keys = Array.from({ length: 1_000 }, (_, index) => keyOf(index));
    const { state, answer, ask } = hubOf(settings(keys));
    for (const rewards of [(key: string) => [[key, '9007199254740993']], () => []]) {
      answer.of = (asked) => reply(Object.fromEntries(asked.flatMap(rewards)));
      for (let part = 0; part < 10; part++) await ask();
      state.now += 2 * HOUR;
    }
    const { suspect } = state.kept as { suspect: string[] };
    expect(suspect).toHaveLength(1_000);
    expect(JSON.stringify(state.kept).length).toBeLessThan(65_536);
  });

  it('begin at zero for a hotspot that the oracle leaves out for a day, not before', async () => {
    const { state, answer, ask, amounts } = hubOf(settings([keyOf(1)]));
    answer.of = () => reply({});
    const seen: string[][] = [];
    for (let hours = 0; hours < 30; hours += 2) {
      seen.push(amounts(await ask()));
      state.now += 2 * HOUR;
    }
    expect(seen.flat().every((amount) => amount === '0')).toBe(true);
    expect(seen.findIndex(({ length }) => length > 0)).toBe(12);
    answer.of = () => reply({ [keyOf(1)]: '7' });
    expect(amounts(await ask())).toEqual(['7']);
  });

  it('take the middle of several oracles, and of those that answer', async () => {
    const urls = ['a', 'b', 'c'].map((name) => `https://${name}.example`);
    const hotspot = keyOf(1);
    const http = (figures: Record<string, string | null>): Http => ({
      async request({ url }) {
        const figure = figures[new URL(url).host[0] ?? ''] ?? null;
        return figure === null ? { status: 503, headers: {}, text: '' } : reply({ [hotspot]: figure });
      },
    });
    const amountOf = async (figures: Record<string, string | null>) => {
      const config = check(helium.config, settings([hotspot], { oracles: { HNT: urls } }), 'config') as never;
      const memory = { get: () => undefined, put: () => {} };
      const grpc = { unary: () => Promise.reject(new Error('not asked')) };
      const signal = new AbortController().signal;
      const rest = { config, memory, grpc, signal, devices: [], now: 0, log: silentLog, host: null };
      const said = await helium.onHub?.({ ...rest, http: http(figures) });
      const [first] = said?.accounts ?? [];
      return first?.kind === 'lifetime' ? first.amount : null;
    };
    expect(await amountOf({ a: '9', b: '10', c: '1' })).toBe('9');
    expect(await amountOf({ a: '9', b: null, c: '1' })).toBe('9');
    await expect(amountOf({})).rejects.toThrow('503');
  });

  it.each([
    ['a number', 345678901234, '345678901234'],
    ['an amount beyond 2^63', '98765432109876543210', '98765432109876543210'],
    ['a fraction', '1.5', undefined],
    ['a negative amount', '-5', undefined],
    ['hexadecimal', '0x10', undefined],
    ['no amount', { bones: '5' }, undefined],
  ])('given as %s', async (_name, figure, published) => {
    const { answer, ask, amounts } = hubOf(settings([keyOf(1)]));
    answer.of = () => reply({ [keyOf(1)]: figure, unasked: '5' });
    expect(amounts(await ask())).toEqual(published === undefined ? [] : [published]);
  });

  it('wait as long as the oracle asks for, and the failure says so', async () => {
    const { answer, ask } = hubOf(settings([keyOf(1)]));
    answer.of = () => ({ status: 429, headers: { 'retry-after': '120' }, text: 'slow down' });
    const error = await ask().catch(asAppError);
    expect(error).toMatchObject({ code: 'too_many', details: { retry_after_ms: 120_000 } });
  });

  it('survive a memory that is not one and a clock that was set back', async () => {
    const { state, ask, amounts } = hubOf(settings([keyOf(1)]));
    state.kept = { marks: { x: 'not a number' } };
    expect(amounts(await ask())).toEqual(['100']);
    state.now -= 30 * DAY;
    expect(amounts(await ask())).toEqual(['100']);
  });
});

describe('the rewards of a gateway', () => {
  it('are asked for again a minute after a failure, later and later, and the gateway is told meanwhile', async () => {
    const memory = { key: keyOf(1), down: [], rounds: {}, marks: {}, absent: {}, suspect: [] };
    const http = [{ url: HNT, method: 'POST', fails: 'unreachable' as const }];
    const one = { name: '', config: { rpc: [], frozen: false }, http, expect: {} };
    const first = await playCase(helium, { ...one, memory });
    const next = (kept: unknown) => (kept as { rounds: Record<string, { next: number }> }).rounds['oracle_hnt']?.next ?? 0;
    const wait = next(first.kept) - FIXTURE_NOW;
    expect(wait).toBeGreaterThanOrEqual(48_000);
    expect(wait).toBeLessThanOrEqual(72_000);
    const later = FIXTURE_NOW + wait;
    const second = await playCase(helium, { ...one, memory: first.kept, now: later });
    expect(next(second.kept) - later).toBe(2 * wait);
    expect(second.reply).toMatchObject({ samples: [{ metric: 'up', value: 0 }, { metric: 'rewards_up', value: 0 }, {}] });
  });
});

describe('the settings', () => {
  it.each([
    [
      'a key with a typing error',
      { hotspots: [{ key: keyOf(1).replace(/.$/, (last) => (last === '2' ? '3' : '2')) }] },
      'hotspot key',
    ],
    ['a key twice', { hotspots: [{ key: keyOf(1) }, { key: keyOf(1) }] }, 'once'],
    ['an address that is none', { gateway: 'localhost' }, 'address'],
  ])('refuse %s', (_name, config, word) => expect(() => check(helium.config, config, 'config')).toThrow(word));

  it('keep a key that is too long for an account apart by its hash', () => {
    expect(accountOf(keyOf(1))).toBe(keyOf(1));
    expect(accountOf('1'.repeat(300))).toMatch(/^sha256-[0-9a-f]{64}$/);
  });
});

const VECTORS =
  process.env['MUSTER_TEST_VECTORS'] ??
  fileURLToPath(new URL('../../../../shared/data/helium-solana-vectors.json', import.meta.url));

describe.skipIf(!existsSync(VECTORS))('the vectors file (helium-solana-vectors.json)', () => {
  const vectors = existsSync(VECTORS) ? JSON.parse(readFileSync(VECTORS, 'utf8')) : {};

  it('gives the same addresses', () => {
    for (const [key, address] of Object.entries<string>(vectors.heliumPda.keyToAsset)) expect(keyToAsset(key)).toBe(address);
    for (const [asset, address] of Object.entries<string>(vectors.heliumPda.recipientHntForAsset))
      expect(recipientOf('HNT', asset)).toBe(address);
  });

  it('publishes the same figures over its sequence', async () => {
    const [key = ''] = vectors.heliumOracle.bulkRequest.entityKeys;
    const { state, answer, ask } = hubOf(settings([key], { hotspots: [{ key, device: 'pi' }] }), ['pi']);
    for (const { in: figure, publish, suspect = false } of vectors.heliumOracle.sequence) {
      answer.of = () => reply(figure === null ? {} : { [key]: figure });
      const said = (await ask()).devices.get('pi');
      expect(said?.readings).toMatchObject([{ amount: publish, exact: true }]);
      expect(said?.samples).toContainEqual({ metric: 'rewards_suspect', value: suspect ? 1 : 0 });
      state.now += 2 * HOUR;
    }
  });

  it('reads the same frames', async () => {
    const { keyText, pubkeyHex, routerConnectedHex, routerDisconnectedHex, regionHex } = vectors.heliumGrpc;
    const samplesOf = async (router: string, region: string) => {
      const grpc = Object.entries({ pubkey: pubkeyHex, router, region }).map(([name, hex]) => ({
        path: `/helium.local.api/${name}`,
        reply: hex.slice(10),
      }));
      const { reply: said, kept } = await playCase(helium, { name: '', config: { rewards: false }, grpc, expect: {} });
      expect((kept as { key: string }).key).toBe(keyText);
      return (said as { samples: { value: number }[] }).samples.map(({ value }) => value);
    };
    expect(await samplesOf(routerConnectedHex, regionHex.EU868)).toEqual([1, 1, 1, 1, 0]);
    expect(await samplesOf(routerConnectedHex, regionHex.US915)).toEqual([1, 1, 1, 0, 0]);
    expect(await samplesOf(routerDisconnectedHex, regionHex.UNKNOWN)).toEqual([1, 0, 0, 99, 0]);
  });

  it('reads the same total from the whole account and from its slice', async () => {
    const { recipientBase64, recipientTotalRewards, slice, keyToAssetBase64, keyToAssetAssetId } = vectors.heliumAccounts;
    const whole = Buffer.from(recipientBase64, 'base64');
    expect(whole.readBigUInt64LE(slice.offset)).toBe(BigInt(recipientTotalRewards));
    const accounts = [keyToAssetBase64, recipientBase64].map((data, index) => ({
      url: 'https://api.mainnet-beta.solana.com',
      method: 'POST',
      asks: index === 0 ? keyToAsset(vectors.heliumGrpc.keyText) : recipientOf('HNT', keyToAssetAssetId),
      reply: { json: { jsonrpc: '2.0', id: index + 1, result: { value: [{ data: [data, 'base64'], owner: OWNERS[index] }] } } },
    }));
    const config = { gateway: null, frozen: false, oracles: { HNT: [] }, hotspots: [{ key: vectors.heliumGrpc.keyText }] };
    const { reply: said } = await playCase(helium, { name: '', config, http: accounts, expect: {} });
    expect(said).toMatchObject({ readings: [{ amount: recipientTotalRewards, source: 'helium-chain', exact: false }] });
  });
});

const OWNERS = ['hemjuPXBpNvggtaUnN1MwT3wrdhttKEfosTcc2P9Pg8', '1azyuavdMyvsivtNxPoz6SucD18eDHeXzFCUPq5XU7w'];
