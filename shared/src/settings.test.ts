import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as v from 'valibot';
import { describe, expect, it } from 'vitest';
import { secret } from './schema.js';
import { envName, loadSettings, onOff, parseArguments, portNumber, setting, wholeNumber, word } from './settings.js';

const TABLE = {
  port: setting<number>({ name: 'http.port', help: 'Port of the dashboard', schema: portNumber(), default: 7480 }),
  level: setting<string>({ name: 'log', help: 'Form of log lines', schema: word(['text', 'json']), default: 'text' }),
  lan: setting<boolean>({ name: 'lan', help: 'Open to the network', schema: onOff(), default: false }),
  token: setting<string>({ name: 'admin_token', help: 'For automation', schema: secret(), default: '', secret: true }),
};
const NOTHING = { flags: {}, env: {}, file: null };
const fileWith = (text: string): string => {
  const path = join(mkdtempSync(join(tmpdir(), 'muster-settings-')), 'settings.json');
  writeFileSync(path, text);
  return path;
};

describe('settings', () => {
  it('have defaults', () => {
    expect(loadSettings(TABLE, NOTHING).values).toEqual({ port: 7480, level: 'text', lan: false, token: '' });
  });

  it('a flag beats the environment, which beats the file', () => {
    const file = fileWith('{"http": {"port": 1}, "log": "json"}');
    const env = { MUSTER_HTTP_PORT: '2' };
    expect(loadSettings(TABLE, { flags: { 'http.port': '3' }, env, file }).values.port).toBe(3);
    expect(loadSettings(TABLE, { flags: {}, env, file }).values.port).toBe(2);
    const { values, listed } = loadSettings(TABLE, { flags: {}, env: {}, file });
    expect(values).toMatchObject({ port: 1, level: 'json' });
    expect(listed.map(({ name, origin }) => [name, origin])).toEqual([
      ['http.port', 'file'],
      ['log', 'file'],
      ['lan', 'default'],
      ['admin_token', 'default'],
    ]);
  });

  it('an empty variable and a missing file are as if they were not there', () => {
    const sources = { flags: {}, env: { MUSTER_HTTP_PORT: '' }, file: '/nonexistent/settings.json' };
    expect(loadSettings(TABLE, sources).values.port).toBe(7480);
  });

  it('a bare flag switches on', () => {
    expect(loadSettings(TABLE, { ...NOTHING, flags: { lan: true } }).values.lan).toBe(true);
    expect(loadSettings(TABLE, { ...NOTHING, flags: { lan: 'off' } }).values.lan).toBe(false);
  });

  it.each([
    [{ flags: { 'http.port': '70000' } }, '--http.port is "70000"; it must be a whole number from 0 to 65535'],
    [{ env: { MUSTER_HTTP_PORT: 'x' } }, 'MUSTER_HTTP_PORT is "x"; it must be a whole number from 0 to 65535'],
    [{ flags: { log: 'xml' } }, '--log is "xml"; it must be one of text, json'],
    [{ flags: { prot: '1' } }, '--prot is not a setting; known are http.port'],
  ])('a wrong one is a line naming it, its value and what is allowed: %j', (sources, line) => {
    expect(() => loadSettings(TABLE, { ...NOTHING, ...sources })).toThrow(line);
  });

  it('a wrong secret is not printed', () => {
    const sources = { ...NOTHING, flags: { admin_token: '' } };
    expect(() => loadSettings(TABLE, sources)).toThrow('--admin_token is (secret)');
  });

  it('a damaged file and an unknown name in it are refused, naming the file', () => {
    expect(() => loadSettings(TABLE, { ...NOTHING, file: fileWith('{') })).toThrow(/settings.json is not valid JSON/);
    expect(() => loadSettings(TABLE, { ...NOTHING, file: fileWith('{"http.prot": 1}') })).toThrow(
      /"http.prot" in .* is not a setting/,
    );
  });

  it.each(['[]', 'null', '"x"', '7'])('a file that holds %s and no object is refused', (text) => {
    expect(() => loadSettings(TABLE, { ...NOTHING, file: fileWith(text) })).toThrow(/settings.json must hold one object/);
  });

  it('a name without a letter is refused, as a flag and in the file', () => {
    expect(() => loadSettings(TABLE, { ...NOTHING, flags: { '': 'x' } })).toThrow('-- is not a setting');
    for (const text of ['{"": 1}', '{"": {"http.port": 1}}', '{"http": {"": 1}}', '{"__proto__": 1}'])
      expect(() => loadSettings(TABLE, { ...NOTHING, file: fileWith(text) })).toThrow('is not a setting');
  });

  it('a setting that takes a list or an object gets it whole, also when it is empty', () => {
    const schema = v.array(v.object({ network: v.string(), config: v.optional(v.record(v.string(), v.unknown())) }));
    const table = { networks: setting({ name: 'networks', help: '', schema, default: [], secret: true }) };
    const load = (text: string) => loadSettings(table, { ...NOTHING, file: fileWith(text) }).values.networks;
    const list = [{ network: 'json', config: { deep: { url: 'x' } } }];
    expect(load(JSON.stringify({ networks: list }))).toEqual(list);
    for (const wrong of ['{"networks": {}}', '{"networks": {"network": "json"}}']) {
      expect(() => load(wrong)).toThrow(/"networks" in .* is \(secret\); it must be a list$/);
    }
    expect(() => load('{"networks": [{}]}')).toThrow(/is \(secret\); field "0.network" is missing$/);
    expect(() => load('{"networks": null}')).toThrow('must be a list');
  });

  it('one that is also the first word of others may be given both ways', () => {
    const level = setting<string>({ name: 'log.level', help: '', schema: word(['info', 'debug']), default: 'info' });
    const table = { form: TABLE.level, level };
    const load = (text: string) => loadSettings(table, { ...NOTHING, file: fileWith(text) }).values;
    expect(load('{"log": {"level": "debug"}}')).toEqual({ form: 'text', level: 'debug' });
    expect(load('{"log": "json", "log.level": "debug"}')).toEqual({ form: 'json', level: 'debug' });
    expect(() => load('{"log": ["json"]}')).toThrow('is ["json"]; it must be one of text, json');
  });

  it('have the names that flags and variables derive from', () => {
    expect(envName('http.port')).toBe('MUSTER_HTTP_PORT');
  });

  it('whole numbers come as text or number, nothing else', () => {
    const table = { n: setting<number>({ name: 'n', help: '', schema: wholeNumber(1, 10), default: 1 }) };
    const load = (value: string) => loadSettings(table, { ...NOTHING, flags: { n: value } }).values.n;
    expect(load('10')).toBe(10);
    for (const wrong of ['0', '11', '1.5', '1e1', '']) expect(() => load(wrong)).toThrow(/whole number from 1 to 10/);
  });
});

it('arguments are flags and words', () => {
  const { flags, words } = parseArguments(['invite', '--uses', '3', '--device=a=b', '--lan', 'rest', '--json'], new Set(['lan']));
  expect(words).toEqual(['invite', 'rest']);
  expect(flags).toEqual({ uses: '3', device: 'a=b', lan: true, json: true });
});
