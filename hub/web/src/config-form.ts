import { type ConfigSchema, FormError } from './client.js';

/** A form from the JSON schema of a configuration: each field is text here and a value there. */
export interface Field {
  name: string;
  kind: 'text' | 'long' | 'secret' | 'number' | 'choice' | 'switch' | 'list' | 'json';
  required: boolean;
  choices: string[];
  hint: string;
  /** What it is called, and a sentence about it. */
  title: string;
  help: string;
}

export const fieldsOf = ({ properties = {}, required = [] }: ConfigSchema): Field[] =>
  Object.entries(properties).map(([name, schema]) => ({
    name,
    kind: LONG.test(name) && kindOf(schema) === 'text' ? 'long' : kindOf(schema),
    required: required.includes(name),
    choices: (schema.enum ?? []).map(String),
    hint: schema.default === undefined || kindOf(schema) === 'list' ? '' : shown(schema.default),
    title: schema.title ?? titleOf(name),
    help: schema.description ?? (kindOf(schema) === 'list' ? helpOfList(schema) : ''),
  }));

/** `from_address` is `From address`. */
const titleOf = (name: string): string =>
  /^urls?$/.test(name) ? name.replace('url', 'URL') : `${name.slice(0, 1).toUpperCase()}${name.slice(1).replaceAll('_', ' ')}`;

/** Texts of several lines. */
const LONG = /_template$/;

const helpOfList = ({ items }: ConfigSchema): string => ['One on a line', items?.description].filter(Boolean).join(': ');

const kindOf = ({ type, enum: choices, format, items }: ConfigSchema): Field['kind'] => {
  if (choices) return 'choice';
  if (format === 'password') return 'secret';
  if (type === 'boolean') return 'switch';
  if (type === 'number' || type === 'integer') return 'number';
  if (type === 'array' && items?.type === 'string') return 'list';
  return type === 'string' ? 'text' : 'json';
};

const shown = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value));

export const textsOf = (fields: readonly Field[], config: Record<string, unknown>): Record<string, string> =>
  Object.fromEntries(
    fields.map(({ name, kind }) => {
      const value = config[name];
      if (value === undefined) return [name, ''];
      if (kind === 'list' && Array.isArray(value)) return [name, value.join('\n')];
      return [name, kind === 'json' ? JSON.stringify(value, null, 1) : shown(value)];
    }),
  );

/** Empty fields are left out: they take their default, and a secret stays as it is. */
export const configOf = (fields: readonly Field[], texts: Record<string, string>): Record<string, unknown> =>
  Object.fromEntries(
    fields.flatMap((field) => {
      const text = texts[field.name]?.trim() ?? '';
      return text === '' ? [] : [[field.name, parsed(field, text)]];
    }),
  );

const parsed = ({ name, kind }: Field, text: string): unknown => {
  if (kind === 'switch') return text === 'true';
  if (kind === 'number') {
    if (Number.isFinite(Number(text))) return Number(text);
    throw new FormError(`${name} must be a number.`);
  }
  if (kind === 'list' && !text.startsWith('[')) return text.split('\n').flatMap((line) => line.trim() || []);
  if (kind !== 'json' && kind !== 'list') return text;
  try {
    return JSON.parse(text);
  } catch {
    // A field of any type: what is no JSON is text.
    if (/^[[{"]/.test(text)) throw new FormError(`${name} is not valid JSON.`);
    return text;
  }
};
