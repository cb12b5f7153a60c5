import { describe, expect, test } from 'vitest';
import type { Rule, RuleKind } from './client.js';
import { changedParts, changesOf, defaultRules, fileOfRules, freeId, mergeRules, rulesInFile, withFile } from './rule-changes.js';
import { inOrder, overridesOf, scopeOf, scopeParts } from './scopes.js';

const rule = (id: string, more: Partial<Rule> = {}): Rule => ({
  ...{ id, rule: 'offline', title: id, enabled: true, severity: 'warning', scope: { all: true }, config: { after_ms: 1 } },
  ...more,
});
const ids = (rules: readonly Rule[]) => rules.map(({ id }) => id);

describe('changes of rules', () => {
  test('name what is added, removed and changed, whatever the order', () => {
    const before = [rule('a', { config: { x: 1, y: { z: [1, 2] } } }), rule('b'), rule('c')];
    const after = [rule('d'), rule('b', { severity: 'info', enabled: false }), rule('a', { config: { y: { z: [1, 2] }, x: 1 } })];
    expect(changesOf(before, after).map(({ id, kind }) => `${kind} ${id}`)).toEqual(['added d', 'changed b', 'removed c']);
    expect(changesOf(before, after).map(changedParts)).toEqual([[], ['enabled', 'severity'], []]);
    expect(changesOf(before, before)).toEqual([]);
  });

  test('of two people go together where they concern different rules', () => {
    const base = [rule('a'), rule('b'), rule('c')];
    const theirs = [rule('a', { severity: 'info' }), rule('b'), rule('new')];
    const mine = [rule('a'), rule('b', { title: 'Mine' })];
    const { items, clashes } = mergeRules(base, theirs, mine);
    expect(clashes).toEqual([]);
    expect(items.map(({ id, title, severity }) => [id, title, severity])).toEqual([
      ['a', 'a', 'info'],
      ['b', 'Mine', 'warning'],
      ['new', 'new', 'warning'],
    ]);
  });

  test('of two people in the same rule clash, unless they are the same', () => {
    const base = [rule('a'), rule('b')];
    const theirs = [rule('a', { title: 'Theirs' }), rule('b', { title: 'Same' })];
    const mine = [rule('a', { title: 'Mine' }), rule('b', { title: 'Same' })];
    expect(mergeRules(base, theirs, mine).clashes).toEqual(['a']);
    expect(mergeRules(base, [rule('b')], mine).clashes).toEqual(['a']);
    expect(mergeRules(base, theirs, [rule('b')]).clashes).toEqual(['a']);
  });
});

test('a file gives back the rules that it was made of, beside or instead of those there are', () => {
  const rules = [rule('a'), rule('b')];
  expect(rulesInFile(fileOfRules(rules))).toEqual(rules);
  expect(rulesInFile(JSON.stringify({ items: rules }))).toEqual(rules);
  expect(rulesInFile(JSON.stringify(rules))).toEqual(rules);
  expect([rulesInFile('{"a":1}'), rulesInFile('null'), rulesInFile('no json')]).toEqual([null, null, null]);
  const file = [rule('b', { title: 'B' }), rule('c')];
  expect(ids(withFile(rules, file, false))).toEqual(['a', 'b', 'c']);
  expect(ids(withFile(rules, file, true))).toEqual(['b', 'c']);
});

test('an id is made of the title and is free', () => {
  expect(freeId('Too hot!', [])).toBe('too-hot');
  expect(freeId('Too hot', [rule('too-hot'), rule('too-hot-2')])).toBe('too-hot-3');
  expect(freeId('熱い', [])).toBe('rule');
});

describe('scopes', () => {
  const kind: RuleKind = {
    id: 'offline',
    title: 'Offline',
    severity: 'critical',
    config: {},
    default_config: { after_ms: 1 },
    many: false,
  };
  const rules = [
    rule('d', { scope: { device: 'pi' } }),
    rule('all'),
    rule('s', { scope: { site: 'roof' } }),
    rule('off', { enabled: false }),
  ];

  test('narrower ones hold instead of wider ones that are on', () => {
    const [, , site] = rules;
    const { over, under } = overridesOf(site as Rule, rules, kind);
    expect([ids(over), ids(under)]).toEqual([['all'], ['d']]);
    expect(overridesOf(site as Rule, rules, { ...kind, many: true })).toEqual({ over: [], under: [] });
    expect(ids(inOrder(rules, [kind]))).toEqual(['all', 'off', 's', 'd']);
  });

  test('are taken apart and put together', () => {
    for (const scope of [{ all: true as const }, { site: 'roof' }, { rule: 'offline' }]) {
      const { kind: of, value } = scopeParts(scope);
      expect(scopeOf(of, value)).toEqual(scope);
    }
  });

  test('defaults are what the declarations say, without those that are off', () => {
    expect(defaultRules([kind, { ...kind, id: 'threshold', default_config: null }])).toMatchObject([
      { id: 'offline', scope: { all: true } },
    ]);
  });
});
