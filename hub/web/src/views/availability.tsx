import { useComputed, useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { useApp } from '../app.js';
import {
  type AvailabilityRow,
  costTogether,
  exportPath,
  fitsReport,
  type ReportAsked,
  type ReportSort,
  reportAddress,
  reportFrom,
  sortReport,
  uptimeText,
  uptimeTogether,
  usualOrder,
} from '../availability.js';
import { allPages, sentenceOf } from '../client.js';
import { dayText, spanOf } from '../earnings-query.js';
import { AvailabilityTable } from '../parts/availability-table.js';
import { PeriodPicker } from '../parts/earnings-tools.js';
import { Choice, useChoices } from '../parts/fleet-tools.js';
import { Icon } from '../parts/icons.js';

/** How much of the time devices and sites were up, and what the rest cost. */
const REFRESH_MS = 300_000;

/** Of today only what has been: the rest is not known. */
const spanTo = (period: string, now: number): { from: number; to: number } => {
  const { from, to } = spanOf(period, now);
  return { from, to: Math.max(from + 1, Math.min(to, now)) };
};

const useReport = (asked: ReportAsked) => {
  const { client, board, live } = useApp();
  const rows = useSignal<readonly AvailabilityRow[] | null>(null);
  const failure = useSignal<string | null>(null);
  const connected = live.status.value === 'live';
  const { by, period } = asked;
  useEffect(() => {
    if (!connected) return;
    const stop = new AbortController();
    const ask = async () => {
      const query = { ...spanTo(period, board.now()), by };
      try {
        rows.value = await allPages((after) => client.availability(after ? { ...query, after } : query, stop.signal));
        failure.value = null;
      } catch (error) {
        if (!stop.signal.aborted) failure.value = sentenceOf(error);
      }
    };
    rows.value = null;
    void ask();
    const timer = setInterval(ask, REFRESH_MS);
    return () => {
      clearInterval(timer);
      stop.abort();
    };
  }, [connected, by, period]);
  return { rows: rows.value, failure: failure.value };
};

export const AvailabilityPage = () => {
  const { router } = useApp();
  const asked = useComputed(() => reportFrom(router.query.value)).value;
  const { rows, failure } = useReport(asked);
  const change = (part: Partial<ReportAsked>) => router.setQuery(reportAddress({ ...asked, ...part }));
  const turn = (sort: ReportSort) => {
    const other = asked.order === 'asc' ? 'desc' : 'asc';
    change({ sort, order: asked.sort === sort ? other : usualOrder(sort) });
  };
  const shown = rows && sortReport(rows.filter(fitsReport(asked)), asked);
  return (
    <main class="earnings-page availability-page">
      <Head asked={asked} rows={shown} onChange={change} />
      {failure !== null && <p class="failure">{failure}</p>}
      {rows === null && failure === null && <p class="empty quiet">Reading the report…</p>}
      {shown && rows && rows.length > 0 && (
        <>
          <Totals rows={shown} />
          <Tools asked={asked} count={shown.length} onChange={change} />
          <AvailabilityTable rows={shown} asked={asked} onSort={turn} />
        </>
      )}
      {rows?.length === 0 && <Nothing by={asked.by} />}
      {shown?.length === 0 && rows && rows.length > 0 && <NothingFits onReset={() => change({ site: '', q: '' })} />}
    </main>
  );
};

const BY = { device: 'Devices', site: 'Sites' } as const;

interface HeadProps {
  asked: ReportAsked;
  rows: readonly AvailabilityRow[] | null;
  onChange(part: Partial<ReportAsked>): void;
}
const Head = ({ asked, rows, onChange }: HeadProps) => (
  <div class="section-head">
    <h1>Availability</h1>
    <fieldset class="picker">
      <legend class="unseen">Of</legend>
      {(['device', 'site'] as const).map((by) => (
        <button type="button" key={by} aria-pressed={asked.by === by} onClick={() => onChange({ by, site: '', q: '' })}>
          {BY[by]}
        </button>
      ))}
    </fieldset>
    <PeriodPicker asked={asked} onChange={onChange} />
    <span class="push" />
    {rows && rows.length > 0 && <Download asked={asked} />}
  </div>
);

const Download = ({ asked }: { asked: ReportAsked }) => {
  const { board } = useApp();
  const span = spanTo(asked.period, board.now());
  const [first, last] = [dayText(span.from), dayText(span.to - 1)];
  return (
    <a class="button" href={exportPath(asked, span)} download={`muster-availability-${asked.by}-${first}-${last}.csv`}>
      CSV
    </a>
  );
};

const Totals = ({ rows }: { rows: readonly AvailabilityRow[] }) => {
  const { moneyOf } = useApp();
  const uptime = uptimeTogether(rows);
  const cost = costTogether(rows);
  const outages = rows.reduce((sum, row) => sum + row.outages, 0);
  return (
    <dl class="totals">
      <div>
        <dt>Uptime</dt>
        <dd>{uptime === null ? 'unknown' : uptimeText(uptime)}</dd>
      </div>
      <div>
        <dt>Outages</dt>
        <dd>{outages.toLocaleString('en-US')}</dd>
      </div>
      <div>
        <dt>Cost</dt>
        <dd>
          {cost === null ? (
            'unknown'
          ) : (
            <span title={moneyOf(cost.currency).exact(cost.amount)}>{moneyOf(cost.currency).shown(cost.amount)}</span>
          )}
        </dd>
      </div>
    </dl>
  );
};

const Tools = ({ asked, count, onChange }: { asked: ReportAsked; count: number; onChange(part: Partial<ReportAsked>): void }) => {
  const { siteNames } = useApp();
  const { sites } = useChoices().value;
  const what = asked.by === 'site' ? 'site' : 'device';
  return (
    <search class="tools">
      <label class="field">
        <Icon name="search" />
        <input
          type="search"
          placeholder="Search"
          aria-label={`Search ${what}s by name`}
          value={asked.q}
          onInput={(event) => onChange({ q: event.currentTarget.value })}
        />
      </label>
      {asked.by === 'device' && (
        <Choice
          label="Site"
          all="All sites"
          value={asked.site}
          options={sites}
          nameOf={(site) => siteNames.value.get(site) ?? site}
          onPick={(site) => onChange({ site })}
        />
      )}
      <span class="push" />
      <output class="quiet">{count === 1 ? `1 ${what}` : `${count.toLocaleString('en-US')} ${what}s`}</output>
    </search>
  );
};

const Nothing = ({ by }: { by: 'device' | 'site' }) => (
  <p class="empty quiet">
    {by === 'site'
      ? 'No device has a site yet: give devices a site to compare places.'
      : 'No device was watched in this time. Choose a later one, or add a device on the fleet page.'}
  </p>
);

const NothingFits = ({ onReset }: { onReset(): void }) => (
  <div class="empty">
    <p class="quiet">Nothing fits this search.</p>
    <button type="button" class="button" onClick={onReset}>
      Show all
    </button>
  </div>
);
