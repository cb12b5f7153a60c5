import { useSignal } from '@preact/signals';
import { useApp } from '../app.js';
import { type AvailabilityRow, type ReportAsked, type ReportSort, uptimeText } from '../availability.js';
import { duration, NOTHING } from '../format.js';
import { More } from './more.js';

/** Devices or sites with the time that they were up; a click on a head sorts. */
interface Table {
  rows: readonly AvailabilityRow[];
  asked: ReportAsked;
  onSort(sort: ReportSort): void;
}
const PAGE = 200;

const COLUMNS: readonly { sort: ReportSort; title: string; about: string; class: string }[] = [
  { sort: 'name', title: 'Name', about: 'Sort by name', class: 'v-name' },
  { sort: 'uptime', title: 'Uptime', about: 'Share of the watched time in which it was up', class: 'num v-uptime' },
  { sort: 'down', title: 'Down', about: 'How long it was down; planned stops do not count', class: 'num v-down' },
  { sort: 'outages', title: 'Outages', about: 'How often it was down', class: 'num v-outages' },
  { sort: 'longest', title: 'Longest', about: 'The longest outage', class: 'num v-longest' },
  { sort: 'cost', title: 'Cost', about: 'What it would have earned in that time', class: 'num v-cost' },
];

export const AvailabilityTable = ({ rows, asked, onSort }: Table) => {
  const most = useSignal(PAGE);
  const way = asked.order === 'asc' ? 'ascending' : 'descending';
  return (
    <>
      <table class="report">
        <thead>
          <tr>
            {COLUMNS.map(({ sort, title, about, class: name }) => (
              <th scope="col" key={sort} class={name} aria-sort={asked.sort === sort ? way : undefined} title={about}>
                <button type="button" aria-pressed={asked.sort === sort} onClick={() => onSort(sort)}>
                  {title}
                  {asked.sort === sort && <i class={asked.order === 'desc' ? 'turn falling' : 'turn'} />}
                </button>
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.slice(0, most.value).map((row) => (
            <Row key={row.key} row={row} by={asked.by} />
          ))}
        </tbody>
      </table>
      <More left={rows.length - most.value} onMore={() => (most.value += PAGE)} />
    </>
  );
};

/** Below this the bar says that something is wrong. */
const POOR = 0.99;

const Row = ({ row, by }: { row: AvailabilityRow; by: ReportAsked['by'] }) => {
  const { siteNames } = useApp();
  const { uptime, watched_ms, down_ms, planned_ms, outages, longest_ms } = row;
  const site = by === 'device' && row.site !== null ? (siteNames.value.get(row.site) ?? row.site) : null;
  const watched = `Watched for ${duration(watched_ms)}${planned_ms > 0 ? `, planned stops ${duration(planned_ms)}` : ''}`;
  const of = (text: string) => (uptime === null ? NOTHING : text);
  return (
    <tr>
      <td class="v-name">
        {row.key === '' ? (
          'Without a site'
        ) : (
          <a href={by === 'site' ? `/?site=${encodeURIComponent(row.key)}` : `/devices/${row.key}`} title={row.key}>
            {row.name}
          </a>
        )}
        {site && <span class="quiet"> {site}</span>}
      </td>
      <td class="num v-uptime" title={watched}>
        {uptime !== null && (
          <span class={uptime < POOR ? 'share poor' : 'share'} aria-hidden="true">
            <i style={{ width: `${uptime * 100}%` }} />
          </span>
        )}
        {uptime === null ? <span class="none">not watched</span> : <span class="figure">{uptimeText(uptime)}</span>}
      </td>
      <td class="num v-down">
        <Label text="down" />
        {of(down_ms > 0 ? duration(down_ms) : NOTHING)}
      </td>
      <td class="num v-outages">
        <Label text="outages" />
        {of(String(outages))}
      </td>
      <td class="num v-longest">
        <Label text="longest" />
        {of(longest_ms > 0 ? duration(longest_ms) : NOTHING)}
      </td>
      <td class="num v-cost">
        <Cost row={row} />
      </td>
    </tr>
  );
};

const Label = ({ text }: { text: string }) => <span class="label">{text} </span>;

const Cost = ({ row: { cost } }: { row: AvailabilityRow }) => {
  const { moneyOf } = useApp();
  if (cost === null) {
    return (
      <span class="none" title="What it earns, or the price of its token, is not known">
        unknown
      </span>
    );
  }
  const money = moneyOf(cost.currency);
  return <span title={money.exact(cost.amount)}>{money.shown(cost.amount)}</span>;
};
