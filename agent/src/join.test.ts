import { createPublicKey } from 'node:crypto';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { asAppError } from '@muster/shared/errors';
import { pinOf } from '@muster/shared/pin';
import { generate } from 'selfsigned';
import { afterEach, describe, expect, it } from 'vitest';
import { loadAgentSettings } from './config.js';
import { readIdentity } from './identity.js';
import { joinHub } from './join.js';
import { type JoinFlags, joinVerb } from './verbs.js';

const open: (() => void)[] = [];
afterEach(() => {
  for (const close of open.splice(0)) close();
});

interface Asked {
  path: string;
  body: unknown;
}

const answer =
  (asked: Asked[], reply: { status?: number; json: unknown }) => async (request: IncomingMessage, response: ServerResponse) => {
    let text = '';
    for await (const part of request) text += part;
    asked.push({ path: request.url ?? '', body: JSON.parse(text) });
    response.writeHead(reply.status ?? 200, { 'content-type': 'application/json' }).end(JSON.stringify(reply.json));
  };

const hub = async (reply: { status?: number; json: unknown }, tls = false) => {
  const asked: Asked[] = [];
  const made = tls ? await generate([{ name: 'commonName', value: 'muster' }], { keyType: 'ec' }) : null;
  const server = made
    ? createTlsServer({ key: made.private, cert: made.cert }, answer(asked, reply))
    : createHttpServer(answer(asked, reply));
  server.on('tlsClientError', () => {});
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  open.push(() => {
    server.close();
    server.closeAllConnections();
  });
  const { port } = server.address() as AddressInfo;
  const pin = made && pinOf(createPublicKey(made.cert).export({ type: 'spki', format: 'der' }));
  return { url: `http${tls ? 's' : ''}://127.0.0.1:${port}`, asked, pin };
};

const GIVEN = { device: 'pi-1', key: 'k'.repeat(43), mqtt: 'mqtt://127.0.0.1:1883', mqtts: 'mqtts://0.0.0.0:8883', pin: null };
const request = (url: string, pin: string | null = null) => ({
  hub: url,
  token: 'invite',
  pin,
  device: 'pi-1',
  about: { hostname: 'pi' },
});

const failure = async (promise: Promise<unknown>) =>
  promise.then(
    () => expect.unreachable(),
    (error) => asAppError(error),
  );

describe('joining a hub', () => {
  it('exchanges the token for a key on this machine, over plain HTTP', async () => {
    const { url, asked } = await hub({ json: GIVEN });
    const identity = await joinHub(request(url));
    expect(identity).toEqual({ device: 'pi-1', key: GIVEN.key, address: 'mqtt://127.0.0.1:1883', pin: null, hub: url });
    expect(asked).toEqual([{ path: '/api/v1/join', body: { token: 'invite', device: 'pi-1', about: { hostname: 'pi' } } }]);
  });

  it('compares the pin before the token leaves', async () => {
    const { url, asked, pin } = await hub({ json: { ...GIVEN, mqtt: null } }, true);
    const other = pinOf(Buffer.from('another key'));
    const refused = await failure(joinHub(request(url, other)));
    expect(refused.message).toContain('shows another key than the pin says; nothing was sent');
    expect(asked).toEqual([]);
    expect(await joinHub(request(url, pin))).toMatchObject({ address: 'mqtts://127.0.0.1:8883', pin });
  });

  it('trusts no unknown certificate without a pin', async () => {
    const { url, asked } = await hub({ json: GIVEN }, true);
    expect((await failure(joinHub(request(url)))).message).toMatch(
      /its certificate is not signed by a known authority; add the --pin that the hub's invite shows$/,
    );
    expect(asked).toEqual([]);
  });

  it('refuses plain HTTP to another host, and says how to do it', async () => {
    const refused = await failure(joinHub(request('http://192.0.2.1:7480')));
    expect(refused.code).toBe('needs_https');
    expect(refused.details.hint).toContain('--pin');
  });

  it.each([401, 403, 409, 410])('shows what the hub says with status %i, and its hint', async (status) => {
    const error = { code: 'conflict', message: 'pi-1 exists', hint: 'invite with --device pi-1' };
    const { url } = await hub({ status, json: { error } });
    expect(await failure(joinHub(request(url)))).toMatchObject({
      message: 'The hub refused: pi-1 exists',
      details: { hint: 'invite with --device pi-1' },
    });
  });

  it('says so when the other side is no hub', async () => {
    const { url } = await hub({ status: 404, json: {} });
    expect((await failure(joinHub(request(url)))).message).toContain('is this a Muster hub?');
    expect((await failure(joinHub(request('nonsense')))).message).toContain('is not an address');
  });
});

describe('the verb join', () => {
  const folder = () => {
    const path = mkdtempSync(join(tmpdir(), 'muster-'));
    open.push(() => rmSync(path, { recursive: true }));
    return path;
  };
  const call = (data: string) => {
    const { values, listed, paths } = loadAgentSettings({ data }, {}, '/');
    return { settings: values, listed, paths };
  };
  const flags = (more: Partial<JoinFlags>): JoinFlags => ({
    hub: undefined,
    token: 'invite',
    pin: undefined,
    device: undefined,
    name: undefined,
    force: undefined,
    quiet: undefined,
    ...more,
  });
  const needs = { about: { hostname: 'Kitchen Pi.local' }, print: () => {} };

  it('keeps the identity in a file that only its owner reads, and does not join twice', async () => {
    const { url, asked } = await hub({ json: GIVEN });
    const made = call(folder());
    await joinVerb(made, flags({ hub: url, name: 'Kitchen' }), needs);
    expect(readIdentity(made.paths.identity)?.key).toBe(GIVEN.key);
    expect(statSync(made.paths.identity).mode & 0o777).toBe(0o600);
    expect(asked[0]?.body).toMatchObject({ device: 'kitchen-pi', about: { name: 'Kitchen' } });
    expect((await failure(joinVerb(made, flags({ hub: url }), needs))).details.hint).toContain('--force');
    await joinVerb(made, flags({ hub: url, force: true }), needs);
    expect(asked).toHaveLength(2);
  });

  it('names the flag that is missing or wrong', async () => {
    const made = call(folder());
    expect((await failure(joinVerb(made, flags({}), needs))).message).toContain('--hub is missing');
    expect((await failure(joinVerb(made, flags({ hub: 'http://127.0.0.1', device: 'A B' }), needs))).message).toContain(
      '--device "A B"',
    );
    expect((await failure(joinVerb(made, flags({ hub: true }), needs))).message).toContain('--hub needs a value');
  });

  it('says what to type next, or nothing when it is to be quiet', async () => {
    const { url } = await hub({ json: GIVEN });
    const said: string[] = [];
    const loud = { ...needs, print: (text: string) => said.push(text) };
    await joinVerb(call(folder()), flags({ hub: url }), loud);
    expect(said).toEqual([`Joined ${url} as "pi-1"; now start the agent: npm run agent -- run`]);
    await joinVerb(call(folder()), flags({ hub: url, quiet: true }), loud);
    expect(said).toHaveLength(1);
  });

  it.each([
    ['{', ' is not valid JSON; join again with --force'],
    ['{"device": "pi-1"}', ', field "key" is missing; join again with --force'],
    ['[]', ', field "device" is missing; join again with --force'],
    ['null', ': must be an object; join again with --force'],
  ])('says which identity file is damaged, and what to do: %s', (text, problem) => {
    const path = join(folder(), 'identity.json');
    writeFileSync(path, text);
    expect(() => readIdentity(path)).toThrow(`The identity file ${path}${problem}`);
  });
});

describe('the settings of the agent', () => {
  it('name the level of the log as the hub does', () => {
    for (const [flags, env] of [
      [{ 'log.level': 'debug' }, {}],
      [{}, { MUSTER_LOG_LEVEL: 'debug' }],
    ] as const) {
      expect(loadAgentSettings(flags, env, '/').values.log_level).toBe('debug');
    }
  });

  it('take "data" relative to where the command was typed', () => {
    expect(loadAgentSettings({}, { INIT_CWD: '/somewhere' }, '/else').paths.folder).toBe('/somewhere/data/agent');
    expect(loadAgentSettings({}, { MUSTER_DATA: '/abs' }, '/else').paths.folder).toBe('/abs/agent');
  });

  it('refuse reward sources that do not come from the file, and words that are none', () => {
    expect(() => loadAgentSettings({}, { MUSTER_NETWORKS: 'json' }, '/')).toThrow('must be a list in the settings file');
    expect(loadAgentSettings({ 'agent.commands': 'inventory, other' }, {}, '/').values.commands).toEqual(['inventory', 'other']);
  });
});
