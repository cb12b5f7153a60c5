import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { useApp } from '../app.js';
import { FormError, sentenceOf } from '../client.js';
import { fullTime, shortTime } from '../format.js';
import { parseSpan, spanText } from '../quantities.js';
import { Failure, TextField } from './fields.js';
import { useLoaded } from './names.js';

const REFRESH_MS = 15_000;

/** Dead man's switch: who watches the watcher. */
export const Heartbeat = () => {
  const { client, clock } = useApp();
  const { loaded, again } = useLoaded(() => client.heartbeat());
  const url = useSignal('');
  const every = useSignal('');
  const failure = useSignal<string | null>(null);
  useEffect(() => {
    const timer = setInterval(again, REFRESH_MS);
    return () => clearInterval(timer);
  }, []);
  const view = loaded.value;
  if (!view) return null;
  const set = async (change: { url?: string | null; every_s?: number }) => {
    failure.value = null;
    try {
      loaded.value = await client.setHeartbeat(change);
      url.value = '';
      every.value = '';
    } catch (error) {
      failure.value = sentenceOf(error);
    }
  };
  const save = (event: Event) => {
    event.preventDefault();
    const pace = every.value.trim() === '' ? null : parseSpan(every.value);
    if (every.value.trim() !== '' && pace === null) {
      failure.value = sentenceOf(new FormError('How often must be a time with its unit, such as 1 min.'));
      return;
    }
    const address = url.value.trim();
    void set({ ...(address !== '' && { url: address }), ...(pace !== null && { every_s: Math.round(pace / 1000) }) });
  };
  return (
    <section aria-label="Dead man's switch">
      <h2>Dead man's switch</h2>
      <p class="quiet">
        A hub that is off cannot say so. Give it an address at a service such as healthchecks.io, or another hub: it asks for that
        address as long as it is healthy, and the service tells you when it has heard nothing for a while. Set the grace there to
        about three times the span below.
      </p>
      <Standing view={view} now={clock.value} />
      <form class="source-form" onSubmit={save}>
        <TextField
          name="Address"
          help="Kept secret: only its host is ever shown."
          text={url}
          inputMode="url"
          required={view.address === null}
          placeholder={view.address === null ? 'https://hc-ping.com/…' : `${view.address}/… (as it is)`}
        />
        <TextField name="Every" text={every} placeholder={spanText(view.every_s * 1000)} />
        <Failure text={failure.value} />
        <div class="row">
          <button type="submit" class="button">
            Save
          </button>
          {view.address !== null && (
            <button type="button" class="button" onClick={() => void set({ url: null })}>
              Switch off
            </button>
          )}
        </div>
      </form>
    </section>
  );
};

type View = { address: string | null; every_s: number; last_ok: number | null; last_error: string | null };

const Standing = ({ view, now }: { view: View; now: number }) => {
  const { address, every_s, last_ok, last_error } = view;
  if (address === null) return <p>Off: nobody would notice if this hub went away.</p>;
  return (
    <p>
      {last_error === null ? '' : <b class="failure">{last_error} </b>}
      {address} every {spanText(every_s * 1000)};{' '}
      {last_ok === null ? 'not reached yet' : <time title={fullTime(last_ok)}>last reached {shortTime(last_ok, now)}</time>}
    </p>
  );
};
