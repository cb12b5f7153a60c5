import { useApp } from '../app.js';
import type { Rule, RuleKind } from '../client.js';
import { type LevelUnit, ruleFieldsOf, ruleWords } from '../rule-form.js';
import type { RulesBook, RulesState } from '../rules-book.js';
import { inOrder, overridesOf, scopeText } from '../scopes.js';
import { SeverityWord } from './icons.js';
import { useNames } from './names.js';

/** Rules as lines: on or off, how severe, for which devices, and what they say. */
interface ListProps {
  book: RulesBook;
  state: RulesState;
  unitOf(metric: string): LevelUnit;
  /** Null: this person only looks. */
  save: ((mine: readonly Rule[]) => Promise<void>) | null;
}

export const RuleList = ({ state, unitOf, save }: ListProps) => {
  const { items, kinds } = state;
  if (items.length === 0)
    return (
      <p class="empty quiet">There is no rule, so nothing raises an alert. Add one, or go back to the defaults by "File".</p>
    );
  return (
    <ul class="rules">
      {inOrder(items, kinds).map((rule) => (
        <Line key={rule.id} {...{ rule, state, unitOf, save }} kind={kinds.find(({ id }) => id === rule.rule)} />
      ))}
    </ul>
  );
};

export const unitOfRule = (config: Record<string, unknown>, unitOf: (metric: string) => LevelUnit): LevelUnit =>
  unitOf(typeof config['metric'] === 'string' ? config['metric'] : '');

interface LineProps extends Omit<ListProps, 'book'> {
  rule: Rule;
  kind: RuleKind | undefined;
}

const Line = ({ rule, kind, state, unitOf, save }: LineProps) => {
  const names = useNames();
  const { over } = overridesOf(rule, state.items, kind);
  const words = kind ? ruleWords(ruleFieldsOf(kind.config), rule.config, unitOfRule(rule.config, unitOf)) : '';
  return (
    <li class={rule.enabled ? '' : 'off'}>
      <OnOff {...{ rule, state, save }} />
      <SeverityWord severity={rule.severity} state={rule.enabled ? 'firing' : 'resolved'} />
      <div class="what">
        <p>
          {save ? <a href={`/rules?edit=${rule.id}`}>{rule.title}</a> : <b>{rule.title}</b>}{' '}
          <span class="chip">{scopeText(rule.scope, names)}</span>
          <Firing rule={rule.id} />
        </p>
        <p class="says">{words}</p>
        {rule.enabled && over.length > 0 && (
          <p class="says">Holds there instead of {over.map(({ title }) => `“${title}”`).join(', ')}.</p>
        )}
      </div>
      {save && <Acts {...{ rule, state, save }} />}
    </li>
  );
};

const OnOff = ({ rule, state, save }: Pick<LineProps, 'rule' | 'state' | 'save'>) => {
  if (!save) return <span class="quiet">{rule.enabled ? 'On' : 'Off'}</span>;
  const turn = (event: { currentTarget: HTMLInputElement }) => {
    const enabled = event.currentTarget.checked;
    void save(state.items.map((one) => (one.id === rule.id ? { ...one, enabled } : one)));
  };
  return <input type="checkbox" aria-label={`${rule.title} is on`} checked={rule.enabled} onChange={turn} />;
};

const Firing = ({ rule }: { rule: string }) => {
  const { board } = useApp();
  const count = board.alerts.value.filter((alert) => alert.rule === rule && alert.state === 'firing').length;
  if (count === 0) return null;
  return (
    <a class="firing" href="/alerts">
      {count} firing
    </a>
  );
};

const Acts = ({ rule, state, save }: { rule: Rule; state: RulesState; save: NonNullable<ListProps['save']> }) => {
  const remove = () => {
    if (!confirm(`Delete the rule "${rule.title}"? Its open alerts end.`)) return;
    void save(state.items.filter(({ id }) => id !== rule.id));
  };
  return (
    <span class="acts">
      <a class="plain" href={`/rules?edit=${rule.id}`} aria-label={`Edit ${rule.title}`}>
        Edit
      </a>
      <a class="plain" href={`/rules?new=${rule.rule}&of=${rule.id}`} aria-label={`Duplicate ${rule.title}`}>
        Duplicate
      </a>
      <button type="button" class="plain" aria-label={`Delete ${rule.title}`} onClick={remove}>
        Delete
      </button>
    </span>
  );
};
