import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { useApp } from '../app.js';
import { type NotifierLine, sentenceOf } from '../client.js';
import { fullTime, shortTime } from '../format.js';
import { ChannelForm } from './channel-form.js';
import { useIsAdmin } from './names.js';

const REFRESH_MS = 15_000;
/** Browsers subscribe themselves, further below. */
const OWN_KIND = 'web_push';

const useChannels = () => {
  const { client, notice } = useApp();
  const items = useSignal<readonly NotifierLine[] | null>(null);
  const form = useSignal<Pick<Parameters<typeof ChannelForm>[0], 'kinds' | 'channel' | 'placeholders'> | null>(null);
  /** What went to whom, said where it was asked for. */
  const said = useSignal<string | null>(null);
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
  const open = (name: string | null) =>
    attempt(async () => {
      const [kinds, channel] = await Promise.all([client.notifierKinds(), name === null ? null : client.notifier(name)]);
      const offered = kinds.items.filter(({ id }) => id !== OWN_KIND || channel?.kind === OWN_KIND);
      form.value = { kinds: offered, channel, placeholders: kinds.placeholders ?? null };
    });
  const test = (name: string) =>
    attempt(async () => {
      said.value = null;
      await client.testNotifier(name);
      notice.value = null;
      said.value = `A test went to "${name}".`;
    }).then(load);
  const turn = (name: string, enabled: boolean) =>
    attempt(async () => {
      const { kind, config, per_minute } = await client.notifier(name);
      await client.putNotifier(name, { kind, config, per_minute, enabled });
    }).then(load);
  const remove = (name: string) =>
    attempt(async () => {
      if (!confirm(`No more notices go to "${name}", and what waits for it is dropped.`)) return;
      await client.deleteNotifier(name);
    }).then(load);
  useEffect(() => {
    void load();
    const timer = setInterval(load, REFRESH_MS);
    return () => clearInterval(timer);
  }, []);
  const done = () => {
    form.value = null;
    void load();
  };
  return { items, form, said, done, act: { test, remove, turn, open } };
};

/** Where notices about alerts go, and whether they arrive. */
export const Channels = () => {
  const { items, form, said, done, act } = useChannels();
  const is_admin = useIsAdmin().value;
  return (
    <section aria-label="Channels">
      <h2>Channels</h2>
      {items.value?.length === 0 && (
        <p class="quiet">Nobody is told of alerts yet{is_admin ? ': add a channel.' : '; an admin can add a channel.'}</p>
      )}
      <ol class="sources channels">
        {(items.value ?? []).map((one) => (
          <Line key={one.id} one={one} act={is_admin ? act : null} />
        ))}
      </ol>
      <p class="done" role="status">
        {said.value}
      </p>
      {form.value && <ChannelForm key={form.value.channel?.id ?? ''} {...form.value} onDone={done} />}
      {is_admin && !form.value && (
        <p>
          <button type="button" class="button" onClick={() => void act.open(null)}>
            Add a channel
          </button>
        </p>
      )}
    </section>
  );
};

interface Acts {
  test(name: string): Promise<void>;
  remove(name: string): Promise<void>;
  turn(name: string, enabled: boolean): Promise<void>;
  open(name: string | null): Promise<void>;
}

const Line = ({ one, act }: { one: NotifierLine; act: Acts | null }) => {
  const { clock } = useApp();
  const { id, kind, state, enabled, last_ok, last_error, listen_error, waiting, held_back, given_up } = one;
  const count = (number: number, what: string) => (number > 0 ? `${number} ${what}` : '');
  const said = [last_error, listen_error, count(waiting, 'waiting'), count(held_back, 'held back'), count(given_up, 'given up')];
  return (
    <li>
      <b class={enabled ? state : ''}>{enabled ? state : 'off'}</b>
      <span>{id}</span>
      <span class="quiet">{kind.replaceAll('_', ' ')}</span>
      <time title={last_ok === null ? '' : fullTime(last_ok)}>
        {last_ok === null ? 'never' : shortTime(last_ok, clock.value)}
      </time>
      <span class="said">{said.filter(Boolean).join(' · ')}</span>
      {act && <Buttons one={one} act={act} />}
    </li>
  );
};

const Buttons = ({ one: { id, enabled }, act }: { one: NotifierLine; act: Acts }) => {
  const buttons = [
    ['Test', () => act.test(id)],
    ['Edit', () => act.open(id)],
    [enabled ? 'Switch off' : 'Switch on', () => act.turn(id, !enabled)],
    ['Remove', () => act.remove(id)],
  ] as const;
  return (
    <span class="acts">
      {buttons.map(([word, go]) => (
        <button key={word} type="button" class="plain" aria-label={`${word} ${id}`} onClick={() => void go()}>
          {word}
        </button>
      ))}
    </span>
  );
};
