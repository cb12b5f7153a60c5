import * as v from 'valibot';
import { METRIC_ID } from './metrics.js';
import { secret, url } from './schema.js';

/** A preset: a network as data. Its parts are general kinds (`json`, `erc20`, …) whose configuration has `{{placeholders}}`. */
const placeholder = v.object({
  title: v.pipe(v.string(), v.minLength(1)),
  type: v.optional(v.picklist(['text', 'url', 'number']), 'text'),
  secret: v.optional(v.boolean(), false),
  /** May be left out: then parts that need it are left out too. */
  optional: v.optional(v.boolean(), false),
  example: v.optional(v.union([v.string(), v.number()])),
  default: v.optional(v.union([v.string(), v.number()])),
  /** Addresses that chains write in either case: one account must not be two. */
  lower: v.optional(v.boolean(), false),
  /** What a text must look like. */
  pattern: v.optional(v.string()),
});

const part = v.object({
  kind: v.string(),
  /** Placeholders without which this part is left out. */
  needs: v.optional(v.array(v.string()), []),
  config: v.record(v.string(), v.unknown()),
});

export const presetSchema = v.object({
  id: v.pipe(v.string(), v.regex(/^[a-z][a-z0-9_]{1,38}$/)),
  title: v.string(),
  docs: v.pipe(v.string(), v.url()),
  tokens: v.record(v.string(), v.number()),
  every: v.pipe(v.number(), v.integer(), v.minValue(5_000)),
  expects: v.object({ cadence: v.number(), silence_is_normal_for: v.number() }),
  settings: v.record(v.string(), placeholder),
  /** At most as many as one source may ask in its time. */
  parts: v.pipe(
    v.record(v.pipe(v.string(), v.regex(METRIC_ID)), part),
    v.check((parts) => Object.keys(parts).length >= 1 && Object.keys(parts).length <= 6, 'must hold 1 to 6 parts'),
  ),
});
export type Preset = v.InferOutput<typeof presetSchema>;
export type PresetPart = Preset['parts'][string];
export type Values = Readonly<Record<string, string | number | undefined>>;

/** The settings of a preset as the schema of a network. */
export const settingsSchema = ({ settings }: Preset) =>
  v.object(
    Object.fromEntries(
      Object.entries(settings).map(([name, one]) => {
        const schema = v.pipe(valueSchema(one), v.title(one.title));
        if (one.default === undefined) return [name, one.optional ? v.optional(schema) : schema];
        return [name, isMade(one.default) ? v.optional(schema) : v.optional(schema, one.default)];
      }),
    ),
  );

/** A default that is made of other settings. */
const isMade = (value: string | number): value is string => typeof value === 'string' && value.includes('{{');

const TEXT_CHARS = 500;
const valueSchema = ({
  type,
  secret: isSecret,
  pattern,
  example,
}: v.InferOutput<typeof placeholder>): v.GenericSchema<string | number> => {
  if (type === 'number') return v.pipe(v.number(), v.finite());
  if (type === 'url') return isSecret ? v.pipe(url(), v.metadata({ secret: true })) : url();
  const text = isSecret ? secret() : v.pipe(v.string(), v.minLength(1));
  return v.pipe(
    text,
    v.maxLength(TEXT_CHARS),
    v.regex(new RegExp(pattern ?? '^[^\\p{Cc}]*$', 'u'), `must look like ${example ?? 'plain text'}`),
  );
};

const PLACE = /\{\{([a-z][a-z0-9_]*)\}\}/g;
const WHOLE = /^\{\{([a-z][a-z0-9_]*)\}\}$/;

/** The configuration of a part; null when a setting that it needs was left out. */
export const fillPart = (preset: Preset, { needs, config }: PresetPart, given: Values): unknown | null => {
  const values = completed(preset, given);
  if (needs.some((name) => values[name] === undefined)) return null;
  const isAddress = (name: string) => preset.settings[name]?.type === 'url';
  return fill(config, { values, isAddress });
};

const completed = ({ settings }: Preset, given: Values): Values => {
  const lowered = Object.entries(given).map(([name, value]) => {
    return [name, settings[name]?.lower && typeof value === 'string' ? value.toLowerCase() : value];
  });
  const values: Values = Object.fromEntries(lowered);
  const made = Object.entries(settings).flatMap(([name, one]) => {
    if (values[name] !== undefined || one.default === undefined || !isMade(one.default)) return [];
    return [[name, fillText(one.default, { values, isAddress: () => false })]];
  });
  return { ...values, ...Object.fromEntries(made) };
};

interface Filling {
  values: Values;
  isAddress(name: string): boolean;
}

/** A field or item with a placeholder that has no value is left out. */
const fill = (node: unknown, filling: Filling): unknown => {
  if (typeof node === 'string') return fillText(node, filling);
  if (Array.isArray(node)) return node.map((item) => fill(item, filling)).filter((item) => item !== undefined);
  if (typeof node !== 'object' || node === null) return node;
  const entries = Object.entries(node).map(([key, value]) => [key, fill(value, filling)] as const);
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined));
};

const fillText = (text: string, { values, isAddress }: Filling): string | number | undefined => {
  const whole = WHOLE.exec(text)?.[1];
  if (whole !== undefined) return values[whole];
  const names = [...text.matchAll(PLACE)].map(([, name = '']) => name);
  if (names.some((name) => values[name] === undefined)) return undefined;
  const in_address = /^https?:/.test(text) || (text.startsWith('{{') && isAddress(names[0] ?? ''));
  return text.replace(PLACE, (_all, name: string) => {
    const value = String(values[name]);
    if (isAddress(name)) return value.replace(/\/+$/, '');
    return in_address ? encodeURIComponent(value) : value;
  });
};
