import type { Rule, RuleKind } from './client.js';

/** What differs between two lists of rules, and two people's changes put together. Pure. */
export interface RuleChange {
  id: string;
  kind: 'added' | 'removed' | 'changed';
  before: Rule | null;
  after: Rule | null;
}

/** Whatever the order of the fields. */
export const isSame = (a: unknown, b: unknown): boolean => {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null || Array.isArray(a) !== Array.isArray(b))
    return false;
  const left = a as Record<string, unknown>;
  const right = b as Record<string, unknown>;
  const names = new Set([...Object.keys(left), ...Object.keys(right)]);
  return [...names].every((name) => isSame(left[name], right[name]));
};

const byId = (rules: readonly Rule[]) => new Map(rules.map((rule) => [rule.id, rule]));

export const changesOf = (before: readonly Rule[], after: readonly Rule[]): RuleChange[] => {
  const old = byId(before);
  const kept = byId(after);
  const removed = before
    .filter(({ id }) => !kept.has(id))
    .map((rule): RuleChange => ({ id: rule.id, kind: 'removed', before: rule, after: null }));
  const others = after.flatMap((rule): RuleChange[] => {
    const former = old.get(rule.id) ?? null;
    if (isSame(former, rule)) return [];
    return [{ id: rule.id, kind: former ? 'changed' : 'added', before: former, after: rule }];
  });
  return [...others, ...removed];
};

/** My changes on top of theirs; `clashes` are the rules that both changed, each in another way. */
export const mergeRules = (
  base: readonly Rule[],
  theirs: readonly Rule[],
  mine: readonly Rule[],
): { items: Rule[]; clashes: string[] } => {
  const items = byId(theirs);
  const was = byId(base);
  const clashes: string[] = [];
  for (const { id, after } of changesOf(base, mine)) {
    const now = items.get(id) ?? null;
    if (!isSame(now, was.get(id) ?? null) && !isSame(now, after)) clashes.push(id);
    if (after) items.set(id, after);
    else items.delete(id);
  }
  return { items: [...items.values()], clashes };
};

const PARTS = ['rule', 'title', 'enabled', 'severity', 'scope', 'except', 'config'] as const;

/** Parts of a rule that differ. */
export const changedParts = ({ before, after }: RuleChange): (typeof PARTS)[number][] => {
  if (!before || !after) return [];
  return PARTS.filter((part) => !isSame(before[part], after[part]));
};

export const defaultRules = (kinds: readonly RuleKind[]): Rule[] =>
  kinds.flatMap(({ id, title, severity, default_config }) =>
    default_config === null
      ? []
      : [{ id, rule: id, title, enabled: true, severity, scope: { all: true as const }, config: default_config }],
  );

/** The rules of a file: of ours, of the API, or a bare list; null: it holds none. */
export const rulesInFile = (text: string): unknown[] | null => {
  try {
    const found = JSON.parse(text) as { rules?: unknown; items?: unknown } | unknown[] | null;
    const list = Array.isArray(found) ? found : (found?.rules ?? found?.items);
    return Array.isArray(list) ? list : null;
  } catch {
    return null;
  }
};

export const fileOfRules = (rules: readonly Rule[]): string => `${JSON.stringify({ kind: 'muster_rules', rules }, null, 2)}\n`;

/** Adds what a file holds, in place of rules of the same ids; `only`: and nothing else stays. */
export const withFile = (rules: readonly Rule[], file: readonly Rule[], only: boolean): Rule[] => {
  const items = byId(only ? [] : rules);
  for (const rule of file) items.set(rule.id, rule);
  return [...items.values()];
};

/** An id of a title that no rule has yet. */
export const freeId = (title: string, rules: readonly Rule[]): string => {
  const plain = title
    .toLowerCase()
    .normalize('NFKD')
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 50);
  const stem = plain === '' ? 'rule' : plain;
  const taken = byId(rules);
  for (let at = 1; ; at++) {
    const id = at === 1 ? stem : `${stem}-${at}`;
    if (!taken.has(id)) return id;
  }
};
