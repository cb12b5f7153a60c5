import { AppError } from '../../errors.js';
import { findAll, textOf } from '../../json-path.js';
import type { NetworkHost } from '../../network.js';
import type { DimoConfig } from './dimo-config.js';
import { askJson, bearer, formBody, jsonBody, type Way } from './dimo-http.js';
import { signPersonalMessage } from './evm-signature.js';

/** Developer JWT → vehicle JWT. Both are held in memory only, until they expire: what a source keeps on disk is not secret. */
export interface DimoTokens {
  vehicle(token_id: number): Promise<string>;
  /** It was refused before its time. */
  drop(token_id: number): void;
}

export interface TokenJar {
  developer: Token | null;
  vehicles: Map<number, Token>;
}

interface Token {
  text: string;
  expires: number;
}

export interface TokenNeeds extends Way {
  config: DimoConfig;
  host: NetworkHost | null;
  jar: TokenJar;
  now: number;
}

const VEHICLE_NFT = '0xbA5738a18d83D41847dfFbDC6101d37C69c9B0cF';
/** No location is asked for. */
const PERMISSIONS = ['privilege:GetNonLocationHistory'];
/** Renewed this long before the end, so that none ends under way. */
const EARLY_MS = 60_000;
const COMMAND_TIMEOUT_MS = 5_000;

export const newTokenJar = (): TokenJar => ({ developer: null, vehicles: new Map() });

/** For one call: the developer JWT is asked for once, also when many vehicles wait for it or it fails. */
export const createTokens = (needs: TokenNeeds): DimoTokens => {
  const { jar, now } = needs;
  const isFresh = (token: Token | null | undefined): token is Token => !!token && token.expires - EARLY_MS > now;
  let asked: Promise<string> | null = null;
  const developer = (): Promise<string> => {
    asked ??= (async () => {
      if (!isFresh(jar.developer)) jar.developer = readToken(await developerJwt(needs), 'The developer JWT', now);
      return jar.developer.text;
    })();
    return asked;
  };
  return {
    async vehicle(token_id) {
      const held = jar.vehicles.get(token_id);
      if (isFresh(held)) return held.text;
      const jwt = await developer();
      try {
        const token = readToken(await exchange(needs, jwt, token_id), `The vehicle JWT of ${token_id}`, now);
        jar.vehicles.set(token_id, token);
        return token.text;
      } catch (error) {
        // A developer JWT that was called back is made or read anew at the next question.
        if (error instanceof AppError && error.code === 'unauthorized') jar.developer = null;
        throw error;
      }
    },
    drop: (token_id) => void jar.vehicles.delete(token_id),
  };
};

const developerJwt = async (needs: TokenNeeds): Promise<string | null> => {
  const { config, host } = needs;
  const developer = config.developer ?? { jwt: '' };
  if ('jwt' in developer) return developer.jwt;
  if ('api_key' in developer) return signIn(needs, developer);
  if (!host)
    throw new AppError(
      'bad_settings',
      'jwt_file and jwt_command work on a device only; on the hub set client_id, domain and api_key',
    );
  if ('jwt_file' in developer) return host.read(developer.jwt_file);
  const [program = '', ...words] = developer.jwt_command;
  const result = await host.run(program, words, COMMAND_TIMEOUT_MS);
  if (result?.code !== 0) {
    throw new AppError(
      'unauthorized',
      `jwt_command (${program}) ended with ${result?.code ?? 'nothing'}; run it by hand to see why`,
    );
  }
  return result.text;
};

/** A challenge is signed with the API key of the licence (Sign-In With Ethereum, as an OAuth code). */
const signIn = async (needs: TokenNeeds, key: { client_id: string; domain: string; api_key: string }): Promise<string> => {
  const { client_id, domain } = key;
  const auth = `${withoutSlash(needs.config.auth_url)}/auth/web3`;
  const what = 'The sign-in of DIMO';
  const wanted = { client_id, domain, scope: 'openid email', response_type: 'code', address: client_id };
  const given = await askJson(needs, { what, url: `${auth}/generate_challenge`, ...formBody(wanted) });
  const [challenge, state] = ['challenge', 'state'].map((path) => textOf(findAll(given, path)[0]));
  if (!challenge || !state) throw new AppError('bad_reply', `${what} gave no challenge`);
  const signature = signPersonalMessage(challenge, key.api_key);
  const answer = { client_id, domain, grant_type: 'authorization_code', state, signature };
  const reply = await askJson(needs, { what, url: `${auth}/submit_challenge`, ...formBody(answer) });
  const jwt = ['developer_jwt', 'access_token'].map((path) => textOf(findAll(reply, path)[0])).find(Boolean);
  if (!jwt) throw new AppError('bad_reply', `${what} gave no access_token`);
  return jwt;
};

const exchange = async (needs: TokenNeeds, jwt: string, token_id: number): Promise<string | null> => {
  const asset = `did:erc721:137:${VEHICLE_NFT}:${token_id}`;
  const reply = await askJson(needs, {
    what: `The token exchange for vehicle ${token_id}`,
    url: `${withoutSlash(needs.config.exchange_url)}/v1/tokens/exchange`,
    ...jsonBody({ asset, permissions: PERMISSIONS, audience: ['dimo.zone'] }, bearer(jwt)),
  });
  return textOf(findAll(reply, 'token')[0]);
};

const withoutSlash = (url: string): string => url.replace(/\/+$/, '');

const readToken = (found: string | null, what: string, now: number): Token => {
  const text = found?.trim() ?? '';
  // A line break inside would end the header that carries it.
  if (!/^[\w.~+/=-]+$/.test(text))
    throw new AppError('unauthorized', `${what} is missing or no token; check "developer" in the settings`);
  const expires = expiryOf(text);
  if (expires !== null && expires <= now)
    throw new AppError('unauthorized', `${what} has expired; put a new one, or set client_id, domain and api_key`);
  // Without a date it is good for this question only.
  return { text, expires: expires ?? 0 };
};

/** `exp` of a JWT, in milliseconds. */
const expiryOf = (jwt: string): number | null => {
  try {
    const { exp } = JSON.parse(Buffer.from(jwt.split('.')[1] ?? '', 'base64url').toString('utf8')) as { exp?: unknown };
    return typeof exp === 'number' ? exp * 1_000 : null;
  } catch {
    return null;
  }
};
