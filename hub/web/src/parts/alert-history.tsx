import type { LiveAlertEvent } from '@muster/shared/wire/live';
import { useSignal } from '@preact/signals';
import { useEffect, useMemo, useRef } from 'preact/hooks';
import { type AlertFilter, activeCount, createMatcher, type Matcher, timeSpan } from '../alert-filter.js';
import { type LogPage, mergeEvents, resolvedOf, walkBack } from '../alert-history.js';
import { useApp } from '../app.js';
import { sentenceOf } from '../client.js';
import { fullTime, shortTime } from '../format.js';
import { AlertLines, placeOfAlert } from './alert-lines.js';
import { CHANGE_WORDS } from './alert-timeline.js';
import { SeverityWord } from './icons.js';
import { More } from './more.js';

/** What was: resolved alerts, or every change, from the stored log. */
interface History {
  filter: AlertFilter;
  show: 'resolved' | 'events';
  ruleTitle(rule: string): string;
}
const PAGE = 100;

/** The log page by page: as far back as the filters or the person ask. */
const useLog = (filter: AlertFilter) => {
  const { client, board, notice } = useApp();
  const read = useSignal<readonly LiveAlertEvent[]>([]);
  const state = useSignal<'reading' | 'more' | 'all'>('reading');
  const pages = useRef<AsyncGenerator<LogPage> | null>(null);
  const newest = Math.max(board.last() ?? 0, ...board.alerts.value.map(({ event }) => event));
  const older = async () => {
    state.value = 'reading';
    try {
      pages.current ??= walkBack(async (after, limit) => (await client.alertEvents(after, limit)).items, newest);
      const { value, done } = await pages.current.next();
      if (value) read.value = mergeEvents(read.value, value.events);
      state.value = done || value.last ? 'all' : 'more';
    } catch (error) {
      pages.current = null;
      state.value = 'more';
      notice.value = sentenceOf(error);
    }
  };
  const narrowed = activeCount(filter) > 0;
  const from = timeSpan(filter.time, board.now())?.from ?? 0;
  // With a filter the whole log is looked through, down to the day that was asked for.
  const wants = narrowed && (read.value.at(-1)?.ts ?? Number.POSITIVE_INFINITY) >= from;
  const { value: at } = state;
  useEffect(() => {
    if (read.value.length === 0 ? at === 'reading' : wants && at === 'more') void older();
  }, [wants, at, read.value.length]);
  return { read: read.value, state: at, older };
};

export const AlertHistory = (props: History) => {
  const { router, board } = useApp();
  const { filter, show, ruleTitle } = props;
  const log = useLog(filter);
  const most = useSignal(PAGE);
  useEffect(() => {
    board.missed.value = 0;
  }, [board]);
  const live = board.events.value;
  const events = useMemo(() => mergeEvents(log.read, live), [log.read, live]);
  const fits = createMatcher(filter, { now: board.now(), about: (id) => board.devices.get(id), ruleTitle });
  const lines = { events, fits, most, narrowed: activeCount(filter) > 0 };
  return (
    <>
      <nav class="picker within" aria-label="Which history">
        <a aria-current={show === 'resolved' ? 'true' : undefined} href={router.here({ show: 'resolved' })}>
          Resolved alerts
        </a>
        <a aria-current={show === 'events' ? 'true' : undefined} href={router.here({ show: 'events' })}>
          Every change
        </a>
      </nav>
      {show === 'events' ? <Events {...lines} /> : <Resolved {...lines} />}
      <Older state={log.state} onOlder={() => void log.older()} />
    </>
  );
};

const Older = ({ state, onOlder }: { state: 'reading' | 'more' | 'all'; onOlder(): void }) => {
  if (state === 'all') return <p class="quiet end">That is all that is kept.</p>;
  return (
    <button type="button" class="button more" disabled={state === 'reading'} onClick={onOlder}>
      {state === 'reading' ? 'Reading…' : 'Read further back'}
    </button>
  );
};

interface Lines {
  events: readonly LiveAlertEvent[];
  fits: Matcher;
  narrowed: boolean;
  most: { value: number };
}

const Resolved = ({ events, fits, narrowed, most }: Lines) => {
  const { board } = useApp();
  const known = board.alerts.value.filter(({ state }) => state === 'resolved');
  const alerts = resolvedOf(events, known).filter((alert) => fits(alert, alert.resolved_at ?? alert.since));
  if (alerts.length === 0)
    return (
      <p class="empty quiet">{narrowed ? 'No alert that is over fits these filters.' : 'No alert has been resolved yet.'}</p>
    );
  return (
    <>
      <AlertLines alerts={alerts.slice(0, most.value)} of="fleet" group="resolved" />
      <More left={alerts.length - most.value} onMore={() => (most.value += PAGE)} />
    </>
  );
};

const Events = ({ events: all, fits, narrowed, most }: Lines) => {
  const events = all.filter((event) => fits(event.alert, event.ts));
  if (events.length === 0) return <p class="empty quiet">No change of an alert{narrowed ? ' fits these filters' : ' yet'}.</p>;
  return (
    <>
      <ol class="events">
        {events.slice(0, most.value).map((event) => (
          <EventLine key={`${event.number} ${event.alert.id} ${event.change} ${event.ts}`} event={event} />
        ))}
      </ol>
      <More left={events.length - most.value} onMore={() => (most.value += PAGE)} />
    </>
  );
};

const EventLine = ({ event: { number, ts, change, by, alert } }: { event: LiveAlertEvent }) => {
  const { clock, router } = useApp();
  return (
    <li>
      <time title={fullTime(ts)}>{shortTime(ts, clock.value)}</time>
      <SeverityWord severity={alert.severity} state={change === 'resolved' ? 'resolved' : alert.state} />
      <span class="what">
        <a href={placeOfAlert(alert)}>{alert.device_name}</a>{' '}
        <a class="title" href={router.here({ alert: alert.id })}>
          {alert.title}
        </a>{' '}
        <span class="change">
          {CHANGE_WORDS[change] ?? change}
          {by !== 'hub' && ` by ${by}`}
        </span>
      </span>
      <span class="number quiet" title="Event number">
        {number ?? 'not stored yet'}
      </span>
    </li>
  );
};
