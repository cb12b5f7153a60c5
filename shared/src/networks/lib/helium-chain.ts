import { createHash } from 'node:crypto';
import { AppError } from '../../errors.js';
import { decodeBase58, encodeBase58 } from './base58.js';
import { addressBytes, MOST_ACCOUNTS, programAddress, readAccounts } from './solana.js';
import type { SolanaRpc } from './solana-rpc.js';

/** What was claimed on chain: `RecipientV0.total_rewards`, the lifetime figure at the last claim; a floor under the oracle's. */
const ENTITY_MANAGER = 'hemjuPXBpNvggtaUnN1MwT3wrdhttKEfosTcc2P9Pg8';
const LAZY_DISTRIBUTOR = '1azyuavdMyvsivtNxPoz6SucD18eDHeXzFCUPq5XU7w';
const DAO = 'BQ3MCuTT5zVBhNfQ4SjMh3NPVhFy73MPV8rjfq5d1zie';

export const HELIUM_TOKENS = { HNT: 8, IOT: 6, MOBILE: 6 } as const;
export type HeliumToken = keyof typeof HELIUM_TOKENS;

/** The lazy distributor account of each token's mint. */
export const DISTRIBUTORS: Record<HeliumToken, string> = {
  HNT: '6gcZXjHgKUBMedc2V1aZLFPwh8M1rPVRw7kpo2KqNrFq',
  IOT: '37eiz5KzYwpAdLgrSh8GT1isKiJ6hcE5ET86dqaoCugL',
  MOBILE: 'GZtTp3AUo2AHdQe9BCJ6gXR9KqfruRvHnZ4QiJUALMcz',
};

/** Discriminator and DAO come before the asset; discriminator, distributor and asset before the total. */
const ASSET_SLICE = { offset: 40, length: 32 };
const TOTAL_SLICE = { offset: 72, length: 8 };

/** The account that names a hotspot's asset; `key` is the hotspot's key as text, valid base58. */
export const keyToAsset = (key: string): string => {
  const entity = createHash('sha256')
    .update(decodeBase58(key) ?? '')
    .digest();
  return programAddress([Buffer.from('key_to_asset'), addressBytes(DAO), entity], ENTITY_MANAGER).address;
};

export const recipientOf = (token: HeliumToken, asset: string): string =>
  programAddress([Buffer.from('recipient'), addressBytes(DISTRIBUTORS[token]), addressBytes(asset)], LAZY_DISTRIBUTOR).address;

export type Claimed = Partial<Record<HeliumToken, bigint>>;

/** Base units claimed per key (at most 100); 0 where nothing ever was, no entry for a key the chain does not know. */
export const readClaimed = async (
  rpc: SolanaRpc,
  keys: readonly string[],
  tokens: readonly HeliumToken[],
): Promise<Map<string, Claimed>> => {
  const owners = await readAccounts(rpc, keys.map(keyToAsset), { slice: ASSET_SLICE });
  const assets = keys.flatMap((key, index) => {
    const account = owners[index];
    return account ? [{ key, asset: encodeBase58(ownedBy(ENTITY_MANAGER, account)) }] : [];
  });
  const claimed = new Map<string, Claimed>(assets.map(({ key }) => [key, {}]));
  const wanted = tokens.flatMap((token) => assets.map(({ key, asset }) => ({ key, token, asset })));
  for (let at = 0; at < wanted.length; at += MOST_ACCOUNTS) {
    const part = wanted.slice(at, at + MOST_ACCOUNTS);
    const addresses = part.map(({ token, asset }) => recipientOf(token, asset));
    const accounts = await readAccounts(rpc, addresses, { slice: TOTAL_SLICE });
    for (const [index, { key, token }] of part.entries()) {
      const account = accounts[index] ?? null;
      const total = account ? ownedBy(LAZY_DISTRIBUTOR, account).readBigUInt64LE() : 0n;
      Object.assign(claimed.get(key) ?? {}, { [token]: total });
    }
  }
  return claimed;
};

const ownedBy = (program: string, { owner, data }: { owner: string; data: Buffer }): Buffer => {
  if (owner === program) return data;
  throw new AppError('bad_reply', `The Solana node answered an account of ${owner.slice(0, 50)}, not of ${program}`);
};
