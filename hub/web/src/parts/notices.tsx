import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { useApp } from '../app.js';
import { type NotifierLine, type SourceKind, sentenceOf } from '../client.js';
import { configOf, fieldsOf } from '../config-form.js';
import { fullTime, shortTime } from '../format.js';
import { Fields } from './source-form.js';

const REFRESH_MS = 15_000;

/** Where notices about alerts go, and whether they arrive. */
export const Notices = () => {
  const { client, notice, session } = useApp();
  const items = useSignal<readonly NotifierLine[] | null>(null);
  const kinds = useSignal<readonly SourceKind[] | null>(null);
  const is_admin = session.value.kind === 'in' && session.value.user.role === 'admin';
  const attempt = async (act: () => Promise<void>) => {
    try {
      await act();
    } catch (error) {
      notice.value = sentenceOf(error);
    }
  };
  const load = () =>
    attempt(async () => {
      items.value = (await client.notifiers()).items;
    });
  const add = () =>
    attempt(async () => {
      kinds.value = (await client.notifierKinds()).items;
    });
  const test = (name: string) =>
    attempt(async () => {
      await client.testNotifier(name);
      notice.value = `A test went to "${name}".`;
      await load();
    });
  const remove = (name: string) =>
    attempt(async () => {
      if (!confirm(`No more notices go to "${name}", and what waits for it is dropped.`)) return;
      await client.deleteNotifier(name);
      await load();
    });
  useEffect(() => {
    void load();
    const timer = setInterval(load, REFRESH_MS);
    return () => clearInterval(timer);
  }, []);
  const done = () => {
    kinds.value = null;
    void load();
  };
  return (
    <section aria-label="Notices">
      <h2>Notices</h2>
      {items.value?.length === 0 && <p class="quiet">Nobody is told of alerts yet: add a channel.</p>}
      <ol class="sources">
        {(items.value ?? []).map((one) => (
          <Line key={one.id} one={one} act={is_admin ? { test, remove } : null} />
        ))}
      </ol>
      {kinds.value && <NotifierForm kinds={kinds.value} onDone={done} />}
      {is_admin && !kinds.value && (
        <p>
          <button type="button" class="button" onClick={() => void add()}>
            Add a channel
          </button>
        </p>
      )}
    </section>
  );
};

interface LineProps {
  one: NotifierLine;
  act: { test(name: string): Promise<void>; remove(name: string): Promise<void> } | null;
}

const Line = ({ one, act }: LineProps) => {
  const { clock } = useApp();
  const { id, kind, state, enabled, last_ok, last_error, waiting, held_back, given_up } = one;
  const count = (number: number, what: string) => (number > 0 ? `${number} ${what}` : '');
  const said = [last_error, count(waiting, 'waiting'), count(held_back, 'held back'), count(given_up, 'given up')];
  return (
    <li>
      <b class={state}>{enabled ? state : 'off'}</b>
      <span>{id}</span>
      <span>{kind.replaceAll('_', ' ')}</span>
      <time title={last_ok === null ? '' : fullTime(last_ok)}>
        {last_ok === null ? 'never' : shortTime(last_ok, clock.value)}
      </time>
      <span class="said">{said.filter(Boolean).join(' · ')}</span>
      {act && (
        <span>
          <button type="button" class="plain" onClick={() => void act.test(id)}>
            Test
          </button>{' '}
          <button type="button" class="plain" onClick={() => void act.remove(id)}>
            Remove
          </button>
        </span>
      )}
    </li>
  );
};

const NotifierForm = ({ kinds, onDone }: { kinds: readonly SourceKind[]; onDone(): void }) => {
  const { client } = useApp();
  const named = useSignal('');
  const kind = useSignal(kinds[0]?.id ?? '');
  const texts = useSignal<Record<string, string>>({});
  const failure = useSignal<string | null>(null);
  const chosen = kinds.find(({ id }) => id === kind.value);
  const fields = chosen ? fieldsOf(chosen.config) : [];
  const save = async (event: Event) => {
    event.preventDefault();
    try {
      const name = named.value.trim();
      await client.addNotifier({ kind: kind.value, config: configOf(fields, texts.value), ...(name && { id: name }) });
      onDone();
    } catch (error) {
      failure.value = sentenceOf(error);
    }
  };
  return (
    <form class="source-form" onSubmit={save}>
      <label>
        Channel
        <select
          value={kind.value}
          onChange={(event) => {
            kind.value = event.currentTarget.value;
            texts.value = {};
          }}
        >
          {kinds.map(({ id, title }) => (
            <option key={id} value={id}>
              {title}
            </option>
          ))}
        </select>
      </label>
      <label>
        Name
        <input value={named.value} placeholder={kind.value} onInput={(event) => (named.value = event.currentTarget.value)} />
      </label>
      <Fields of={kind.value} fields={fields} texts={texts} />
      {failure.value !== null && (
        <p class="failure" role="alert">
          {failure.value}
        </p>
      )}
      <div>
        <button type="submit" class="button main">
          Save
        </button>{' '}
        <button type="button" class="button" onClick={onDone}>
          Cancel
        </button>
      </div>
    </form>
  );
};
