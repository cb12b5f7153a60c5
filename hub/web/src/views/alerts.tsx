import type { LiveAlert, LiveAlertEvent } from '@muster/shared/wire/live';
import { type Signal, useComputed, useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { useApp } from '../app.js';
import { sentenceOf } from '../client.js';
import { fullTime, shortTime } from '../format.js';
import { AlertLines } from '../parts/alert-lines.js';
import { SeverityWord } from '../parts/icons.js';

/** Alerts of the fleet: open ones to act on, resolved ones, and every change in order. */
type Show = 'open' | 'resolved' | 'events';
const SHOWS: readonly { show: Show; title: string }[] = [
  { show: 'open', title: 'Open' },
  { show: 'resolved', title: 'Resolved' },
  { show: 'events', title: 'Changes' },
];
/** As many lines as a page takes without getting slow; the rest is asked for. */
const PAGE = 200;
const EVENTS_BACK = 200;

export const AlertsPage = () => {
  const { board, client, router, notice } = useApp();
  useEffect(() => {
    const load = async () => {
      const [open, resolved] = await Promise.all([client.alerts(), client.alerts({ state: 'resolved' })]);
      board.putAlerts([...open.items, ...resolved.items]);
      const { items } = await client.alertEvents(Math.max(0, (board.last() ?? 0) - EVENTS_BACK));
      board.putEvents(items);
    };
    load().catch((error) => {
      notice.value = sentenceOf(error);
    });
  }, [board, client, notice]);
  const asked = router.query.value.get('show');
  const show = SHOWS.find((each) => each.show === asked)?.show ?? 'open';
  const alerts = board.alerts.value;
  const open = alerts.filter((alert) => alert.state !== 'resolved');
  return (
    <main class="alerts-page">
      <div class="section-head">
        <h1>Alerts</h1>
        <fieldset class="picker">
          <legend class="unseen">Which alerts</legend>
          {SHOWS.map((each) => (
            <button
              type="button"
              key={each.show}
              aria-pressed={each.show === show}
              onClick={() => router.setQuery({ show: each.show === 'open' ? '' : each.show })}
            >
              {each.title}
              {each.show === 'open' && <b> {open.length}</b>}
            </button>
          ))}
        </fieldset>
      </div>
      {show === 'open' && <Open alerts={open} />}
      {show === 'resolved' && <Resolved alerts={alerts.filter((alert) => alert.state === 'resolved')} />}
      {show === 'events' && <Events events={board.events.value} />}
    </main>
  );
};

const Open = ({ alerts }: { alerts: readonly LiveAlert[] }) => {
  const { operates, board } = useApp();
  const picked = useSignal<ReadonlySet<string>>(new Set());
  const most = useSignal(PAGE);
  const firing = alerts.filter((alert) => alert.state === 'firing');
  // What resolved meanwhile is no longer picked.
  const chosen = useComputed(() =>
    board.alerts.value.filter((alert) => alert.state === 'firing' && picked.value.has(alert.id)).map((alert) => alert.id),
  );
  if (alerts.length === 0) return <p class="empty quiet">Nothing is wrong: no alert is open.</p>;
  return (
    <>
      {operates.value && firing.length > 0 && <Acknowledge firing={firing} picked={picked} chosen={chosen.value} />}
      <AlertLines alerts={alerts.slice(0, most.value)} of="fleet" {...(operates.value ? { picked } : {})} />
      <More left={alerts.length - most.value} onMore={() => (most.value += PAGE)} />
    </>
  );
};

interface Taking {
  firing: readonly LiveAlert[];
  picked: Signal<ReadonlySet<string>>;
  chosen: readonly string[];
}
/** The API takes a thousand at once. */
const AT_ONCE = 1000;

const Acknowledge = ({ firing, picked, chosen }: Taking) => {
  const { client, board, notice } = useApp();
  const comment = useSignal('');
  const busy = useSignal(false);
  const all = firing.length > 0 && chosen.length === firing.length;
  const send = async (event: SubmitEvent) => {
    event.preventDefault();
    if (chosen.length === 0 || busy.value) return;
    busy.value = true;
    try {
      for (let at = 0; at < chosen.length; at += AT_ONCE) {
        const { items } = await client.acknowledge(chosen.slice(at, at + AT_ONCE), comment.value.trim());
        board.putAlerts(items);
      }
      picked.value = new Set();
      comment.value = '';
    } catch (error) {
      notice.value = sentenceOf(error);
    }
    busy.value = false;
  };
  return (
    <form class="acknowledge" onSubmit={send}>
      <input
        type="checkbox"
        aria-label="Select all firing alerts"
        checked={all}
        onChange={() => (picked.value = all ? new Set() : new Set(firing.map((alert) => alert.id)))}
      />
      <span class="figure">{chosen.length} selected</span>
      <input
        type="text"
        maxLength={500}
        placeholder="Comment (optional)"
        aria-label="Comment"
        value={comment.value}
        onInput={(event) => (comment.value = event.currentTarget.value)}
      />
      <button type="submit" class="button main" disabled={chosen.length === 0 || busy.value}>
        Acknowledge
      </button>
    </form>
  );
};

const Resolved = ({ alerts }: { alerts: readonly LiveAlert[] }) => {
  const most = useSignal(PAGE);
  if (alerts.length === 0) return <p class="empty quiet">No alert has been resolved lately.</p>;
  return (
    <>
      <AlertLines alerts={alerts.slice(0, most.value)} of="fleet" />
      <More left={alerts.length - most.value} onMore={() => (most.value += PAGE)} />
    </>
  );
};

const More = ({ left, onMore }: { left: number; onMore(): void }) =>
  left <= 0 ? null : (
    <button type="button" class="button" onClick={onMore}>
      {left} more
    </button>
  );

const CHANGE_WORDS: Record<LiveAlertEvent['change'], string> = {
  pending: 'pending',
  firing: 'firing',
  resolved: 'resolved',
  cancelled: 'passed by itself',
  acknowledged: 'acknowledged',
  unacknowledged: 'no longer acknowledged',
  snoozed: 'snoozed',
};

const Events = ({ events }: { events: readonly LiveAlertEvent[] }) => {
  const { clock, board } = useApp();
  useEffect(() => {
    board.missed.value = 0;
  }, [board]);
  if (events.length === 0) return <p class="empty quiet">No alert has changed yet.</p>;
  return (
    <ol class="events">
      {events.map((event) => (
        <li key={`${event.number} ${event.alert.id} ${event.change} ${event.ts}`}>
          <time title={fullTime(event.ts)}>{shortTime(event.ts, clock.value)}</time>
          <SeverityWord severity={event.alert.severity} state={event.change === 'resolved' ? 'resolved' : event.alert.state} />
          <span class="what">
            <a href={`/devices/${event.alert.device}`}>{event.alert.device_name}</a> <b>{event.alert.title}</b>{' '}
            {CHANGE_WORDS[event.change]}
            {(event.change === 'acknowledged' || event.change === 'snoozed') && ` by ${event.by}`}
          </span>
          <span class="number quiet" title="Event number">
            {event.number ?? 'not stored yet'}
          </span>
        </li>
      ))}
    </ol>
  );
};
