import { networkInterfaces } from 'node:os';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createHubApi } from '../api.js';
import { type LiveListener, listenLive } from '../testing/live.js';
import {
  ADMIN_TOKEN,
  agent,
  makeFolder,
  type Program,
  type RunningHub,
  runAgent,
  startHub,
  startProgram,
} from '../testing/processes.js';

/** A second machine joins: from another folder, and from another address of this machine over pinned TLS. */
const folder = makeFolder();
const folders = [makeFolder(), makeFolder(), makeFolder(), makeFolder()];
const agents: Program[] = [];
let hub: RunningHub;
let live: LiveListener;

const outward = Object.values(networkInterfaces())
  .flat()
  .find((address) => address?.family === 'IPv4' && !address.internal)?.address;

beforeAll(async () => {
  hub = await startHub(folder.path, {}, ['--lan']);
  live = await listenLive(hub.access);
}, 60_000);

afterAll(async () => {
  live?.close();
  await Promise.all(agents.map((one) => one.stop()));
  await hub?.stop();
  for (const one of [folder, ...folders]) one.remove();
});

const invite = async (words: readonly string[] = []): Promise<{ token: string; pin: string }> => {
  const program = startProgram('hub/dist/main.js', ['invite', ...words], { MUSTER_DATA: folder.path });
  expect(await program.ended).toBe(0);
  const { stdout } = { stdout: program.output() };
  return { token: /--token (\S+)/.exec(stdout)?.[1] ?? '', pin: /--pin (\S+)/.exec(stdout)?.[1] ?? hub.addresses.pin };
};

const port = (address: string | null) => new URL(address ?? '').port;

describe('a second machine', { timeout: 90_000 }, () => {
  it('joins from another folder by the command of muster-hub invite and appears without a restart', async () => {
    const started = Date.now();
    const { token } = await invite();
    const data = folders[0]?.path ?? '';
    const joined = agent(['join', '--hub', hub.addresses.http, '--token', token, '--device', 'second'], { MUSTER_DATA: data });
    expect(await joined.ended, joined.output()).toBe(0);
    agents.push(runAgent(data));
    console.log(`figure: invite → online on the screen: ${(await live.state('second', 'online')) - started} ms`);
  });

  it('is told both steps, and what works on the machine of the hub only', async () => {
    const alone = await startHub(folders[3]?.path ?? '');
    const invited = async (data: string) => {
      const program = startProgram('hub/dist/main.js', ['invite'], { MUSTER_DATA: data });
      await program.ended;
      expect(program.output()).toMatch(/agent -- join [\s\S]*npm run agent -- run/);
      return program.output();
    };
    expect(await invited(alone.data)).toContain('npm start -- --lan');
    expect(alone.output()).not.toContain('setup_https');
    await alone.stop();
    if (outward) expect(await invited(folder.path)).not.toContain('--lan');
    expect(hub.output()).toMatch(/"setup":"http:[^"]+#setup=/);
    expect(hub.output()).toMatch(/"setup_https":"https:[^"]+#setup=/);
  });

  it('cannot use an invite twice', async () => {
    const { token } = await invite();
    const body = (device: string) => ({ token, device });
    const open = createHubApi({ url: hub.addresses.http, token: '' });
    await open.post('/join', body('once'));
    await expect(open.post('/join', body('twice'))).rejects.toThrow('401');
  });

  it.skipIf(!outward)('joins from another address over pinned HTTPS and MQTTS', async () => {
    const { token, pin } = await invite();
    const data = folders[1]?.path ?? '';
    const url = `https://${outward}:${port(hub.addresses.https)}`;
    const joined = agent(['join', '--hub', url, '--token', token, '--pin', pin, '--device', 'far'], { MUSTER_DATA: data });
    expect(await joined.ended, joined.output()).toBe(0);
    agents.push(runAgent(data));
    await live.state('far', 'online');
  });

  it.skipIf(!outward)('is refused over plain HTTP from another address, with a hint', async () => {
    const { token } = await invite();
    const plain = createHubApi({ url: `http://${outward}:${port(hub.addresses.http)}`, token: ADMIN_TOKEN });
    await expect(plain.post('/join', { token, device: 'plain' })).rejects.toThrow(/403.*needs_https.*hint/);
    const url = `http://${outward}:${port(hub.addresses.http)}`;
    const joined = agent(['join', '--hub', url, '--token', token, '--device', 'plain'], { MUSTER_DATA: folders[2]?.path ?? '' });
    expect(await joined.ended).toBe(1);
    expect(joined.output()).toContain('https');
  });

  it.skipIf(!outward)('sends no token to a hub with another key', async () => {
    const { token } = await invite();
    const url = `https://${outward}:${port(hub.addresses.https)}`;
    const wrong = `sha256:${'A'.repeat(43)}`;
    const joined = agent(['join', '--hub', url, '--token', token, '--pin', wrong, '--device', 'wary'], {
      MUSTER_DATA: folders[2]?.path ?? '',
    });
    expect(await joined.ended).toBe(1);
    expect(joined.output()).toContain('pin');
    await expect(
      createHubApi({ url: hub.addresses.http, token: '' }).post('/join', { token, device: 'wary' }),
    ).resolves.toBeDefined();
  });
});
