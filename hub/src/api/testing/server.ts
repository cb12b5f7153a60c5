import { type IncomingHttpHeaders, request } from 'node:http';
import { request as tlsRequest } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLog } from '@muster/shared/log';
import type { Auth } from '../../parts.js';
import { type Api, type ApiNeeds, createApi } from '../server.js';
import { createTestParts, type Kept } from './parts.js';

export interface Asked {
  method?: string;
  token?: string;
  cookie?: string;
  headers?: Record<string, string>;
  /** An object is sent as JSON, text as it is. */
  body?: unknown;
}
export interface Answered {
  status: number;
  headers: IncomingHttpHeaders;
  text: string;
  // The tests look into it freely; what it must be is checked by the declarations.
  json: { [field: string]: unknown; items?: unknown[]; error?: { code: string; message: string; path?: string; hint?: string } };
}

export interface TestServer {
  api: Api;
  kept: Kept;
  url: string;
  https: string | null;
  ask(path: string, asked?: Asked): Promise<Answered>;
  stop(): Promise<void>;
}

/** A listening API over parts in memory; every reply is held against its declaration. */
export const startTestServer = async (
  options: {
    auth?: Auth;
    settings?: Partial<ApiNeeds['settings']>;
    web_folder?: string;
    tls?: { key: string; cert: string };
  } = {},
): Promise<TestServer> => {
  const { parts, kept } = createTestParts(options.auth);
  const api = createApi({
    parts,
    metrics: async function* () {
      yield 'muster_connections 1\n';
    },
    web_folder: options.web_folder ?? join(tmpdir(), 'muster-no-such-folder'),
    log: silentLog,
    settings: { public_url: null, check_replies: true, ...options.settings },
  });
  await api.ready();
  const at = { host: '127.0.0.1', port: 0 };
  const open = await api.listen({ http: at, https: options.tls ? { ...at, ...options.tls } : null });
  const url = `http://127.0.0.1:${open.http.port}`;
  const https = open.https ? `https://127.0.0.1:${open.https.port}` : null;
  return { api, kept, url, https, ask: (path, asked) => send(path.includes('://') ? path : url + path, asked), stop: api.stop };
};

/** The path goes out as written: `fetch` would tidy `..` away. */
const send = (url: string, { method = 'GET', token, cookie, headers, body }: Asked = {}): Promise<Answered> =>
  new Promise((resolve, reject) => {
    const text = typeof body === 'string' ? body : body === undefined ? undefined : JSON.stringify(body);
    const [, scheme, host = '', path = '/'] = /^(\w+):\/\/([^/]+)(.*)$/.exec(url) ?? [];
    const [hostname, port] = host.split(':');
    const sent = (scheme === 'https' ? tlsRequest : request)({
      hostname,
      port,
      path,
      method,
      agent: false,
      rejectUnauthorized: false,
      headers: {
        ...(text === undefined ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }),
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...(cookie === undefined ? {} : { cookie: `muster_session=${cookie}` }),
        ...headers,
      },
    });
    sent.on('error', reject);
    sent.on('response', async (reply) => {
      let all = '';
      for await (const part of reply) all += part;
      const is_json = reply.headers['content-type']?.startsWith('application/json') && all !== '';
      resolve({ status: reply.statusCode ?? 0, headers: reply.headers, text: all, json: is_json ? JSON.parse(all) : {} });
    });
    sent.end(text);
  });
