import { readFileSync } from 'node:fs';
import * as v from 'valibot';
import { AppError } from './errors.js';
import { problemOf } from './schema.js';

/** Settings: one list of declarations per program; flag `--http.port` = env `MUSTER_HTTP_PORT` = `http.port` in its file. */
export interface SettingDeclaration<T = unknown> {
  name: string;
  help: string;
  /** From the text of a flag or variable, or the JSON value of the file. */
  schema: v.GenericSchema<unknown, T>;
  default: T;
  /** Shown as dots, never printed. */
  secret?: boolean;
}

export type Origin = 'default' | 'file' | 'environment' | 'flag';
export interface SettingValue {
  name: string;
  value: unknown;
  origin: Origin;
  secret: boolean;
  help: string;
}

export type SettingsTable = Record<string, SettingDeclaration>;
export type SettingsOf<T extends SettingsTable> = { [K in keyof T]: T[K] extends SettingDeclaration<infer V> ? V : never };

export const setting = <T>(declaration: SettingDeclaration<T>): SettingDeclaration<T> => declaration;

/** Text of a flag or variable as a whole number. */
export const wholeNumber = (min: number, max: number) => {
  const allowed = `must be a whole number from ${min} to ${max}`;
  const text = v.pipe(v.string(), v.regex(/^-?\d+$/), v.transform(Number));
  return v.pipe(v.union([v.number(), text], allowed), v.integer(allowed), v.minValue(min, allowed), v.maxValue(max, allowed));
};
export const portNumber = () => wholeNumber(0, 65_535);
export const word = (allowed: readonly string[] = []) =>
  allowed.length
    ? v.picklist([...allowed], `must be one of ${allowed.join(', ')}`)
    : v.pipe(v.string(), v.minLength(1, 'must not be empty'));
export const onOff = () =>
  v.union(
    [
      v.boolean(),
      v.pipe(
        v.picklist(['true', 'false', 'on', 'off', '1', '0', '']),
        v.transform((text) => ['true', 'on', '1', ''].includes(text)),
      ),
    ],
    'must be true or false',
  );

export const envName = (name: string): string => `MUSTER_${name.replaceAll('.', '_').toUpperCase()}`;

export interface SettingSources {
  flags: Record<string, string | true>;
  env: Record<string, string | undefined>;
  /** Path of the settings file; missing is fine, damaged is an error. */
  file: string | null;
}

/** Values and their origins; throws `bad_settings`, one line naming the setting, the value and what is allowed. */
export const loadSettings = <T extends SettingsTable>(table: T, sources: SettingSources) => {
  const known = Object.values(table).map(({ name }) => name);
  const file = sources.file ? readSettingsFile(sources.file, known) : {};
  refuseUnknown(known, sources.flags, file, sources.file);
  const listed = Object.values(table).map((declaration) => resolve(declaration, sources, file));
  const keys = Object.keys(table);
  const values = Object.fromEntries(listed.map((entry, index) => [keys[index], entry.value])) as SettingsOf<T>;
  return { values, listed };
};

const resolve = (declaration: SettingDeclaration, sources: SettingSources, file: Record<string, unknown>): SettingValue => {
  const { name, help, secret = false } = declaration;
  const [origin, raw] = find(name, sources, file);
  if (origin === 'default') return { name, help, secret, origin, value: declaration.default };
  const result = v.safeParse(declaration.schema, raw === true ? '' : raw, { abortPipeEarly: true });
  if (result.success) return { name, help, secret, origin, value: result.output };
  const shown = secret ? '(secret)' : typeof raw === 'string' ? `"${raw}"` : JSON.stringify(raw);
  const where = origin === 'environment' ? envName(name) : origin === 'flag' ? `--${name}` : `"${name}" in ${sources.file}`;
  const [issue] = result.issues;
  const problem = `${v.getDotPath(issue) ? '' : 'it '}${problemOf(issue)}`;
  throw new AppError('bad_settings', `Setting ${where} is ${shown}; ${problem}`, { path: name });
};

const find = (name: string, sources: SettingSources, file: Record<string, unknown>): [Origin, unknown] => {
  if (Object.hasOwn(sources.flags, name)) return ['flag', sources.flags[name]];
  const variable = sources.env[envName(name)];
  if (variable !== undefined && variable !== '') return ['environment', variable];
  if (Object.hasOwn(file, name)) return ['file', file[name]];
  return ['default', undefined];
};

const readSettingsFile = (path: string, known: readonly string[]): Record<string, unknown> => {
  const text = readIfThere(path);
  if (text === null) return {};
  const value = asJson(text, path);
  if (isObject(value)) return Object.fromEntries(Object.entries(value).flatMap(([key, inner]) => flatten(key, inner, known)));
  throw new AppError('bad_settings', `The settings file ${path} must hold one object, such as {"log": "json"}`, { path });
};

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null && !Array.isArray(value);

const asJson = (text: string, path: string): unknown => {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new AppError('bad_settings', `The settings file ${path} is not valid JSON; mend or remove it`, { path }, { cause });
  }
};

const readIfThere = (path: string): string | null => {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw new AppError('bad_settings', `The settings file ${path} cannot be read; check its permissions`, { path }, { cause });
  }
};

/** `{"http": {"port": 1}}` and `{"http.port": 1}` mean the same; an object that is no group of settings is a value. */
const flatten = (name: string, value: unknown, known: readonly string[]): [string, unknown][] => {
  const isGroup = isObject(value) && known.some((one) => one.startsWith(`${name}.`));
  if (!isGroup) return [[name, value]];
  return Object.entries(value).flatMap(([key, inner]) => flatten(`${name}.${key}`, inner, known));
};

const refuseUnknown = (
  known: readonly string[],
  flags: Record<string, unknown>,
  file: Record<string, unknown>,
  path: string | null,
) => {
  const stray = Object.keys(flags).find((name) => !known.includes(name));
  if (stray !== undefined)
    throw new AppError('bad_settings', `--${stray} is not a setting; known are ${known.join(', ')}`, { path: stray });
  const odd = Object.keys(file).find((name) => !known.includes(name));
  if (odd !== undefined)
    throw new AppError('bad_settings', `"${odd}" in ${path} is not a setting; known are ${known.join(', ')}`, { path: odd });
};

/** `--name value`, `--name=value` and bare `--name`; the rest are words. */
export const parseArguments = (argv: readonly string[], bare: ReadonlySet<string> = new Set()) => {
  const flags: Record<string, string | true> = {};
  const words: string[] = [];
  for (let i = 0; i < argv.length; i++) {
    const arg = argv[i] ?? '';
    if (!arg.startsWith('--')) words.push(arg);
    else {
      const [name = '', ...rest] = arg.slice(2).split('=');
      const next = argv[i + 1];
      if (rest.length) flags[name] = rest.join('=');
      else if (bare.has(name) || next === undefined || next.startsWith('--')) flags[name] = true;
      else {
        flags[name] = next;
        i++;
      }
    }
  }
  return { flags, words };
};
