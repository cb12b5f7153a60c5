import type { Silence } from '@muster/hub/parts';
import { useSignal } from '@preact/signals';
import { useApp } from '../app.js';
import { type When, whenOf } from '../calendar.js';
import { sentenceOf } from '../client.js';
import { silenceText } from '../notice-words.js';
import { useLoaded, useNames, useRuleTitles } from '../parts/names.js';
import { SilenceCalendar } from '../parts/silence-calendar.js';
import { SilenceForm } from '../parts/silence-form.js';
import { type Scope, scopeOf, scopeText } from '../scopes.js';

/** Times in which alerts of something give no notice: planned work, a night in which nobody wants to know. */
export const SilencesPage = () => {
  const { client, notice, operates, router, clock } = useApp();
  const { loaded, again } = useLoaded(() => client.silences());
  const rules = useRuleTitles().value;
  const asked = scopeIn(router.query.value);
  const adding = useSignal(asked !== null);
  const picked = useSignal<string | null>(null);
  const items = loaded.value?.items;
  if (!items) return <main class="settings-page" />;
  const remove = async (one: Silence, when: When) => {
    const question = when === 'now' && !one.weekly ? 'End this silence now?' : 'Delete this silence?';
    if (!confirm(`${question} Alerts of its scope are told again.`)) return;
    try {
      await client.deleteSilence(one.id);
    } catch (error) {
      notice.value = sentenceOf(error);
    }
    await again();
  };
  const done = () => {
    adding.value = false;
    if (asked) router.setQuery({});
    void again();
  };
  return (
    <main class="settings-page">
      <div class="section-head">
        <h1>Silences</h1>
        <span class="quiet">While one holds, alerts are shown but nobody is told.</span>
        <span class="push" />
        {operates.value && !adding.value && (
          <button type="button" class="button main" onClick={() => (adding.value = true)}>
            Add a silence
          </button>
        )}
      </div>
      {adding.value && operates.value && <SilenceForm scope={asked ?? { all: true }} rules={rules} onDone={done} />}
      {items.length === 0 && !adding.value && (
        <p class="quiet empty-line">There is none: every alert that a route takes is told.</p>
      )}
      <SilenceCalendar silences={items} rules={rules} picked={picked} />
      <List items={items} rules={rules} picked={picked.value} now={clock.value} onRemove={operates.value ? remove : null} />
    </main>
  );
};

/** `?site=roof`, so that other pages can offer it. */
const scopeIn = (query: URLSearchParams): Scope | null => {
  for (const kind of ['device', 'site', 'tag', 'network', 'rule'] as const) {
    const value = query.get(kind);
    if (value) return scopeOf(kind, value);
  }
  return null;
};

interface ListProps {
  items: readonly Silence[];
  rules: ReadonlyMap<string, string>;
  picked: string | null;
  now: number;
  onRemove: ((one: Silence, when: When) => Promise<void>) | null;
}

/** The clock of the page may be a little behind that of the hub. */
const JUST_NOW_MS = 3_000;

const WORDS: Record<When, string> = { now: 'Holds now', to_come: 'To come', over: 'Over' };
const ORDER: Record<When, number> = { now: 0, to_come: 1, over: 2 };

const List = ({ items, rules, picked, now, onRemove }: ListProps) => {
  const names = useNames(rules);
  const lines = items
    .map((one) => ({ one, when: whenOf(one, now + JUST_NOW_MS) }))
    .sort((a, b) => ORDER[a.when] - ORDER[b.when] || (a.one.from ?? 0) - (b.one.from ?? 0));
  return (
    <ul class="silences" aria-label="All silences">
      {lines.map(({ one, when }) => (
        <li key={one.id} class={`${when} ${one.id === picked ? 'picked' : ''}`}>
          <b>{WORDS[when]}</b>
          <span>{scopeText(one.scope, names)}</span>
          <span>{silenceText(one, now + JUST_NOW_MS)}</span>
          <span class="quiet">{[one.comment, one.by].filter(Boolean).join(' · ')}</span>
          {onRemove && when !== 'over' && (
            <button
              type="button"
              class="plain"
              aria-label={`${endWord(one, when)} ${scopeText(one.scope, names)}`}
              onClick={() => void onRemove(one, when)}
            >
              {endWord(one, when)}
            </button>
          )}
        </li>
      ))}
    </ul>
  );
};

const endWord = ({ weekly }: Silence, when: When): string => (when === 'now' && !weekly ? 'End now' : 'Delete');
