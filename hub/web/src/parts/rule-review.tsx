import { useSignal } from '@preact/signals';
import { useApp } from '../app.js';
import { type Rule, type RuleKind, sentenceOf } from '../client.js';
import { changedParts, changesOf, isSame, type RuleChange, withFile } from '../rule-changes.js';
import { type LevelUnit, ruleFieldsOf, ruleWords, shownValue } from '../rule-form.js';
import { Clash, type RulesBook } from '../rules-book.js';
import { type Names, scopeText } from '../scopes.js';
import { Check, Failure } from './fields.js';
import { useNames } from './names.js';
import { unitOfRule } from './rule-list.js';

/** Many rules at once, from a file or from the defaults: what would change, before it does. */
export interface Review {
  title: string;
  rules: readonly Rule[];
  /** They are all there is to be; else the person chooses. */
  whole: boolean;
}

interface ReviewProps {
  book: RulesBook;
  review: Review;
  unitOf(metric: string): LevelUnit;
  onDone(): void;
}

export const RuleReview = ({ book, review, unitOf, onDone }: ReviewProps) => {
  const only = useSignal(review.whole);
  const failure = useSignal<string | null>(null);
  const state = book.state.value;
  if (!state) return null;
  const next = withFile(state.items, review.rules, only.value);
  const changes = changesOf(state.items, next);
  const save = async (event: Event) => {
    event.preventDefault();
    try {
      await book.save(state.items, next);
      onDone();
    } catch (error) {
      failure.value =
        error instanceof Clash
          ? 'Somebody else changed the rules meanwhile: below is what would change now. Save again if that is right.'
          : sentenceOf(error);
    }
  };
  const kindOf = (rule: string) => state.kinds.find(({ id }) => id === rule);
  return (
    <main class="settings-page">
      <div class="section-head">
        <h1>{review.title}</h1>
      </div>
      <form class="review" onSubmit={save}>
        {!review.whole && (
          <Check name="Remove the rules that are not in the file" on={only.value} onTurn={(on) => (only.value = on)} />
        )}
        {changes.length === 0 && <p class="quiet">Nothing would change: the rules are the same.</p>}
        <ul class="changes" aria-label="What would change">
          {changes.map((change) => (
            <Change key={change.id} change={change} kindOf={kindOf} unitOf={unitOf} />
          ))}
        </ul>
        <Failure text={failure.value} />
        <div class="row">
          <button type="submit" class="button main" disabled={changes.length === 0}>
            Save {changes.length > 0 && `${changes.length} ${changes.length === 1 ? 'change' : 'changes'}`}
          </button>
          <button type="button" class="button" onClick={onDone}>
            Cancel
          </button>
        </div>
      </form>
    </main>
  );
};

const WORDS = { added: 'Added', changed: 'Changed', removed: 'Removed' } as const;

interface ChangeProps {
  change: RuleChange;
  kindOf(rule: string): RuleKind | undefined;
  unitOf(metric: string): LevelUnit;
}

const Change = ({ change, kindOf, unitOf }: ChangeProps) => {
  const { siteNames } = useApp();
  const names = useNames();
  siteNames.value;
  const { kind, before, after } = change;
  const rule = after ?? before;
  if (!rule) return null;
  const of = kindOf(rule.rule);
  const lines =
    kind === 'changed'
      ? linesOf(change, { of, names, unitOf })
      : [of ? ruleWords(ruleFieldsOf(of.config), rule.config, unitOfRule(rule.config, unitOf)) : ''];
  return (
    <li class={kind}>
      <b>{WORDS[kind]}</b>
      <span>{rule.title}</span>
      <span class="chip">{scopeText(rule.scope, names)}</span>
      <ul>
        {lines.filter(Boolean).map((line) => (
          <li key={line}>{line}</li>
        ))}
      </ul>
    </li>
  );
};

const PARTS = { rule: 'Rule', title: 'Title', severity: 'Severity' } as const;

interface Words {
  of: RuleKind | undefined;
  names: Names;
  unitOf(metric: string): LevelUnit;
}

/** `Severity: warning → critical`, for every part and field that differs. */
const linesOf = (change: RuleChange, words: Words): string[] => {
  const { before, after } = change;
  if (!before || !after) return [];
  return changedParts(change).flatMap((part) => {
    if (part === 'enabled') return [after.enabled ? 'Switched on' : 'Switched off'];
    if (part === 'scope') return [`For: ${scopeText(before.scope, words.names)} → ${scopeText(after.scope, words.names)}`];
    if (part === 'except') return [`Left out: ${listOf(before, words)} → ${listOf(after, words)}`];
    if (part === 'config') return configLines(before, after, words);
    return [`${PARTS[part]}: ${before[part]} → ${after[part]}`];
  });
};

const listOf = ({ except = [] }: Rule, { names }: Words): string =>
  except.map((one) => scopeText(one, names)).join(', ') || 'nothing';

const configLines = (before: Rule, after: Rule, { of, unitOf }: Words): string[] => {
  if (!of || before.rule !== after.rule) return [];
  const old = flat(before.config);
  const now = flat(after.config);
  return ruleFieldsOf(of.config).flatMap((field) => {
    if (isSame(old.get(field.path), now.get(field.path))) return [];
    const shown = (config: Rule['config'], value: unknown) => shownValue(field, value, unitOfRule(config, unitOf)) || 'nothing';
    const name = field.group ? `${field.group}, ${field.title.toLowerCase()}` : field.title;
    return [`${name}: ${shown(before.config, old.get(field.path))} → ${shown(after.config, now.get(field.path))}`];
  });
};

/** By path; what is an object may be one value (labels) or several (a group), so both are there. */
const flat = (config: Record<string, unknown>): Map<string, unknown> => {
  const all = new Map<string, unknown>();
  for (const [name, value] of Object.entries(config)) {
    all.set(name, value);
    if (typeof value === 'object' && value !== null)
      for (const [inner, one] of Object.entries(value)) all.set(`${name}.${inner}`, one);
  }
  return all;
};
