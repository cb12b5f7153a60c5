import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { makeFolder, startHub, startProgram, until } from '../testing/processes.js';

/** What wrong settings, a busy port and a damaged database get. */
const folders = Array.from({ length: 6 }, makeFolder);
afterAll(() => {
  for (const folder of folders) folder.remove();
});

const ports = { MUSTER_HTTP_PORT: '0', MUSTER_HTTPS_PORT: '0', MUSTER_MQTT_PORT: '0', MUSTER_MQTTS_PORT: '0' };
const serve = async (data: string, env: Record<string, string>, words: string[] = []) => {
  const program = startProgram('hub/dist/main.js', ['serve', ...words], { MUSTER_DATA: data, ...ports, ...env });
  return { code: await program.ended, lines: program.output().trim().split('\n') };
};

it.each([
  [{ MUSTER_HTTP_PORT: 'eighty' }, [], ['MUSTER_HTTP_PORT', 'eighty', '0 to 65535']],
  [{ MUSTER_ADMIN_TOKEN: 'short' }, [], ['MUSTER_ADMIN_TOKEN', '16 characters']],
  [{}, ['--http.prt', '1'], ['--http.prt', 'http.port']],
  [{ MUSTER_PUBLIC_URL: 'https://my hub' }, [], ['MUSTER_PUBLIC_URL', 'my hub', 'https://muster.example.org']],
  [{ MUSTER_LOG: 'xml' }, [], ['MUSTER_LOG', 'xml', 'text, json']],
])('a wrong setting %j %j is one line that names it and what is allowed', { timeout: 30_000 }, async (env, words, parts) => {
  const { code, lines } = await serve(folders[0]?.path ?? '', env, words);
  expect(code).toBe(1);
  expect(lines).toHaveLength(1);
  for (const part of parts) expect(lines[0]).toContain(part);
  expect(lines[0]).not.toContain('short');
});

it('a busy port says which setting to change', { timeout: 60_000 }, async () => {
  const hub = await startHub(folders[1]?.path ?? '');
  for (const [name, address] of [
    ['MUSTER_HTTP_PORT', hub.addresses.http],
    ['MUSTER_MQTT_PORT', hub.addresses.mqtt],
  ] as const) {
    const { code, lines } = await serve(folders[2]?.path ?? '', { [name]: new URL(address).port });
    expect(code).toBe(1);
    expect(lines).toHaveLength(1);
    expect(lines[0]?.split(name)).toHaveLength(2);
  }
  await hub.stop();
});

it('a second hub on the same folder is refused, and a restore too, also while the first is frozen', {
  timeout: 60_000,
}, async () => {
  const data = folders[1]?.path ?? '';
  const hub = await startHub(data);
  const refused = async () => {
    const restore = startProgram('hub/dist/main.js', ['restore', join(data, 'hub', 'muster.db')], { MUSTER_DATA: data });
    const second = await serve(data, {});
    expect([second.code, await restore.ended]).toEqual([1, 1]);
    for (const text of [second.lines.join('\n'), restore.output()]) expect(text).toContain('already');
  };
  await refused();
  hub.signal('SIGSTOP');
  await refused();
  await hub.stop();
  await (await startHub(data)).stop();
});

it('of two hubs started at once on one folder one runs, and a killed one leaves the folder free', {
  timeout: 60_000,
}, async () => {
  const env = { MUSTER_DATA: folders[4]?.path ?? '', MUSTER_LOG: 'json', ...ports };
  const hubs = [0, 1].map(() => startProgram('hub/dist/main.js', ['serve'], env));
  const first = await Promise.race(hubs.map((one) => one.ended));
  expect(first).toBe(1);
  await until('the sentence of the other', () => hubs.some((one) => one.output().includes('already')));
  for (const one of hubs) one.signal('SIGKILL');
  expect(new Set(await Promise.all(hubs.map((one) => one.ended)))).toEqual(new Set([1, 'SIGKILL']));
  await (await startHub(folders[4]?.path ?? '')).stop();
});

it.each(['check', 'backup', 'restore'])('muster-hub %s names a file that is no database', { timeout: 60_000 }, async (verb) => {
  const data = folders[5]?.path ?? '';
  mkdirSync(join(data, 'hub'), { recursive: true });
  const file = join(data, 'hub', 'muster.db');
  writeFileSync(file, 'this is not a database. '.repeat(100));
  const words = { check: [], backup: [join(data, 'copy.db')], restore: [file] }[verb] ?? [];
  const program = startProgram('hub/dist/main.js', [verb, ...words], { MUSTER_DATA: data });
  expect(await program.ended).toBe(1);
  expect(program.output()).toContain(file);
  expect(program.output()).toContain('not a database');
});

it('a damaged database is told and left as it is', { timeout: 60_000 }, async () => {
  const data = folders[3]?.path ?? '';
  mkdirSync(join(data, 'hub'), { recursive: true });
  const file = join(data, 'hub', 'muster.db');
  writeFileSync(file, 'this is not a database, but somebody may still want it. '.repeat(100));
  const before = readFileSync(file);
  const { code, lines } = await serve(data, {});
  expect(code).toBe(1);
  expect(lines.join('\n')).toMatch(/damaged|not a database/);
  expect(lines.join('\n')).toContain('muster.db');
  expect(readFileSync(file).equals(before)).toBe(true);
});

it('a verb whose hub does not answer says whose, and how to start it', { timeout: 60_000 }, async () => {
  const data = folders[1]?.path ?? '';
  const hub = await startHub(data);
  const control = readFileSync(join(data, 'hub', 'control.json'), 'utf8');
  await hub.stop();
  // As after a crash, when the pid belongs to another program by now.
  writeFileSync(join(data, 'hub', 'control.json'), JSON.stringify({ ...JSON.parse(control), pid: process.pid }));
  for (const words of [['invite'], ['user', 'list'], ['token', 'list']]) {
    const program = startProgram('hub/dist/main.js', words, { MUSTER_DATA: data });
    expect(await program.ended).toBe(1);
    expect(program.output()).toBe(`The hub of ${data} does not answer; start it with npm start\n`);
  }
});
