import type { Incident } from '@muster/hub/parts';
import { type ReadonlySignal, type Signal, useComputed, useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { type AlertFilter, activeCount, createMatcher, filterFrom, NO_ALERT_FILTER } from '../alert-filter.js';
import { type Alert, fiatText, GROUPS, type Group, type Grouped, grouped, stakeTogether } from '../alert-groups.js';
import { useApp } from '../app.js';
import { sentenceOf } from '../client.js';
import { duration, fullTime, shortTime } from '../format.js';
import { foldIncidents } from '../incidents.js';
import { AlertActions } from '../parts/alert-actions.js';
import { useIncidents, useRules } from '../parts/alert-data.js';
import { AlertFilters } from '../parts/alert-filters.js';
import { AlertHistory } from '../parts/alert-history.js';
import { AlertLines } from '../parts/alert-lines.js';
import { BellMenu } from '../parts/bell-menu.js';
import { IncidentCards, incidentTitle } from '../parts/incident-cards.js';
import { More } from '../parts/more.js';
import { AlertPage } from './alert.js';
import { IncidentPage } from './incident.js';

/** Alerts of the fleet: those that ask for somebody, by the money at stake; the others; and what was. */
type Show = Group | 'events';
const WORDS: Record<Group, string> = {
  firing: 'Firing',
  pending: 'Pending',
  acknowledged: 'Acknowledged',
  unknown: 'Unknown',
  silenced: 'Silenced',
  resolved: 'History',
};
const NOTHING_HERE: Record<Group, string> = {
  firing: 'Nothing asks for you: no alert fires that nobody has taken.',
  pending: 'No alert is about to fire.',
  acknowledged: 'Nobody has taken an alert. Select firing ones and acknowledge them to say that you look after them.',
  unknown: 'Every device with an open alert can be heard. Alerts of devices that are away wait here until they are back.',
  silenced: 'No alert is snoozed or silenced. Select alerts to hear no more of them for some time.',
  resolved: 'No alert has been resolved yet.',
};
/** As many lines as a page takes without getting slow; the rest is asked for. */
const PAGE = 100;

const showFrom = (query: URLSearchParams): Show => {
  const asked = query.get('show');
  if (asked === 'events') return 'events';
  return GROUPS.find((group) => group === asked) ?? 'firing';
};

export const AlertsPage = () => {
  const { router } = useApp();
  const id = router.query.value.get('alert');
  const incident = router.query.value.get('incident');
  // The list stays behind an alert: what is selected in it and how far it is scrolled are there again.
  return (
    <>
      <ListPage away={id !== null || incident !== null} />
      {id !== null && <AlertPage key={id} id={id} />}
      {id === null && incident !== null && <IncidentPage key={incident} id={incident} />}
    </>
  );
};

const useLoaded = () => {
  const { board, client, notice, live } = useApp();
  const connected = live.status.value === 'live';
  useEffect(() => {
    if (!connected) return;
    const load = async () => {
      const [open, resolved] = await Promise.all([client.alerts(), client.alerts({ state: 'resolved' })]);
      board.putAlerts([...open.items, ...resolved.items]);
    };
    load().catch((error) => {
      notice.value = sentenceOf(error);
    });
  }, [board, client, notice, connected]);
};

const useLists = (filter: ReadonlySignal<AlertFilter>, ruleTitle: (rule: string) => string): ReadonlySignal<Grouped> => {
  const { board, pace } = useApp();
  return useComputed(() => {
    board.places.value;
    const now = pace.value;
    const fits = createMatcher(filter.value, { now, about: (id) => board.devices.get(id), ruleTitle });
    return grouped(
      board.alerts.value.filter((alert) => fits(alert, alert.resolved_at ?? alert.since)),
      now,
    );
  });
};

const ListPage = ({ away }: { away: boolean }) => {
  const { board, router } = useApp();
  useLoaded();
  const rules = useRules();
  const incidents = useIncidents();
  const filter = useComputed(() => filterFrom(router.query.value));
  const show = useComputed(() => showFrom(router.query.value)).value;
  const ruleTitle = (rule: string) => rules.value.get(rule)?.title ?? rule;
  const lists = useLists(filter, ruleTitle).value;
  const group = show === 'events' ? 'resolved' : show;
  const change = (part: Partial<AlertFilter>) =>
    router.setQuery({ show: show === 'firing' ? '' : show, ...filter.value, ...part });
  const filtered = activeCount(filter.value) > 0;
  const folded = foldIncidents(lists[group], incidents.value ?? [], rules.value);
  return (
    <main class="alerts-page" hidden={away}>
      <Head lists={lists} group={group} />
      <search class="tools" aria-label="Filter alerts">
        <AlertFilters filter={filter.value} alerts={board.alerts.value} ruleTitle={ruleTitle} onChange={change} />
        <span class="push" />
        {group !== 'resolved' && <Together alerts={lists[group]} />}
      </search>
      {group === 'resolved' ? (
        <AlertHistory filter={filter.value} show={show === 'events' ? 'events' : 'resolved'} ruleTitle={ruleTitle} />
      ) : (
        <Open key={group} {...{ group, filtered, ...folded, all: lists[group] }} onReset={() => change(NO_ALERT_FILTER)} />
      )}
      {group === 'firing' && <PastIncidents incidents={incidents.value ?? []} />}
    </main>
  );
};

const Head = ({ lists, group }: { lists: Grouped; group: Group }) => {
  const { router } = useApp();
  return (
    <div class="section-head">
      <h1>Alerts</h1>
      <nav class="picker" aria-label="Which alerts">
        {GROUPS.map((each) => (
          <a
            key={each}
            aria-current={each === group ? 'true' : undefined}
            href={router.here({ show: each === 'firing' ? '' : each, alert: '', incident: '' })}
          >
            {WORDS[each]}
            {each !== 'resolved' && <b> {lists[each].length}</b>}
          </a>
        ))}
      </nav>
      <span class="push" />
      <BellMenu />
    </div>
  );
};

/** How many, and what their devices would earn. */
const Together = ({ alerts }: { alerts: readonly Alert[] }) => {
  const { moneyOf } = useApp();
  const sum = stakeTogether(alerts);
  if (!sum) return null;
  const money = moneyOf(sum.currency);
  return (
    <output class="together" title={`${money.exact(fiatText(sum))}: each device counts once, by its last 14 days`}>
      <b>{money.shown(fiatText(sum))}</b> a day at stake
    </output>
  );
};

interface OpenProps {
  group: Group;
  filtered: boolean;
  outages: ReturnType<typeof foldIncidents>['outages'];
  /** Without those of outages. */
  rest: readonly Alert[];
  all: readonly Alert[];
  onReset(): void;
}

const Open = ({ group, filtered, outages, rest, all, onReset }: OpenProps) => {
  const { operates } = useApp();
  const picked = useSignal<ReadonlySet<string>>(new Set());
  const most = useSignal(PAGE);
  if (all.length === 0) return <Nothing group={group} filtered={filtered} onReset={onReset} />;
  // What left the list meanwhile is no longer picked.
  const chosen = all.filter(({ id }) => picked.value.has(id));
  const choice = operates.value ? { picked } : {};
  return (
    <>
      {operates.value && (
        <AlertActions alerts={chosen} onDone={() => (picked.value = new Set())}>
          <PickAll all={all} chosen={chosen.length} picked={picked} />
        </AlertActions>
      )}
      {outages.length > 0 && <IncidentCards outages={outages} {...choice} />}
      {rest.length > 0 && <AlertLines alerts={rest.slice(0, most.value)} of="fleet" group={group} {...choice} />}
      <More left={rest.length - most.value} onMore={() => (most.value += PAGE)} />
    </>
  );
};

const PickAll = ({ all, chosen, picked }: { all: readonly Alert[]; chosen: number; picked: Signal<ReadonlySet<string>> }) => {
  const every = chosen === all.length;
  return (
    <label class="figure">
      <input
        type="checkbox"
        aria-label={`Select all ${all.length} alerts`}
        checked={every}
        onChange={() => (picked.value = every ? new Set() : new Set(all.map(({ id }) => id)))}
      />
      {chosen > 0 ? `${chosen} selected` : 'Select alerts to acknowledge, snooze or silence them'}
    </label>
  );
};

const Nothing = ({ group, filtered, onReset }: { group: Group; filtered: boolean; onReset(): void }) => (
  <div class="empty">
    <p class="quiet">{filtered ? 'No alert here fits these filters.' : NOTHING_HERE[group]}</p>
    {filtered && (
      <button type="button" class="button" onClick={onReset}>
        Clear the filters
      </button>
    )}
  </div>
);

const PAST_MOST = 5;
const PastIncidents = ({ incidents }: { incidents: readonly Incident[] }) => {
  const { router, clock } = useApp();
  const past = incidents.filter(({ resolved }) => resolved !== null).slice(0, PAST_MOST);
  if (past.length === 0) return null;
  return (
    <section class="past">
      <h2>Outages that are over</h2>
      <ul>
        {past.map((incident) => (
          <li key={incident.id}>
            <a href={router.here({ incident: incident.id })}>{incidentTitle(incident)}</a>
            <PastTime incident={incident} now={clock.value} />
          </li>
        ))}
      </ul>
    </section>
  );
};
const PastTime = ({ incident: { started, resolved }, now }: { incident: Incident; now: number }) => (
  <span class="quiet" title={`${fullTime(started)} to ${fullTime(resolved ?? now)}`}>
    {shortTime(started, now)}, {duration((resolved ?? now) - started)}
  </span>
);
