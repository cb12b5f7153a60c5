import { useComputed, useSignal } from '@preact/signals';
import { useEffect, useMemo } from 'preact/hooks';
import { useApp } from '../app.js';
import { type Rule, type RuleKind, sentenceOf } from '../client.js';
import { useLoaded } from '../parts/names.js';
import { RuleEditor } from '../parts/rule-editor.js';
import { RuleList } from '../parts/rule-list.js';
import { type Review, RuleReview } from '../parts/rule-review.js';
import { AddRule, RuleFile } from '../parts/rule-tools.js';
import { freeId } from '../rule-changes.js';
import type { LevelUnit } from '../rule-form.js';
import { Clash, createRulesBook, type RulesState } from '../rules-book.js';

/** The rules that alerts come from: what each says, an editor, a file of them. */
export const RulesPage = () => {
  const { client, notice, router, operates } = useApp();
  const book = useMemo(() => createRulesBook(client), [client]);
  const review = useSignal<Review | null>(null);
  const { loaded } = useLoaded(() => client.catalogue());
  const units = useComputed(() => new Map((loaded.value?.items ?? []).map((one) => [one.metric, one])));
  useEffect(() => {
    book.load().catch((error) => {
      notice.value = sentenceOf(error);
    });
  }, [book, notice]);
  const state = book.state.value;
  if (!state) return <main class="settings-page" />;
  const unitOf = (metric: string): LevelUnit => {
    const known = units.value.get(metric);
    return { metric, unit: known?.unit ?? '1', title: known?.title };
  };
  if (review.value) return <RuleReview book={book} review={review.value} unitOf={unitOf} onDone={() => (review.value = null)} />;
  const chosen = operates.value ? draftOf(router.query.value, state) : null;
  if (!chosen) return <List {...{ book, state, unitOf }} onReview={(next) => (review.value = next)} />;
  return <RuleEditor key={router.query.value.toString()} {...{ book, state, unitOf, ...chosen }} metrics={units.value} />;
};

type ListProps = Pick<Parameters<typeof RuleList>[0], 'book' | 'state' | 'unitOf'> & { onReview(review: Review): void };

const List = ({ book, state, unitOf, onReview }: ListProps) => {
  const { notice, operates, router } = useApp();
  const asked = router.query.value.get('edit');
  const save = async (mine: readonly Rule[]) => {
    try {
      await book.save(state.items, mine);
    } catch (error) {
      notice.value = error instanceof Clash ? clashText(error, state.items) : sentenceOf(error);
    }
  };
  const on = state.items.filter(({ enabled }) => enabled).length;
  return (
    <main class="settings-page">
      <div class="section-head">
        <h1>Rules</h1>
        <span class="quiet">
          {on} on{state.items.length > on && `, ${state.items.length - on} off`}
        </span>
        <span class="push" />
        {operates.value && <AddRule kinds={state.kinds} />}
        <RuleFile state={state} may={operates.value} onReview={onReview} />
      </div>
      {asked !== null && !state.items.some(({ id }) => id === asked) && <p class="note">There is no rule “{asked}” any more.</p>}
      <RuleList {...{ book, state, unitOf }} save={operates.value ? save : null} />
    </main>
  );
};

const clashText = ({ rules }: Clash, items: readonly Rule[]): string => {
  const titles = rules.map((id) => `"${items.find((one) => one.id === id)?.title ?? id}"`);
  const what = titles.length > 0 ? titles.join(', ') : 'the rules';
  return `Somebody else changed ${what} meanwhile; nothing was saved. Look at it again.`;
};

/** `?edit=id`, `?new=kind`, `?new=kind&of=id` for a copy. */
const draftOf = (query: URLSearchParams, { items, kinds }: RulesState): { rule: Rule; kind: RuleKind; fresh: boolean } | null => {
  const edited = items.find(({ id }) => id === query.get('edit'));
  const kind = kinds.find(({ id }) => id === (edited?.rule ?? query.get('new')));
  if (!kind) return null;
  if (edited) return { rule: edited, kind, fresh: false };
  const copied = items.find(({ id }) => id === query.get('of'));
  const title = copied ? `${copied.title} (copy)` : kind.title;
  const { id, severity, default_config } = kind;
  const made = { rule: id, enabled: true, severity, scope: { all: true as const }, config: default_config ?? {} };
  return { rule: { ...made, ...copied, title, id: freeId(title, items) }, kind, fresh: true };
};
