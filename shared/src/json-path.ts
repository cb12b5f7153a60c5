import { AppError } from './errors.js';
import { type LosslessJson, NumberText } from './lossless.js';

/** Paths into JSON replies: dotted keys, `[n]`, `[*]` (all items of a list or values of an object) and `[?key=="v"]` or `[?key.key=="v"]`. */
export type PathStep =
  | { kind: 'key'; key: string }
  | { kind: 'index'; index: number }
  | { kind: 'all' }
  | { kind: 'where'; key: string; value: string };

const STEP = /\.?([^.[\]]+)|\[(\d+)\]|\[(\*)\]|\[\?([^=\]]+)==\s*"([^"]*)"\]|\.(\*)/y;

/** The steps of a path, or null when the text is not one. A leading `$` is allowed; `*` after a dot means `[*]`. */
export const parsePath = (text: string): PathStep[] | null => {
  const steps: PathStep[] = [];
  STEP.lastIndex = text.startsWith('$') ? 1 : 0;
  while (STEP.lastIndex < text.length) {
    const match = STEP.exec(text);
    if (!match) return null;
    steps.push(asStep(match));
  }
  return steps.length > 0 ? steps : null;
};

const asStep = ([, key, index, , where, value]: RegExpExecArray): PathStep => {
  if (key !== undefined && key !== '*') return { kind: 'key', key };
  if (index !== undefined) return { kind: 'index', index: Number(index) };
  if (where !== undefined) return { kind: 'where', key: where.trim(), value: value ?? '' };
  return { kind: 'all' };
};

/** What the path finds, in order; nothing where a key is missing or null: missing is not zero. */
export const findAll = (json: LosslessJson, path: string): LosslessJson[] => {
  const steps = parsePath(path);
  if (!steps) throw new AppError('bad_settings', `"${path}" is not a path; write for example data.items[0].amount`, { path });
  const found = steps.reduce<LosslessJson[]>((nodes, step) => nodes.flatMap((node) => follow(node, step)), [json]);
  return found.filter((node) => node !== null);
};

const follow = (node: LosslessJson, step: PathStep): LosslessJson[] => {
  if (typeof node !== 'object' || node === null || node instanceof NumberText) return [];
  if (step.kind === 'all') return Object.values(node);
  if (step.kind === 'where') return Object.values(node).filter((item) => textOf(below(item, step.key)) === step.value);
  if (step.kind === 'index') return Array.isArray(node) ? node.slice(step.index, step.index + 1) : [];
  const child = childOf(node, step.key);
  return child === undefined ? [] : [child];
};

/** The key of a condition may lead further down. */
const below = (node: LosslessJson, keys: string): LosslessJson | undefined =>
  keys.split('.').reduce<LosslessJson | undefined>((at, key) => (at === undefined ? at : childOf(at, key)), node);

const childOf = (node: LosslessJson, key: string): LosslessJson | undefined =>
  typeof node === 'object' && node !== null && !Array.isArray(node) && !(node instanceof NumberText) && Object.hasOwn(node, key)
    ? node[key]
    : undefined;

/** The text of a plain value; null for lists, objects and nothing. */
export const textOf = (node: LosslessJson | undefined): string | null => {
  if (node instanceof NumberText) return node.text;
  return typeof node === 'string' || typeof node === 'boolean' ? String(node) : null;
};
