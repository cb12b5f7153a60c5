import type { PriceSource, PriceState, PricesView } from '@muster/hub/parts';
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { useApp } from '../app.js';
import { FormError, sentenceOf } from '../client.js';
import { fullTime, networkName } from '../format.js';
import { trimmed } from '../money.js';

/** What each token is worth today and who says so; operators change it. */
export const Prices = ({ onChanged }: { onChanged(): void }) => {
  const { client, notice, operates } = useApp();
  const prices = useSignal<PricesView | null>(null);
  const editing = useSignal<string | null>(null);
  useEffect(() => {
    client.prices().then(
      (view) => {
        prices.value = view;
      },
      (error) => {
        notice.value = sentenceOf(error);
      },
    );
  }, [client, notice, prices]);
  const view = prices.value;
  if (!view) return null;
  const save = async (change: Parameters<typeof client.setPrices>[0]) => {
    prices.value = await client.setPrices(change);
    editing.value = null;
    onChanged();
  };
  return (
    <section aria-label="Prices">
      <div class="section-head">
        <h2>Prices</h2>
        <Currency view={view} onSave={operates.value ? save : null} />
      </div>
      {view.state.length === 0 && <p class="quiet">Tokens appear here with their first income.</p>}
      <ul class="prices">
        {view.state.map((state) => (
          <Line
            key={`${state.network}/${state.token}`}
            {...{ state, view, editing: editing.value, may: operates.value }}
            onEdit={(key) => (editing.value = key)}
            onSave={save}
          />
        ))}
      </ul>
    </section>
  );
};

type Save = (change: { sources?: Record<string, PriceSource>; currency?: string }) => Promise<void>;

const Currency = ({ view, onSave }: { view: PricesView; onSave: Save | null }) => {
  const { notice } = useApp();
  if (!onSave) return <span class="quiet">in {view.currency}</span>;
  const change = (currency: string) => {
    if (currency === view.currency) return;
    onSave({ currency }).catch((error) => {
      notice.value = sentenceOf(error);
    });
  };
  return (
    <label class="currency">
      <span class="quiet">in</span>
      <input
        aria-label="Currency"
        size={4}
        maxLength={3}
        pattern="[A-Za-z]{3}"
        value={view.currency}
        onChange={(event) => change(event.currentTarget.value.toUpperCase())}
      />
    </label>
  );
};

interface LineProps {
  state: PriceState;
  view: PricesView;
  editing: string | null;
  may: boolean;
  onEdit(key: string | null): void;
  onSave: Save;
}

const Line = ({ state, view, editing, may, onEdit, onSave }: LineProps) => {
  const { network, token, provider, price, currency, day, at, label } = state;
  const key = `${network}/${token}`;
  const failure = provider === 'coingecko' || provider === 'jupiter' ? view.providers[provider].last_error : null;
  return (
    <li>
      <b>{token}</b>
      <span class="quiet">{networkName(network)}</span>
      {price === null ? (
        <span class="none">unknown</span>
      ) : (
        <output title={`${price} ${currency ?? ''}`}>{`${trimmed(price)} ${currency ?? ''}`}</output>
      )}
      <span class="said" title={at === null ? '' : fullTime(at)}>
        {[providerWord(provider), label === 'earlier' ? 'of an earlier day' : '', day, failure].filter(Boolean).join(' · ')}
      </span>
      {may && (
        <button
          type="button"
          class="plain"
          aria-label={`Change the price of ${token}`}
          onClick={() => onEdit(editing === key ? null : key)}
        >
          Edit
        </button>
      )}
      {editing === key && <Form state={state} view={view} onSave={onSave} onDone={() => onEdit(null)} />}
    </li>
  );
};

const PROVIDERS = {
  coingecko: { title: 'CoinGecko', field: 'Id, such as helium' },
  jupiter: { title: 'Jupiter (Solana)', field: 'Mint address' },
  manual: { title: 'By hand', field: 'Price from today on' },
  fixed: { title: 'Fixed', field: 'Price' },
  none: { title: 'No price', field: '' },
} as const;
type Provider = keyof typeof PROVIDERS;

const providerWord = (provider: string): string => (provider in PROVIDERS ? PROVIDERS[provider as Provider].title : provider);

const textOf = (source: PriceSource | undefined): string => {
  if (source?.provider === 'coingecko') return source.id;
  if (source?.provider === 'jupiter') return source.mint;
  if (source?.provider === 'manual') return source.prices.at(-1)?.price ?? '';
  return source?.provider === 'fixed' ? source.price : '';
};

/** A price by hand holds from today on: what was said of earlier days stays. */
export const sourceFrom = (
  provider: Provider,
  text: string,
  of: { today: string; before: PriceSource | undefined },
): PriceSource => {
  if (provider === 'none') return { provider };
  if (text === '') throw new FormError(`${PROVIDERS[provider].field} is missing.`);
  if (provider === 'coingecko') return { provider, id: text };
  if (provider === 'jupiter') return { provider, mint: text };
  if (provider === 'fixed') return { provider, price: text };
  const earlier = of.before?.provider === 'manual' ? of.before : { prices: [], currency: undefined };
  const prices = [...earlier.prices.filter(({ from }) => from < of.today), { from: of.today, price: text }];
  return { provider, prices, ...(earlier.currency !== undefined && { currency: earlier.currency }) };
};

const Form = ({ state, view, onSave, onDone }: { state: PriceState; view: PricesView; onSave: Save; onDone(): void }) => {
  const { clock } = useApp();
  const { network, token } = state;
  const own = view.sources[`${network}/${token}`];
  const before = own ?? view.sources[token];
  const provider = useSignal<Provider>(before?.provider ?? 'manual');
  const text = useSignal(textOf(before));
  const failure = useSignal<string | null>(null);
  const save = async (event: Event) => {
    event.preventDefault();
    try {
      const today = new Date(clock.value).toISOString().slice(0, 10);
      const source = sourceFrom(provider.value, text.value.trim(), { today, before });
      await onSave({ sources: { ...view.sources, [own ? `${network}/${token}` : token]: source } });
    } catch (error) {
      failure.value = sentenceOf(error);
    }
  };
  return (
    <form class="price-form" onSubmit={save}>
      <select
        aria-label="Provider"
        value={provider}
        onChange={(event) => (provider.value = event.currentTarget.value as Provider)}
      >
        {Object.entries(PROVIDERS).map(([id, { title }]) => (
          <option key={id} value={id}>
            {title}
          </option>
        ))}
      </select>
      {provider.value !== 'none' && (
        <input
          aria-label={PROVIDERS[provider.value].field}
          placeholder={PROVIDERS[provider.value].field}
          value={text}
          onInput={(event) => (text.value = event.currentTarget.value)}
        />
      )}
      <button type="submit" class="button main">
        Save
      </button>
      <button type="button" class="button" onClick={onDone}>
        Cancel
      </button>
      {failure.value !== null && (
        <p class="failure" role="alert">
          {failure.value}
        </p>
      )}
    </form>
  );
};
