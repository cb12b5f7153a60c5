import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { silentLog } from '@muster/shared/log';
import { startHttpServer } from '@muster/shared/testing/http';
import { decodeMessage } from '@muster/shared/wire/codec';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { AGENT_FLAGS } from './flags.js';
import { createInventory, plainFacts } from './inventory.js';
import { type BrokerMessage, startTestBroker } from './testing/broker.js';

const until = (condition: () => unknown) => vi.waitFor(() => expect(condition()).toBeTruthy(), { timeout: 60_000, interval: 10 });

const open: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close();
});

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const MAIN = join(ROOT, 'dist', 'main.js');

/** The built program under the flags that it ships with. */
const startAgent = (data: string, verb: string[], env: Record<string, string> = {}) =>
  startNode([...AGENT_FLAGS, MAIN, ...verb], { MUSTER_DATA: data, ...env });

const startNode = (words: string[], env: Record<string, string> = {}) => {
  const child = spawn(process.execPath, words, {
    env: { PATH: process.env['PATH'] ?? '', ...env },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (part) => {
      output += part;
    });
  }
  const ended = new Promise<number | null>((resolve) => child.on('close', resolve));
  open.push(() => child.kill('SIGKILL'));
  return { child, ended, output: () => output };
};

const folder = () => {
  const path = mkdtempSync(join(tmpdir(), 'muster-'));
  open.push(() => rmSync(path, { recursive: true, force: true }));
  mkdirSync(join(path, 'agent'), { recursive: true });
  return path;
};

const write = (data: string, name: string, value: unknown) => writeFileSync(join(data, 'agent', name), JSON.stringify(value));

/** An agent that has sent its first row. */
const startReporting = async () => {
  const broker = await startTestBroker();
  open.push(broker.close);
  const data = folder();
  write(data, 'identity.json', { device: 'pi-1', key: 'k', address: broker.address, pin: null });
  const { child } = startAgent(data, ['run']);
  await until(() => broker.messages.some(({ kind }) => kind === 'report'));
  return { broker, child, data };
};

/** The newest value of a series, as the hub would read it. */
const newest = (messages: readonly BrokerMessage[], key: string): number | null | undefined => {
  const report = messages.findLast(({ kind }) => kind === 'report')?.body;
  const lists = messages.filter(({ kind }) => kind === 'birth').flatMap(({ body }) => body.columns);
  const at = lists.find(({ id }) => id === report?.columns)?.list.indexOf(key);
  return at === undefined || at < 0 ? undefined : report?.rows.at(-1)?.[at + 2];
};

describe('the built agent under its shipped flags', () => {
  it('reports this machine and a reward, and says goodbye on SIGTERM', async () => {
    const broker = await startTestBroker();
    const wei = '177441154036585529047';
    const service = await startHttpServer(() => ({ text: `{"total": ${wei}, "peers": 12}` }));
    open.push(broker.close, service.close);
    const data = folder();
    write(data, 'identity.json', { device: 'pi-1', key: 'k', address: broker.address, pin: null });
    const config = { name: 'dimo', url: service.url, extract: 'total', token: 'DIMO', decimals: 18, account: 'a' };
    write(data, 'settings.json', {
      agent: { interval_ms: 250 },
      networks: [{ network: 'json', config: { ...config, metrics: [{ path: 'peers', metric: 'peers' }] } }],
    });
    const { child, ended, output } = startAgent(data, ['run'], { MUSTER_LOG: 'json' });
    await until(() => newest(broker.messages, 'dimo.peers') === 12);
    await until(() => broker.messages.some(({ kind }) => kind === 'rewards'));
    // As it was when the row was made: on a busy machine that may be long ago.
    const age = (Date.now() - (broker.messages.findLast(({ kind }) => kind === 'report')?.body.rows.at(-1)?.[1] ?? 0)) / 1_000;
    const uptime = Number(readFileSync('/proc/uptime', 'utf8').split(' ')[0]) - age;
    expect(Math.abs((newest(broker.messages, 'system.uptime') ?? 0) - uptime)).toBeLessThan(5);
    expect(newest(broker.messages, 'muster.agent.probe.success{probe=uptime}')).toBe(1);
    const reading = broker.messages.find(({ kind }) => kind === 'rewards')?.body.readings[0];
    expect(reading).toMatchObject({ network: 'dimo', source: 'json', amount: wei, exact: true });
    // The inventory comes from a child and is told in a further birth.
    await until(() => broker.messages.some(({ kind, body }) => kind === 'birth' && 'virtual' in body.about));
    child.kill('SIGTERM');
    expect(await ended).toBe(0);
    expect(broker.messages.at(-1)).toMatchObject({ kind: 'event', body: { event: 'stopping' } });
    for (const { kind, body } of broker.messages) {
      expect(decodeMessage(kind as 'birth', Buffer.from(JSON.stringify(body)))).toMatchObject({ ok: true });
    }
    const identities = broker.messages
      .filter(({ kind }) => kind !== 'birth')
      .flatMap(({ kind, body }) => (kind === 'report' ? body.rows.map(([seq]) => seq) : [body.seq]));
    expect(new Set(identities).size).toBe(identities.length);
    expect(output()).toContain('Muster agent started');
  });

  it.each<[string, (child: ChildProcess) => void]>([
    ['SIGHUP', (child) => child.kill('SIGHUP')],
    ['its parent lets go of it', (child) => child.disconnect()],
  ])('says goodbye and ends on: %s', async (_what, tell) => {
    const { broker, child } = await startReporting();
    // Node never says "close" of a child whose channel was let go.
    const exit = once(child, 'exit');
    tell(child);
    expect(await exit).toEqual([0, null]);
    expect(broker.messages.at(-1)).toMatchObject({ kind: 'event', body: { event: 'stopping' } });
  });

  it('leaves a will of its session when it is killed', async () => {
    const { broker, child } = await startReporting();
    child.kill('SIGKILL');
    await until(() => broker.messages.at(-1)?.kind === 'status');
    const { boot, session } = broker.messages[0]?.body ?? {};
    expect(broker.messages.at(-1)?.body).toEqual({ boot, session, state: 'lost' });
  });

  it('ends with 75, after an event and a goodbye, when it holds more memory than it may', async () => {
    const broker = await startTestBroker();
    open.push(broker.close);
    const data = folder();
    const hog = join(data, 'hog.cjs');
    writeFileSync(hog, 'globalThis.hog = Buffer.alloc(100_000_000, 1);');
    write(data, 'identity.json', { device: 'pi-1', key: 'k', address: broker.address, pin: null });
    write(data, 'settings.json', { agent: { interval_ms: 250, memory_mb: 64 } });
    const { ended, output } = startNode([...AGENT_FLAGS, '--require', hog, MAIN, 'run'], { MUSTER_DATA: data });
    expect(await ended).toBe(75);
    expect(output()).toContain('more memory than it may');
    const events = broker.messages.filter(({ kind }) => kind === 'event').map(({ body }) => body.event);
    expect(events).toEqual(['memory_ceiling', 'stopping']);
  });

  it('refuses a folder that another agent uses', async () => {
    const { data, child } = await startReporting();
    const { ended, output } = startAgent(data, ['run']);
    expect(await ended).toBe(1);
    expect(output()).toContain(`Another agent (process ${child.pid}) already uses ${join(data, 'agent', 'spool')}`);
  });

  it('says in one line what is wrong, and ends with 1', async () => {
    const data = folder();
    const cases: [string[], string][] = [
      [['run'], 'has not joined a hub'],
      [['fly'], '"fly" is not a verb'],
      [['run', '--agent.interval_ms', '1'], 'it must be a whole number from 250'],
      [['probe', '--agent.skip_probes', 'gpu'], 'names "gpu", which is not a probe; known are '],
      [['run', '--agent.memory_mb', '8'], 'it must be a whole number from 64'],
      [['probe', '--log_level', 'debug'], '--log_level is not a setting'],
      [['run', '--quiet'], '--quiet belongs to "muster-agent join"'],
      [['run', '--token', 'x'], '--token belongs to "muster-agent join"'],
    ];
    for (const [verb, sentence] of cases) {
      const { ended, output } = startAgent(data, verb);
      expect(await ended).toBe(1);
      expect(output()).toContain(sentence);
    }
  });

  it('shows what it would report, and names the probes that are not on this machine', async () => {
    const { ended, output } = startAgent(folder(), ['probe']);
    expect(await ended).toBe(0);
    expect(output()).toMatch(/system\.uptime +\d+/);
    expect(output()).toContain('not on this machine');
  });
});

/** All that the program loads, then a week of rows that no hub takes, as long as numbers get, and a third of it taken. */
const FULL_SPOOL = `
  const at = (name) => import(new URL(name + '.js', process.argv[1]).href);
  const [{ createDurableSpool }, { createSpoolFiles }, { createOutbox }] = await Promise.all(
    ['spool/durable', 'spool/files', 'outbox', 'agent', 'link', 'verbs'].map(at));
  const quiet = () => {};
  const clock = { now: Date.now, monotonic: () => performance.now(), after: () => quiet, every: () => quiet };
  const log = { debug: quiet, info: quiet, warn: quiet, error: quiet };
  const list = Array.from({ length: 60 }, (_, n) => 'a.metric.with.a.name{number=' + n + '}');
  const [, folder, bytes, on_disk] = process.argv.slice(1);
  const files = createSpoolFiles(folder);
  if (on_disk === 'no') files.write = () => { throw new Error('the disk is full'); };
  const spool = createDurableSpool(
    { files, lock: () => quiet, clock, log, describe: () => ({ list, metrics: [] }), now: () => null },
    { bytes: Number(bytes), days: 7, sync_ms: 10_000 });
  let dropped = 0;
  spool.dropped.on(({ items }) => { dropped += items; });
  spool.open();
  const outbox = createOutbox(spool, 'pi-1', new Uint8Array(8));
  for (let n = 0; n < 60_000; n++) outbox.row({ ts: n }, '00000000', Array.from({ length: 60 }, () => Math.random() * 1e6));
  const kept = spool.length;
  let first = 0;
  for (let n = 0; n < 20_000; ) {
    const items = spool.oldest({ items: 500, bytes: 64_000 });
    if (items.length === 0) break;
    first ||= items[0].seq;
    n += items.length;
    spool.remove(items);
  }
  console.log(JSON.stringify({ kept, dropped, first, heap: process.memoryUsage().heapUsed, bytes: spool.bytes }));`;

describe('a spool that nobody empties', () => {
  it.each<[string, number, string]>([
    ['on disk', 256_000_000, 'yes'],
    ['on a disk with little room', 16_000_000, 'yes'],
    ['in memory, as the disk is full', 256_000_000, 'no'],
  ])(
    'does not end the agent under its shipped flags: %s',
    async (where, bytes, on_disk) => {
      const at = pathToFileURL(MAIN).href;
      const words = [at, folder(), `${bytes}`, on_disk];
      const { ended, output } = startNode([...AGENT_FLAGS, '--input-type=module', '-e', FULL_SPOOL, ...words]);
      expect(await ended, output().slice(-2_000)).toBe(0);
      const { kept, dropped, first, heap } = JSON.parse(output());
      expect([kept + dropped, first]).toEqual([60_000, dropped + 1]);
      expect(kept).toBeGreaterThan(4_000);
      expect(heap).toBeLessThan(32 << 20);
      console.log(`figure: ${kept} of 60,000 rows kept ${where}: heap ${(heap / 1e6).toFixed(1)} MB`);
    },
    60_000,
  );
});

describe('the program file', () => {
  it('names the flags that other starters use', () => {
    const [first] = readFileSync(join(ROOT, 'bin', 'muster-agent.mjs'), 'utf8').split('\n');
    expect(first).toBe(`#!/usr/bin/env -S node ${AGENT_FLAGS.join(' ')}`);
  });
});

describe('the inventory', () => {
  it('falls back to plain facts when its child fails or talks nonsense', async () => {
    const program = join(folder(), 'child.mjs');
    for (const text of ['process.exit(3)', 'console.log("hello")', 'console.log("null")']) {
      writeFileSync(program, text);
      expect(await createInventory(silentLog, program)()).toEqual(plainFacts());
    }
    writeFileSync(program, 'console.log(JSON.stringify({ model: "Pi 5", cpu: null, nested: {}, path: process.env.HOME ?? "" }))');
    expect(await createInventory(silentLog, program)()).toEqual({ ...plainFacts(), model: 'Pi 5' });
  });

  it('needs a systeminformation without the known command injections', () => {
    const file = createRequire(import.meta.url).resolve('systeminformation/package.json');
    expect(dirname(file)).toBeTruthy();
    const [major = 0, minor = 0, patch = 0] = JSON.parse(readFileSync(file, 'utf8')).version.split('.').map(Number);
    expect(major * 1e6 + minor * 1e3 + patch).toBeGreaterThanOrEqual(5_031_007);
  });
});
