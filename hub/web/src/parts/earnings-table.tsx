import type { CompareRow, CompareSort } from '@muster/hub/parts';
import type { ComponentChildren } from 'preact';
import { useApp } from '../app.js';
import type { Asked } from '../earnings-query.js';
import { exactAmount, NOTHING, networkName } from '../format.js';
import { changeText, type Money, shareOf, trimmed } from '../money.js';
import { Amounts } from './amounts.js';
import { Fiat, isEstimated, NO_COST, NO_PRICE } from './fiat.js';
import { Sparkline } from './sparkline.js';

/** Devices side by side; on a phone each is a card. */
interface Column {
  key: CompareSort | null;
  title: string;
  class: string;
  about?: string;
}
const COLUMNS: readonly Column[] = [
  { key: 'device', title: 'Device', class: 'e-name', about: 'Sort by id' },
  { key: null, title: 'Network', class: 'e-network' },
  { key: 'tokens', title: 'Tokens', class: 'num e-tokens', about: 'Sort by base units: of use within one network' },
  { key: 'fiat', title: 'Worth', class: 'num e-fiat', about: 'At the price of each day' },
  { key: 'cost', title: 'Cost', class: 'num e-cost', about: 'Electricity' },
  { key: 'net', title: 'Net', class: 'num e-net', about: 'Less electricity and what the host keeps' },
  { key: 'per_day', title: 'Per day', class: 'num e-day' },
  { key: 'per_watt', title: 'Per W', class: 'num e-watt', about: 'Worth per day and watt' },
  { key: 'change', title: 'Before', class: 'num e-change', about: 'Against the period before, per day' },
  { key: 'z', title: 'Cohort', class: 'num e-cohort', about: 'Against the median of devices like it' },
  { key: null, title: 'Trend', class: 'e-trend' },
  { key: null, title: 'Why', class: 'e-why' },
];

interface Table {
  rows: readonly CompareRow[];
  money: Money;
  asked: Asked;
  onSort(key: CompareSort): void;
}

export const EarningsTable = ({ rows, money, asked, onSort }: Table) => (
  <table class="compare">
    <thead>
      <tr>
        {COLUMNS.map((column) => (
          <Head key={column.title} column={column} asked={asked} onSort={onSort} />
        ))}
      </tr>
    </thead>
    <tbody>
      {rows.map((row) => (
        <Row key={row.device} row={row} money={money} />
      ))}
    </tbody>
  </table>
);

const Head = ({ column, asked, onSort }: { column: Column; asked: Asked; onSort(key: CompareSort): void }) => {
  const { key, title, about } = column;
  const sorted = key !== null && asked.sort === key;
  const way = asked.order === 'asc' ? 'ascending' : 'descending';
  return (
    <th scope="col" class={column.class} aria-sort={sorted ? way : undefined} title={about}>
      {key === null ? (
        title
      ) : (
        <button type="button" aria-pressed={sorted} onClick={() => onSort(key)}>
          {title}
          {sorted && <i class={way === 'descending' ? 'turn falling' : 'turn'} />}
        </button>
      )}
    </th>
  );
};

const Cell = ({ of, name, children }: { of: string; name?: string; children: ComponentChildren }) => (
  <td class={of}>
    {name !== undefined && <span class="label">{name}</span>}
    {children}
  </td>
);

const Row = ({ row, money }: { row: CompareRow; money: Money }) => {
  const { siteNames } = useApp();
  const estimated = isEstimated(row.streams);
  const site = row.site === null ? '' : (siteNames.value.get(row.site) ?? row.site);
  const places = [site, ...row.tags].filter(Boolean).join(', ');
  return (
    <tr>
      <Cell of="e-name">
        <a href={`/devices/${row.device}`} title={[row.device, places].filter(Boolean).join('\n')}>
          {row.name}
        </a>
      </Cell>
      <Cell of="e-network">{networksOf(row).map(networkName).join(', ') || NOTHING}</Cell>
      <Cell of="num e-tokens">
        <Amounts list={row.streams} most={3} />
      </Cell>
      <Cell of="num e-fiat">
        <Fiat money={money} text={row.fiat} part={row.incomplete?.fiat} estimated={estimated} hint={fiatHint(row)} />
      </Cell>
      <Cell of="num e-cost" name="cost">
        <Fiat money={money} text={row.cost} hint={row.cost === null ? NO_COST : costHint(row)} />
      </Cell>
      <Cell of="num e-net" name="net">
        <Fiat money={money} text={row.net} estimated={estimated} hint={netHint(row, money)} />
      </Cell>
      <Cell of="num e-day" name="per day">
        <Fiat
          money={money}
          text={row.fiat_per_day}
          estimated={estimated}
          hint={row.fiat_per_day === null ? NO_PRICE : undefined}
        />
      </Cell>
      <Cell of="num e-watt">
        <PerWatt row={row} money={money} />
      </Cell>
      <Cell of="num e-change" name="before">
        <Change row={row} money={money} />
      </Cell>
      <Cell of="num e-cohort" name="cohort">
        <Cohort row={row} money={money} />
      </Cell>
      <Cell of="e-trend">
        <Sparkline points={row.trend.points} title={`Trend in ${row.trend.of === 'fiat' ? money.currency : 'tokens'}`} />
      </Cell>
      <Cell of="e-why">
        <Why row={row} />
      </Cell>
    </tr>
  );
};

const networksOf = (row: CompareRow): string[] => [...new Set(row.streams.map(({ network }) => network))];

const fiatHint = (row: CompareRow): string | undefined => {
  if (row.fiat === null) return NO_PRICE;
  return row.earlier_prices ? 'Some days at the price of an earlier day' : undefined;
};

const costHint = ({ watts, watts_from }: CompareRow): string | undefined =>
  watts === null ? undefined : `${trimmed(watts)} W (${watts_from === 'nameplate' ? 'nameplate' : `measured: ${watts_from}`})`;

const netHint = (row: CompareRow, money: Money): string | undefined => {
  if (row.net === null) return row.fiat === null ? NO_PRICE : NO_COST;
  const { hosting, payback, break_even_tariff, break_even_price } = row;
  return [
    hosting !== null && Number(hosting) > 0 ? `The host keeps ${money.exact(hosting)}` : '',
    payback ? `Pays its price back on ${payback.date} (day ${payback.days})` : '',
    break_even_tariff ? `Nothing is left at ${money.shown(break_even_tariff)} a kWh` : '',
    break_even_price ? `or at ${money.shown(break_even_price.price)} a ${break_even_price.token}` : '',
  ]
    .filter(Boolean)
    .join('\n');
};

const PerWatt = ({ row, money }: { row: CompareRow; money: Money }) => {
  const [unit] = row.per;
  if (row.per_watt === null && !unit) return <span class="none">{NOTHING}</span>;
  const others = row.per.map((one) => `${money.exact(one.fiat)} per ${one.unit} and day (${one.network})`).join('\n');
  return (
    <>
      {row.per_watt !== null && (
        <Fiat money={money} text={row.per_watt} hint={`per day and watt, ${costHint(row) ?? ''}\n${others}`.trim()} />
      )}
      {unit && (
        <span class="per" title={others}>
          {money.shown(unit.fiat)}/{unit.unit}
        </span>
      )}
    </>
  );
};

const WORSE = -0.25;
const Change = ({ row, money }: { row: CompareRow; money: Money }) => {
  const { change, fiat, streams } = row.previous;
  const before = [fiat === null ? '' : money.exact(fiat), ...streams.map(exactAmount)].filter(Boolean).join('\n');
  return (
    <span
      class={change === null ? 'none' : change <= WORSE ? 'worse' : ''}
      title={before ? `The period before:\n${before}` : 'Nothing before to compare with'}
    >
      {changeText(change)}
    </span>
  );
};

const FAR = -2;
const Cohort = ({ row, money }: { row: CompareRow; money: Money }) => {
  const { cohort } = row;
  if (!cohort) {
    return (
      <span class="none" title="Fewer than four devices are like it">
        {NOTHING}
      </span>
    );
  }
  const { by, of, devices, median, z } = cohort;
  const share = of === 'fiat' && row.fiat_per_day !== null ? shareOf(row.fiat_per_day, median) : null;
  const usual = of === 'fiat' ? `${money.exact(median)} a day` : `${median} base units a day`;
  const like = `${devices} devices of the same ${by.join(', ')}`;
  const title = `Median of ${like}: ${usual}\n${z === null ? 'all earn the same' : `${z.toFixed(1)} robust deviations from it`}`;
  const text = share !== null ? changeText(share) : z === null ? 'same' : `z ${z.toFixed(1).replace('-', '−')}`;
  return (
    <span class={z !== null && z <= FAR ? 'worse' : ''} title={title}>
      {text}
    </span>
  );
};

const Why = ({ row }: { row: CompareRow }) => {
  const { notes } = row.why;
  const all = row.earlier_prices ? [...notes, 'earlier prices'] : notes;
  return (
    <>
      {all.map((note) => (
        <span class="chip" key={note} title={note}>
          {note}
        </span>
      ))}
    </>
  );
};
