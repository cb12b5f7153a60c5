/** Metrics: declarations (unit, kind, title) and samples (metric, labels, value). Nothing downstream knows metric names. */
export type MetricKind = 'gauge' | 'counter';

/** `unit` is UCUM (`Cel`, `By`, `%`, `1`, `W`, `s`); `resolution` is the step the agent rounds to at the source. */
export interface MetricDeclaration {
  kind: MetricKind;
  unit: string;
  title: string;
  resolution?: number;
}

export type Labels = Readonly<Record<string, string>>;

export interface Sample {
  metric: string;
  labels?: Labels;
  value: number;
}

type Extra = Pick<MetricDeclaration, 'resolution'>;
export const gauge = (unit: string, title: string, extra: Extra = {}): MetricDeclaration => ({
  kind: 'gauge',
  unit,
  title,
  ...extra,
});
export const counter = (unit: string, title: string, extra: Extra = {}): MetricDeclaration => ({
  kind: 'counter',
  unit,
  title,
  ...extra,
});

/** An undeclared metric: a gauge of unit 1 titled by its id. */
export const undeclared = (metric: string): MetricDeclaration => gauge('1', metric);

export const METRIC_ID = /^[a-z][a-z0-9_.-]{0,119}$/;
/** Names that would be skipped or dangerous as keys of plain objects. */
const RESERVED = new Set(['constructor', 'prototype']);
const LABEL_NAME = /^[a-z][a-z0-9_.]{0,39}$/;

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what must be encoded (DESIGN §2).
const UNSAFE = /[%,{}=\u0000-\u001f\u007f]/g;
const encode = (text: string): string =>
  text.replace(UNSAFE, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`);

/** `hw.temperature{zone=cpu}`: labels sorted by name, values percent-encoded; without labels the bare metric id. */
export const seriesKey = (metric: string, labels: Labels = {}): string => {
  const names = Object.keys(labels).sort();
  if (names.length === 0) return metric;
  return `${metric}{${names.map((name) => `${name}=${encode(labels[name] ?? '')}`).join(',')}}`;
};

/** The reverse of `seriesKey`; null when the text is not one. Accepts labels in any order. */
export const parseSeriesKey = (key: string): { metric: string; labels: Labels } | null => {
  const open = key.indexOf('{');
  const metric = open < 0 ? key : key.slice(0, open);
  if (!METRIC_ID.test(metric) || RESERVED.has(metric)) return null;
  if (open < 0) return { metric, labels: {} };
  if (!key.endsWith('}')) return null;
  const labels = parseLabels(key.slice(open + 1, -1));
  return labels && { metric, labels };
};

/** The same key with its labels in order, whatever order the sender used. */
export const canonicalKey = (key: string): string => {
  if (!key.includes('{')) return key;
  const parsed = parseSeriesKey(key);
  return parsed ? seriesKey(parsed.metric, parsed.labels) : key;
};

/** `a=b,c=d` as in the braces of a series key, or as the `labels` parameter of the API. */
export const parseLabels = (text: string): Labels | null => {
  const labels: Record<string, string> = Object.create(null);
  if (text === '') return labels;
  for (const part of text.split(',')) {
    const at = part.indexOf('=');
    const name = part.slice(0, at);
    const value = decode(part.slice(at + 1));
    if (at < 1 || !LABEL_NAME.test(name) || value === null || name in labels) return null;
    labels[name] = value;
  }
  return labels;
};

const decode = (text: string): string | null => {
  try {
    return decodeURIComponent(text);
  } catch {
    return null;
  }
};

/** Rounds to the declared step; 12 digits take away the binary dust that a product with 0.1 leaves. */
export const roundTo = (value: number, resolution: number | undefined): number =>
  resolution === undefined || resolution <= 0 ? value : Number((Math.round(value / resolution) * resolution).toPrecision(12));
