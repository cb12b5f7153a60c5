import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { useApp } from '../app.js';
import { FormError, type RewardSource, sentenceOf } from '../client.js';
import { networkName } from '../format.js';

/** Accounts whose income is nobody's yet, and a form that says whose it is from now on. */
interface Account {
  network: string;
  account: string;
  tokens: string[];
}

const SHOWN = 50;

export const accountsOf = (sources: readonly RewardSource[]): Account[] => {
  const found = new Map<string, Account>();
  for (const { network, account, token, device, shares } of sources) {
    if (account === '' || device !== '' || (shares && shares.length > 0)) continue;
    const known = found.get(`${network} ${account}`) ?? { network, account, tokens: [] };
    if (token !== '' && !known.tokens.includes(token)) known.tokens.push(token);
    found.set(`${network} ${account}`, known);
  }
  return [...found.values()];
};

export const Unassigned = () => {
  const { client, operates } = useApp();
  const list = useSignal<readonly Account[]>([]);
  const open = useSignal<string | null>(null);
  const load = () =>
    client.networks().then(
      ({ items }) => {
        list.value = accountsOf(items);
      },
      // The page is of use without it.
      () => {},
    );
  useEffect(() => void load(), []);
  if (list.value.length === 0) return null;
  const done = () => {
    open.value = null;
    void load();
  };
  return (
    <section aria-label="Accounts of nobody">
      <h2>Accounts without a device</h2>
      <p class="quiet">
        Their income is kept, but no device earns it. What comes after you say whose it is goes to those devices.
      </p>
      <ul class="accounts">
        {list.value.slice(0, SHOWN).map((one) => {
          const key = `${one.network} ${one.account}`;
          return (
            <li key={key}>
              <b>{networkName(one.network)}</b>
              <span class="account" title={one.account}>
                {one.account}
              </span>
              <span class="quiet">{one.tokens.join(', ')}</span>
              {operates.value && (
                <button type="button" class="plain" onClick={() => (open.value = open.value === key ? null : key)}>
                  Assign
                </button>
              )}
              {open.value === key && <SharesForm of={one} onDone={done} />}
            </li>
          );
        })}
      </ul>
      {list.value.length > SHOWN && <p class="quiet">And {list.value.length - SHOWN} more.</p>}
    </section>
  );
};

interface Share {
  device: string;
  parts: string;
}

/** Names are as good as ids where they are one device's. */
export const sharesFrom = (lines: readonly Share[], idOf: (text: string) => string | null) => {
  const named = lines.filter(({ device }) => device.trim() !== '');
  if (named.length === 0) throw new FormError('Name at least one device.');
  return named.map(({ device, parts }) => {
    const id = idOf(device.trim());
    if (id === null) throw new FormError(`There is no device “${device.trim()}”.`);
    if (!/^[1-9]\d{0,5}$/.test(parts.trim()))
      throw new FormError('Parts are whole numbers from 1 on: 2 and 1 are two thirds and one third.');
    return { device: id, parts: Number(parts) };
  });
};

const SharesForm = ({ of, onDone }: { of: Account; onDone(): void }) => {
  const { client, board } = useApp();
  const lines = useSignal<readonly Share[]>([{ device: '', parts: '1' }]);
  const failure = useSignal<string | null>(null);
  const idOf = (text: string): string | null => {
    if (board.devices.has(text)) return text;
    const same = [...board.devices.values()].filter(({ name }) => name === text);
    return same.length === 1 ? (same[0]?.id ?? null) : null;
  };
  const change = (at: number, part: Partial<Share>) => {
    lines.value = lines.value.map((line, i) => (i === at ? { ...line, ...part } : line));
  };
  const save = async (event: Event) => {
    event.preventDefault();
    try {
      await client.share(of, sharesFrom(lines.value, idOf));
      onDone();
    } catch (error) {
      failure.value = sentenceOf(error);
    }
  };
  return (
    <form class="shares" onSubmit={save}>
      <datalist id="share-devices">
        {[...board.devices.values()].slice(0, 500).map(({ id, name }) => (
          <option key={id} value={id}>
            {name}
          </option>
        ))}
      </datalist>
      {lines.value.map((line, at) => (
        <div key={at}>
          <input
            list="share-devices"
            aria-label="Device"
            placeholder="Device"
            value={line.device}
            onInput={(event) => change(at, { device: event.currentTarget.value })}
          />
          <input
            inputMode="numeric"
            aria-label="Parts"
            title="Parts"
            size={4}
            value={line.parts}
            onInput={(event) => change(at, { parts: event.currentTarget.value })}
          />
        </div>
      ))}
      <div>
        <button type="submit" class="button main">
          Save
        </button>
        <button type="button" class="button" onClick={() => (lines.value = [...lines.value, { device: '', parts: '1' }])}>
          One more device
        </button>
      </div>
      {failure.value !== null && (
        <p class="failure" role="alert">
          {failure.value}
        </p>
      )}
    </form>
  );
};
