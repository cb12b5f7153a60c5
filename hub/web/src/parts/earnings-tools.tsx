import { useSignal } from '@preact/signals';
import { useApp } from '../app.js';
import { type Asked, dayText, PERIODS, spanOf } from '../earnings-query.js';
import { networkName } from '../format.js';
import { Choice, useChoices } from './fleet-tools.js';
import { closeMenu, Menu } from './menu.js';

/** Period, filters and export of the earnings page. */
interface Tools {
  asked: Asked;
  onChange(part: Partial<Asked>): void;
}

export const PeriodPicker = ({ asked, onChange }: { asked: { period: string }; onChange(part: { period: string }): void }) => {
  const { clock } = useApp();
  const open = useSignal(asked.period.includes('..'));
  const { from, to } = spanOf(asked.period, clock.value);
  const first = useSignal(dayText(from));
  const last = useSignal(dayText(to - 1));
  const pick = (period: string) => {
    open.value = false;
    onChange({ period });
  };
  const choose = (event: Event) => {
    event.preventDefault();
    const [start, end] = [first.value, last.value].sort();
    if (start && end) onChange({ period: `${start}..${end}` });
  };
  return (
    <>
      <fieldset class="picker">
        <legend class="unseen">Period</legend>
        {Object.entries(PERIODS).map(([period, words]) => (
          <button type="button" key={period} aria-pressed={!open.value && asked.period === period} onClick={() => pick(period)}>
            {words}
          </button>
        ))}
        <button type="button" aria-pressed={open.value} onClick={() => (open.value = true)}>
          Days
        </button>
      </fieldset>
      {open.value && (
        <form class="days" onSubmit={choose}>
          <input
            type="date"
            required
            aria-label="First UTC day"
            value={first}
            onInput={(event) => (first.value = event.currentTarget.value)}
          />
          <span class="quiet">to</span>
          <input
            type="date"
            required
            aria-label="Last UTC day"
            value={last}
            onInput={(event) => (last.value = event.currentTarget.value)}
          />
          <button type="submit" class="button">
            Show
          </button>
        </form>
      )}
    </>
  );
};

const FORMATS = { generic: 'CSV', koinly: 'CSV for Koinly', cointracking: 'CSV for CoinTracking', json: 'JSON' };

/** Receipts of the period; of the chosen network, of all devices. */
export const ExportMenu = ({ asked }: { asked: Asked }) => {
  const { clock } = useApp();
  const { from, to } = spanOf(asked.period, clock.value);
  const linkOf = (format: string) => {
    const query = new URLSearchParams({ from: String(from), to: String(to), format });
    if (asked.network) query.set('network', asked.network);
    return `/api/v1/earnings/export.csv?${query}`;
  };
  const fileOf = (format: string) => `muster-${dayText(from)}-${dayText(to - 1)}-${format}.${format === 'json' ? 'json' : 'csv'}`;
  return (
    <Menu title="Export">
      <ul>
        {Object.entries(FORMATS).map(([format, words]) => (
          <li key={format}>
            <a href={linkOf(format)} download={fileOf(format)} onClick={closeMenu}>
              {words}
            </a>
          </li>
        ))}
      </ul>
    </Menu>
  );
};

export const EarningsFilters = ({ asked, networks, onChange }: Tools & { networks: readonly string[] }) => {
  const { siteNames } = useApp();
  const { sites, tags } = useChoices().value;
  const nameOf = (site: string) => siteNames.value.get(site) ?? site;
  const list = [...networks];
  return (
    <>
      <Choice
        label="Network"
        all="All networks"
        value={asked.network}
        options={list}
        nameOf={networkName}
        onPick={(network) => onChange({ network })}
      />
      <Choice
        label="Site"
        all="All sites"
        value={asked.site}
        options={sites}
        nameOf={nameOf}
        onPick={(site) => onChange({ site })}
      />
      <Choice label="Tag" all="All tags" value={asked.tag} options={tags} nameOf={String} onPick={(tag) => onChange({ tag })} />
    </>
  );
};
