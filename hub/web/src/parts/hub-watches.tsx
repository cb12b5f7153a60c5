import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { useApp } from '../app.js';
import { ApiError, FormError, type HubWatchLine, sentenceOf } from '../client.js';
import { fullTime, shortTime } from '../format.js';
import { parseSpan } from '../quantities.js';
import { Failure, SaveOrCancel, TextField } from './fields.js';

/** Other hubs that this one watches, so that the silence of one is told by another. */
export const HubWatches = () => {
  const { client } = useApp();
  const items = useSignal<readonly HubWatchLine[] | null>(null);
  const adding = useSignal(false);
  const failure = useSignal<string | null>(null);
  /** The address that another hub is to ask: shown this once. */
  const told = useSignal<string | null>(null);
  const load = async () => {
    try {
      items.value = (await client.watches()).items;
    } catch (error) {
      // A hub that does not offer it yet.
      if (!(error instanceof ApiError && error.status === 404)) failure.value = sentenceOf(error);
    }
  };
  const remove = async ({ id, title }: HubWatchLine) => {
    if (!confirm(`Watch the hub "${title}" no longer?`)) return;
    failure.value = null;
    await client.deleteWatch(id).catch((error) => {
      failure.value = sentenceOf(error);
    });
    await load();
  };
  useEffect(() => void load(), []);
  if (items.value === null && failure.value === null) return null;
  return (
    <section aria-label="Other hubs">
      <h2>Other hubs</h2>
      <p class="quiet">
        Two hubs can watch each other. This one asks another for its health, or gives it an address for its dead man's switch; a
        hub that is silent is a critical alert here.
      </p>
      <ul class="browsers">
        {(items.value ?? []).map((one) => (
          <Line key={one.id} one={one} onRemove={() => void remove(one)} />
        ))}
      </ul>
      {told.value !== null && (
        <div class="note">
          <p>Set this as the address of the dead man's switch of the other hub; it is not shown again:</p>
          <code>{told.value}</code>
        </div>
      )}
      <Failure text={failure.value} />
      {adding.value ? (
        <WatchForm
          onDone={(heartbeat) => {
            adding.value = false;
            told.value = heartbeat;
            void load();
          }}
        />
      ) : (
        <p>
          <button type="button" class="button" onClick={() => (adding.value = true)}>
            Watch another hub
          </button>
        </p>
      )}
    </section>
  );
};

const WORDS: Record<HubWatchLine['state'], string> = { waiting: 'not heard yet', ok: 'ok', failing: 'failing', away: 'away' };

const Line = ({ one, onRemove }: { one: HubWatchLine; onRemove(): void }) => {
  const { clock } = useApp();
  const { title, url, state, last_ok, last_error } = one;
  return (
    <li>
      <span>
        <b class={state === 'away' || state === 'failing' ? 'failure' : ''}>{WORDS[state]}</b> {title}{' '}
        <span class="quiet">
          {url ?? 'speaks to this hub'}
          {last_ok !== null && <time title={fullTime(last_ok)}>, {shortTime(last_ok, clock.value)}</time>}
          {last_error !== null && `, ${last_error}`}
        </span>
      </span>
      <button type="button" class="plain" aria-label={`Watch ${title} no longer`} onClick={onRemove}>
        Remove
      </button>
    </li>
  );
};

const WatchForm = ({ onDone }: { onDone(heartbeat: string | null): void }) => {
  const { client } = useApp();
  const title = useSignal('');
  const url = useSignal('');
  const every = useSignal('');
  const failure = useSignal<string | null>(null);
  const save = async (event: Event) => {
    event.preventDefault();
    try {
      const pace = every.value.trim() === '' ? undefined : parseSpan(every.value);
      if (pace === null) throw new FormError('How often must be a time with its unit, such as 1 min.');
      const address = url.value.trim();
      const body = { title: title.value.trim(), url: address === '' ? null : address };
      const { heartbeat } = await client.addWatch({ ...body, ...(pace !== undefined && { every_s: Math.round(pace / 1000) }) });
      onDone(heartbeat);
    } catch (error) {
      failure.value = sentenceOf(error);
    }
  };
  return (
    <form class="source-form" onSubmit={save} aria-label="Another hub">
      <TextField name="What it is called" text={title} required />
      <TextField
        name="Where it is"
        help="Left empty: that hub speaks to this one, by an address that you get for it."
        text={url}
        inputMode="url"
        placeholder="https://other-hub.example.org:7443"
      />
      <TextField name="How often" text={every} placeholder="1 min" />
      <Failure text={failure.value} />
      <SaveOrCancel onCancel={() => onDone(null)} />
    </form>
  );
};
