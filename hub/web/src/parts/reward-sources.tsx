import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { useApp } from '../app.js';
import { type HubSource, type RewardSource, type SourceKind, sentenceOf } from '../client.js';
import { fullTime, networkName, shortTime } from '../format.js';
import { useNames } from './names.js';
import { SourceForm } from './source-form.js';

const REFRESH_MS = 15_000;
/** More would not be read; those that are ill come first. */
const SHOWN = 200;
const ORDER = { failed: 0, refused: 1, waiting: 2, ok: 3 };

interface Editing {
  kinds: readonly SourceKind[];
  name: string | null;
  source: HubSource | null;
}

/** Every source of rewards, agents' and the hub's own: who answers, who does not and why. */
export const RewardSources = () => {
  const { client, notice, session } = useApp();
  const items = useSignal<readonly RewardSource[] | null>(null);
  const editing = useSignal<Editing | null>(null);
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
      const found = (await client.networks()).items;
      items.value = [...found].sort((a, b) => ORDER[a.state] - ORDER[b.state]);
    });
  const edit = (name: string | null) =>
    attempt(async () => {
      const { items: kinds } = await client.sourceKinds();
      editing.value = { kinds, name, source: name === null ? null : await client.source(name) };
    });
  const remove = (name: string) =>
    attempt(async () => {
      if (!confirm(`The hub will no longer ask "${name}". What it booked stays.`)) return;
      await client.deleteSource(name);
      await load();
    });
  useEffect(() => {
    void load();
    const timer = setInterval(load, REFRESH_MS);
    return () => clearInterval(timer);
  }, []);
  const done = () => {
    editing.value = null;
    void load();
  };
  const list = items.value ?? [];
  return (
    <section aria-label="Reward sources">
      <h2>Reward sources</h2>
      {items.value?.length === 0 && <p class="quiet">None yet: agents ask those in their settings, the hub those added here.</p>}
      <ol class="sources">
        {list.slice(0, SHOWN).map((one) => (
          <Line key={one.id} one={one} onEdit={is_admin ? edit : null} onRemove={remove} />
        ))}
      </ol>
      {list.length > SHOWN && <p class="quiet">And {list.length - SHOWN} more.</p>}
      {editing.value && <SourceForm key={editing.value.name ?? ''} {...editing.value} onDone={done} />}
      {is_admin && !editing.value && (
        <p>
          <button type="button" class="button" onClick={() => void edit(null)}>
            Add a source
          </button>
        </p>
      )}
    </section>
  );
};

interface LineProps {
  one: RewardSource;
  onEdit: ((name: string) => Promise<void>) | null;
  onRemove(name: string): Promise<void>;
}

const Line = ({ one, onEdit, onRemove }: LineProps) => {
  const { clock } = useApp();
  const names = useNames();
  const is_own = one.next_at !== undefined;
  const next = one.next_at ? `asked again ${shortTime(one.next_at, clock.value)}` : '';
  return (
    <li>
      <b class={one.state}>{one.state}</b>
      <span title={one.network}>{is_own ? one.id : networkName(one.network)}</span>
      <span title={one.device}>
        {is_own ? (
          'asked by the hub'
        ) : one.device ? (
          <a href={`/devices/${one.device}`}>{names.device(one.device)}</a>
        ) : (
          'no device'
        )}
      </span>
      <time title={one.last_reading === null ? '' : fullTime(one.last_reading)}>
        {one.last_reading === null ? 'never' : shortTime(one.last_reading, clock.value)}
      </time>
      <span class="said">{[one.account, one.last_error, one.state === 'failed' ? next : ''].filter(Boolean).join(' · ')}</span>
      {is_own && onEdit && (
        <span>
          <button type="button" class="plain" onClick={() => void onEdit(one.id)}>
            Edit
          </button>{' '}
          <button type="button" class="plain" onClick={() => void onRemove(one.id)}>
            Remove
          </button>
        </span>
      )}
    </li>
  );
};
