import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { useApp } from '../app.js';
import { ApiError, sentenceOf } from '../client.js';
import { PushError, type PushState, pushObstacle, readPush, subscribe, unsubscribe } from '../push.js';
import { Failure } from './fields.js';

/** A switch that tells this browser of alerts, also while no page of the hub is open. */
export const BrowserPush = () => {
  const { client } = useApp();
  const state = useSignal<PushState | null>(null);
  const failure = useSignal<string | null>(null);
  const busy = useSignal(false);
  const attempt = async (act: () => Promise<void>) => {
    busy.value = true;
    failure.value = null;
    try {
      await act();
      state.value = await readPush(client);
    } catch (error) {
      failure.value = error instanceof PushError ? error.message : sentenceOf(error);
    }
    busy.value = false;
  };
  useEffect(() => {
    readPush(client).then(
      (found) => {
        state.value = found;
      },
      (error) => {
        // A hub that does not offer it yet.
        if (!(error instanceof ApiError && error.status === 404)) failure.value = sentenceOf(error);
      },
    );
  }, [client, state, failure]);
  if (!state.value && failure.value === null) return null;
  const own = state.value?.own ?? null;
  const obstacle = own === null ? pushObstacle() : null;
  const others = state.value?.items.filter(({ id }) => id !== own) ?? [];
  return (
    <section aria-label="This browser">
      <h2>This browser</h2>
      {obstacle !== null && <p class="note">{obstacle}</p>}
      {obstacle === null && (
        <div class="row">
          <button
            type="button"
            class={own === null ? 'button' : 'button main'}
            aria-pressed={own !== null}
            disabled={busy.value}
            onClick={() => void attempt(() => (own === null ? subscribe(client) : unsubscribe(client, own)))}
          >
            {own === null ? 'Tell this browser of alerts' : 'This browser is told'}
          </button>
          <span class="quiet">
            {own === null
              ? 'Also while this page is closed.'
              : 'Press again to stop. Browsers are the channel web-push, which routes may name.'}
          </span>
        </div>
      )}
      <Failure text={failure.value} />
      <Others items={others} onStop={(id) => void attempt(() => unsubscribe(client, id))} />
    </section>
  );
};

const Others = ({ items, onStop }: { items: PushState['items']; onStop(id: string): void }) =>
  items.length === 0 ? null : (
    <ul class="browsers" aria-label="Other browsers">
      {items.map(({ id, title }) => (
        <li key={id}>
          <span>{title ?? id}</span>
          <button type="button" class="plain" aria-label={`Stop telling ${title ?? id}`} onClick={() => onStop(id)}>
            Stop
          </button>
        </li>
      ))}
    </ul>
  );
