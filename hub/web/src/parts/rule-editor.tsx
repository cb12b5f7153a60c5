import { useSignal } from '@preact/signals';
import { useApp } from '../app.js';
import { FormError, type Rule, type RuleKind, sentenceOf } from '../client.js';
import { freeId } from '../rule-changes.js';
import { type LevelUnit, ruleConfigOf, ruleFieldsOf, ruleTextsOf, ruleWords, type Texts } from '../rule-form.js';
import { Clash, type RulesBook, type RulesState } from '../rules-book.js';
import { overridesOf, RULE_SCOPES, scopeParts, scopeText } from '../scopes.js';
import { Check, Failure, Labelled, OneOf, ScopeField } from './fields.js';
import { Icon } from './icons.js';
import { useNames } from './names.js';
import { type Metrics, RuleFields } from './rule-fields.js';
import { unitOfRule } from './rule-list.js';
import { RuleTrial } from './rule-trial.js';

/** One rule: its fields come from the declaration; what it would have said of the last days stands beside it. */
interface EditorProps {
  book: RulesBook;
  state: RulesState;
  rule: Rule;
  kind: RuleKind;
  fresh: boolean;
  metrics: Metrics;
  unitOf(metric: string): LevelUnit;
}

const SEVERITIES = { critical: 'Critical', warning: 'Warning', info: 'Info' } as const;

/** What is being edited, and how it is saved. */
const useDraft = ({ book, state, rule, kind, fresh, unitOf }: Omit<EditorProps, 'metrics'>) => {
  const { router } = useApp();
  const fields = ruleFieldsOf(kind.config);
  const head = useSignal<Omit<Rule, 'config'>>(rule);
  const texts = useSignal<Texts>(ruleTextsOf(fields, rule.config, unitOfRule(rule.config, unitOf)));
  /** What the change is made from: another person's save is seen by it. */
  const base = useSignal(state.items);
  const failure = useSignal<string | null>(null);
  const theirs = useSignal<Rule | null | undefined>(undefined);
  const unit = unitOf(texts.value['metric']?.trim() ?? '');
  const change = (part: Partial<Rule>) => (head.value = { ...head.value, ...part });
  const draft = (): Rule => {
    const { id, rule: of, title, enabled, severity, scope, except } = head.value;
    if (title.trim() === '') throw new FormError('Title must not be empty.');
    const { kind: scoped, value } = scopeParts(scope);
    if (scoped !== 'all' && value.trim() === '') throw new FormError('Choose what the rule is for.');
    const own = fresh ? freeId(title, base.value) : id;
    const config = ruleConfigOf(fields, texts.value, unit);
    return { id: own, rule: of, title: title.trim(), enabled, severity, scope, ...(except && { except }), config };
  };
  const save = async (event: Event) => {
    event.preventDefault();
    try {
      const mine = draft();
      const others = base.value.filter(({ id }) => id !== mine.id);
      await book.save(base.value, [...others, mine]);
      router.go('/rules');
    } catch (error) {
      if (!(error instanceof Clash)) {
        failure.value = sentenceOf(error);
        return;
      }
      failure.value = null;
      base.value = book.state.value?.items ?? [];
      theirs.value = base.value.find(({ id }) => id === rule.id) ?? null;
    }
  };
  const fill = (from: Pick<Rule, 'config'> & Partial<Rule>) => {
    change(from);
    texts.value = ruleTextsOf(fields, from.config, unitOfRule(from.config, unitOf));
    theirs.value = undefined;
  };
  return { fields, head, texts, unit, failure, theirs, change, draft, save, fill };
};

export const RuleEditor = ({ metrics, ...props }: EditorProps) => {
  const { state, rule, kind, fresh, unitOf } = props;
  const { fields, head, texts, unit, failure, theirs, change, draft, save, fill } = useDraft(props);
  const { default_config, title, severity } = kind;
  return (
    <main class="settings-page">
      <div class="section-head">
        <a class="plain" href="/rules" aria-label="Back to the rules">
          <Icon name="back" />
        </a>
        <h1>{fresh ? 'New rule' : rule.title}</h1>
        {(fresh || rule.title !== title) && <span class="quiet">{title}</span>}
      </div>
      <div class="editor">
        <form onSubmit={save} onInput={() => (failure.value = null)} noValidate>
          <Labelled name="Title">
            {(wired) => (
              <input
                {...wired}
                maxLength={200}
                value={head.value.title}
                onInput={(event) => change({ title: event.currentTarget.value })}
              />
            )}
          </Labelled>
          <OneOf name="Severity" options={SEVERITIES} value={head.value.severity} onPick={(one) => change({ severity: one })} />
          <ScopeField
            kinds={RULE_SCOPES}
            scope={head.value.scope}
            onPick={(scope) => change({ scope: scope as Rule['scope'] })}
          />
          <Overrides rule={head.value} state={state} kind={kind} />
          <RuleFields {...{ fields, texts, unit, metrics }} />
          <Check name="On" on={head.value.enabled} onTurn={(enabled) => change({ enabled })} />
          {theirs.value !== undefined && <Theirs {...{ theirs: theirs.value, kind, unitOf }} onTake={fill} />}
          <Failure text={failure.value} />
          <div class="row">
            <button type="submit" class="button main">
              Save
            </button>
            <a class="button" href="/rules">
              Cancel
            </a>
            <span class="push" />
            {default_config && (
              <button type="button" class="button" onClick={() => fill({ title, severity, config: default_config })}>
                Defaults
              </button>
            )}
          </div>
        </form>
        <RuleTrial draft={draft} />
      </div>
    </main>
  );
};

const Overrides = ({ rule, state, kind }: { rule: Omit<Rule, 'config'>; state: RulesState; kind: RuleKind }) => {
  const names = useNames();
  const { over, under } = overridesOf(rule, state.items, kind);
  const list = (rules: readonly Rule[]) => rules.map(({ title, scope }) => `“${title}” (${scopeText(scope, names)})`).join(', ');
  return (
    <>
      {rule.except?.length ? <p class="note">Left out: {rule.except.map((one) => scopeText(one, names)).join(', ')}.</p> : null}
      {over.length > 0 && <p class="note">Where it holds, it stands in for {list(over)}.</p>}
      {under.length > 0 && <p class="note">Narrower rules stand in for it where they hold: {list(under)}.</p>}
    </>
  );
};

interface TheirsProps {
  theirs: Rule | null;
  kind: RuleKind;
  unitOf(metric: string): LevelUnit;
  onTake(theirs: Rule): void;
}

/** Somebody else saved the rule while it was being edited here. */
const Theirs = ({ theirs, kind, unitOf, onTake }: TheirsProps) => (
  <div class="clash" role="alert">
    {theirs ? (
      <>
        <p>Somebody else changed this rule meanwhile. Theirs, switched {theirs.enabled ? 'on' : 'off'}:</p>
        <p class="quiet">
          {theirs.title}, {theirs.severity}:{' '}
          {ruleWords(ruleFieldsOf(kind.config), theirs.config, unitOfRule(theirs.config, unitOf))}
        </p>
        <p>Save again to put yours in its place.</p>
        <button type="button" class="button" onClick={() => onTake(theirs)}>
          Take theirs
        </button>
      </>
    ) : (
      <p>Somebody else deleted this rule meanwhile. Save again to bring it back.</p>
    )}
  </div>
);
