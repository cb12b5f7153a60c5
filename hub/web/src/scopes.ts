import type { NoticeScope, RuleScope } from '@muster/hub/parts';
import type { Rule, RuleKind } from './client.js';
import { networkName } from './format.js';

/** What a rule, a route or a silence is for. Pure. */
export type Scope = RuleScope | NoticeScope;
export type ScopeKind = 'all' | 'network' | 'kind' | 'tag' | 'site' | 'device' | 'rule';

export const RULE_SCOPES: readonly ScopeKind[] = ['all', 'network', 'kind', 'tag', 'site', 'device'];
export const NOTICE_SCOPES: readonly ScopeKind[] = ['all', 'network', 'tag', 'site', 'device', 'rule'];

export const SCOPE_WORDS: Record<ScopeKind, string> = {
  all: 'All devices',
  network: 'Network',
  kind: 'Kind of device',
  tag: 'Tag',
  site: 'Site',
  device: 'Device',
  rule: 'Rule',
};

/** As the hub tells them from what a device says about itself. */
export const DEVICE_KINDS: Record<string, string> = {
  raspberry_pi: 'Raspberry Pi',
  jetson: 'NVIDIA Jetson',
  gpu: 'With a GPU',
  linux: 'Linux',
  windows: 'Windows',
  carried: 'Carried by an agent',
};

export const scopeParts = (scope: Scope): { kind: ScopeKind; value: string } => {
  const [kind = 'all', value = ''] = Object.entries(scope)[0] ?? [];
  return { kind: kind as ScopeKind, value: typeof value === 'string' ? value : '' };
};

export const scopeOf = (kind: ScopeKind, value: string): Scope => (kind === 'all' ? { all: true } : ({ [kind]: value } as Scope));

/** What ids are called. */
export interface Names {
  site(id: string): string;
  device(id: string): string;
  rule(id: string): string;
}

export const scopeText = (scope: Scope, names: Names): string => {
  const { kind, value } = scopeParts(scope);
  if (kind === 'all') return 'All devices';
  if (kind === 'network') return `Network ${networkName(value)}`;
  if (kind === 'kind') return DEVICE_KINDS[value] ?? value;
  if (kind === 'tag') return `Tag ${value}`;
  if (kind === 'site') return `Site ${names.site(value)}`;
  return kind === 'device' ? names.device(value) : `Rule ${names.rule(value)}`;
};

const RANKS: Record<ScopeKind, number> = { all: 1, network: 2, kind: 3, tag: 4, site: 5, device: 6, rule: 0 };
export const scopeRank = (scope: Scope): number => RANKS[scopeParts(scope).kind];

/** Rules of the same declaration: in a narrower scope one holds instead of the wider ones, unless many may stand side by side. */
export const overridesOf = (
  rule: Pick<Rule, 'id' | 'rule' | 'scope'>,
  rules: readonly Rule[],
  kind: RuleKind | undefined,
): { over: Rule[]; under: Rule[] } => {
  if (!kind || kind.many) return { over: [], under: [] };
  const others = rules.filter((other) => other.enabled && other.rule === rule.rule && other.id !== rule.id);
  const rank = scopeRank(rule.scope);
  return {
    over: others.filter(({ scope }) => scopeRank(scope) < rank),
    under: others.filter(({ scope }) => scopeRank(scope) > rank),
  };
};

/** By declaration, the severe ones first; wider ones before narrower ones. */
export const inOrder = (rules: readonly Rule[], kinds: readonly RuleKind[]): Rule[] => {
  const severities = ['critical', 'warning', 'info'];
  const sorted = [...kinds].sort((a, b) => severities.indexOf(a.severity) - severities.indexOf(b.severity));
  const order = new Map(sorted.map(({ id }, index) => [id, index]));
  const place = (rule: Rule) => order.get(rule.rule) ?? kinds.length;
  return [...rules].sort(
    (a, b) => place(a) - place(b) || scopeRank(a.scope) - scopeRank(b.scope) || a.title.localeCompare(b.title),
  );
};
