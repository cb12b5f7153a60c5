import { type ConfigSchema, FormError } from './client.js';
import { formatValue, isShare, unitWord } from './format.js';
import { bytesText, parseBytes, parseNumber, parseShare, parseSpan, shareText, spanText } from './quantities.js';

/** The form of a rule, from the JSON schema of its declaration: what each field is, its text here and its value there. Pure. */
export type RuleFieldKind =
  | 'span'
  | 'seconds'
  | 'share'
  | 'bytes'
  | 'level'
  | 'number'
  | 'count'
  | 'switch'
  | 'choice'
  | 'metric'
  | 'labels'
  | 'words'
  | 'text';

export interface RuleField {
  /** `soc.warning` stands in the group `soc`. */
  path: string;
  kind: RuleFieldKind;
  title: string;
  help: string;
  /** Null and "not given" are two things: an empty field is null. */
  nullable: boolean;
  required: boolean;
  choices: string[];
  unit: string;
  /** What holds where it is left empty. */
  fallback: unknown;
  group: string | null;
}

/** What the levels of a rule are in. */
export interface LevelUnit {
  metric: string;
  unit: string;
  /** What the metric is called. */
  title?: string | undefined;
}
export const NO_UNIT: LevelUnit = { metric: '', unit: '1' };

export const ruleFieldsOf = (schema: ConfigSchema, group: { path: string; title: string } | null = null): RuleField[] => {
  const { properties = {}, required = [] } = schema;
  return Object.entries(properties).flatMap(([name, given]) => {
    const path = group ? `${group.path}.${name}` : name;
    const title = given.title ?? name.replaceAll('_', ' ');
    if (given.type === 'object' && given.properties) return ruleFieldsOf(given, { path, title });
    const inner = given.anyOf?.find(({ type }) => type !== 'null');
    const facts = inner ? { ...given, ...inner } : given;
    return [
      {
        path,
        title,
        kind: kindOf(name, facts, 'metric' in properties),
        help: given.description ?? '',
        nullable: given.anyOf?.some(({ type }) => type === 'null') ?? false,
        required: required.includes(name),
        choices: (facts.enum ?? []).map(String),
        unit: given.unit ?? '',
        fallback: given.default,
        group: group?.title ?? null,
      },
    ];
  });
};

const kindOf = (name: string, facts: ConfigSchema, of_metric: boolean): RuleFieldKind => {
  const { type, maximum } = facts;
  if (facts.enum) return 'choice';
  if (type === 'boolean') return 'switch';
  if (type === 'integer' || type === 'number') {
    if (name.endsWith('_ms')) return 'span';
    if (name.endsWith('_s')) return 'seconds';
    if (name.endsWith('_bytes')) return 'bytes';
    if (maximum !== undefined && maximum <= 1) return 'share';
    if (of_metric) return 'level';
    return type === 'integer' ? 'count' : 'number';
  }
  if (type === 'array') return 'words';
  if (type === 'object') return 'labels';
  return name === 'metric' ? 'metric' : 'text';
};

export type Texts = Record<string, string>;
export type Config = Record<string, unknown>;

const valueAt = (config: Config, path: string): unknown =>
  path
    .split('.')
    .reduce<unknown>((at, name) => (typeof at === 'object' && at !== null ? (at as Config)[name] : undefined), config);

export const ruleTextsOf = (fields: readonly RuleField[], config: Config, unit: LevelUnit): Texts =>
  Object.fromEntries(fields.map((field) => [field.path, fieldText(field, valueAt(config, field.path), unit)]));

/** As it is typed. */
export const fieldText = ({ kind }: RuleField, value: unknown, unit: LevelUnit): string => {
  if (value === undefined || value === null) return '';
  if (kind === 'span') return spanText(Number(value));
  if (kind === 'seconds') return spanText(Math.round(Number(value) * 1000));
  if (kind === 'bytes') return bytesText(Number(value));
  if (kind === 'share') return shareText(Number(value));
  if (kind === 'level') return levelText(Number(value), unit);
  if (kind === 'words') return (value as unknown[]).join(', ');
  if (kind === 'labels') return labelsText(value as Record<string, string>);
  return String(value);
};

const labelsText = (labels: Record<string, string>): string =>
  Object.entries(labels)
    .map(([name, text]) => `${name}=${text}`)
    .join(', ');

const levelText = (value: number, { metric, unit }: LevelUnit): string => {
  if (isShare(metric, unit)) return shareText(value);
  return unit === 'By' ? bytesText(value) : String(value);
};

/** What stands behind the field, where the number alone does not say it. */
export const fieldUnit = ({ kind, unit: own }: RuleField, { metric, unit }: LevelUnit): string => {
  if (kind === 'share') return '%';
  if (kind === 'level') return isShare(metric, unit) ? '%' : unit === 'By' ? '' : unitWord(unit);
  return own === '' ? '' : unitWord(own);
};

/** What the person must put right is said with the title of the field. */
export const ruleConfigOf = (fields: readonly RuleField[], texts: Texts, unit: LevelUnit): Config => {
  const config: Config = {};
  for (const field of fields) {
    const text = texts[field.path]?.trim() ?? '';
    if (text === '' && field.required) throw new FormError(`${nameOf(field)} is missing.`);
    if (text !== '') put(config, field.path, read(field, text, unit));
    else if (field.nullable) put(config, field.path, null);
  }
  return config;
};

const put = (config: Config, path: string, value: unknown): void => {
  const [first = '', ...rest] = path.split('.');
  if (rest.length === 0) {
    config[first] = value;
    return;
  }
  const inner = (config[first] ?? {}) as Config;
  config[first] = inner;
  put(inner, rest.join('.'), value);
};

const nameOf = ({ group, title }: RuleField): string => (group ? `${group}, ${title.toLowerCase()}` : title);

const EXPECTED: Partial<Record<RuleFieldKind, string>> = {
  span: 'a time with its unit, such as 20 s, 10 min or 2 h',
  seconds: 'a time with its unit, such as 5 s or 500 ms',
  bytes: 'a size, such as 10 GB',
  share: 'a percentage, such as 90',
  labels: 'pairs such as zone=cpu, with commas between',
};

const read = (field: RuleField, text: string, unit: LevelUnit): unknown => {
  const value = parsed(field, text, unit);
  if (value === null) throw new FormError(`${nameOf(field)} must be ${EXPECTED[field.kind] ?? 'a number'}.`);
  return value;
};

const parsed = ({ kind }: RuleField, text: string, { metric, unit }: LevelUnit): unknown => {
  if (kind === 'span') return parseSpan(text);
  if (kind === 'seconds') return inSeconds(parseSpan(text));
  if (kind === 'bytes') return parseBytes(text);
  if (kind === 'share') return parseShare(text);
  if (kind === 'level' && isShare(metric, unit)) return parseShare(text);
  if (kind === 'level' && unit === 'By') return parseBytes(text);
  if (kind === 'level' || kind === 'number' || kind === 'count') return parseNumber(text);
  if (kind === 'switch') return text === 'true';
  if (kind === 'words') return text.split(/[\s,]+/).filter(Boolean);
  return kind === 'labels' ? parseLabels(text) : text;
};

const inSeconds = (ms: number | null): number | null => (ms === null ? null : ms / 1000);

const parseLabels = (text: string): Record<string, string> | null => {
  const pairs = text.split(',').map((pair) => /^\s*([^=\s]+)\s*=\s*(.*?)\s*$/.exec(pair));
  return pairs.some((pair) => pair === null) ? null : Object.fromEntries(pairs.map((pair) => [pair?.[1] ?? '', pair?.[2] ?? '']));
};

// ---- in words

/** A rule as a sentence: titles of fields and their values, read one after the other. */
export const ruleWords = (fields: readonly RuleField[], config: Config, unit: LevelUnit): string => {
  const phrases: string[] = [];
  const groups = new Map<string, string[]>();
  for (const field of fields) {
    const value = valueAt(config, field.path);
    if (isUnsaid(field, value)) continue;
    if (field.group === null) phrases.push(phraseOf(field, value, unit));
    else groups.set(field.group, [...(groups.get(field.group) ?? []), shownValue(field, value, unit)]);
  }
  const grouped = [...groups].map(([title, values]) => `, ${within(title)} ${values.join(' / ')}`);
  const text = [...grouped, ...phrases].join('').replace(/^[ ,]+/, '');
  // The id of a metric stays as it is.
  if (/^[a-z_]+\./.test(text)) return text;
  return text === '' ? leftEmpty(fields) : text.slice(0, 1).toUpperCase() + text.slice(1);
};

/** It changes nothing: an instant, an empty list, a switch that is off. */
const isUnsaid = ({ kind }: RuleField, value: unknown): boolean => {
  if (value === undefined || value === null || value === false) return true;
  if (kind === 'span') return value === 0;
  return typeof value === 'object' && Object.keys(value).length === 0;
};

/** These go on with the phrase before them. */
const GOES_ON = new Set(['labels', 'above', 'below', 'per', 'for_ms']);

/** `Small boards` within a sentence is `small boards`; `NVMe` stays. */
const within = (title: string): string => (/^[A-Z][a-z ]/.test(title) ? title.slice(0, 1).toLowerCase() + title.slice(1) : title);

const phraseOf = (field: RuleField, value: unknown, unit: LevelUnit): string => {
  const { kind, path, title } = field;
  const shown = shownValue(field, value, unit);
  const start = GOES_ON.has(path) && unit.metric !== '' ? ' ' : ', ';
  if (kind === 'metric') return `${start}${unit.title ? `${unit.title} (${shown})` : shown}`;
  if (kind === 'switch') return `${start}${within(title)}`;
  if (kind === 'count' || kind === 'number') return `${start}${shown} ${within(title)}`;
  return `${start}${within(title)} ${shown}`;
};

export const shownValue = (field: RuleField, value: unknown, unit: LevelUnit): string => {
  if (value === undefined || value === null) return 'nothing';
  if (field.kind === 'level') return formatValue(Number(value), unit.unit, unit.metric);
  if (field.kind === 'switch') return value === true ? 'yes' : 'no';
  const behind = fieldUnit(field, unit);
  const text = fieldText(field, value, unit);
  return behind === '' ? text : `${text} ${behind}`;
};

const leftEmpty = (fields: readonly RuleField[]): string => {
  const help = fields.find((field) => field.help.startsWith('Left empty: '))?.help.slice('Left empty: '.length) ?? '';
  return help.slice(0, 1).toUpperCase() + help.slice(1).replace(/\.$/, '');
};
