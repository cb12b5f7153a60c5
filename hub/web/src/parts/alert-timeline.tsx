import type { LiveAlertEvent } from '@muster/shared/wire/live';
import { useComputed, useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import type { Alert } from '../alert-groups.js';
import { eventsOf, mergeEvents } from '../alert-history.js';
import { useApp } from '../app.js';
import { sentenceOf } from '../client.js';
import { fullTime, shortTime } from '../format.js';

/** Every numbered event of an alert: when, who, why. */
export const CHANGE_WORDS: Record<string, string> = {
  pending: 'is pending',
  firing: 'fires',
  resolved: 'is resolved',
  cancelled: 'passed by itself',
  acknowledged: 'was acknowledged',
  unacknowledged: 'is no longer acknowledged',
  snoozed: 'was snoozed',
};
const BEGUN: Record<string, string> = {
  pending: 'It began; it fires if it lasts',
  firing: 'It fires',
  resolved: 'It was resolved',
  cancelled: 'It passed by itself before it fired',
  acknowledged: 'Acknowledged',
  unacknowledged: 'No longer acknowledged',
  snoozed: 'Snoozed',
};

const useTimeline = (alert: Alert) => {
  const { client, board, live } = useApp();
  const read = useSignal<readonly LiveAlertEvent[]>([]);
  const failure = useSignal<string | null>(null);
  const connected = live.status.value === 'live';
  useEffect(() => {
    if (!connected) return;
    eventsOf(async (after, limit) => (await client.alertEvents(after, limit)).items, alert).then(
      (found) => {
        read.value = found;
        failure.value = null;
      },
      (error) => {
        failure.value = sentenceOf(error);
      },
    );
  }, [alert.id, connected]);
  const events = useComputed(() =>
    mergeEvents(
      read.value,
      board.events.value.filter((event) => event.alert.id === alert.id),
    ),
  );
  return { events: events.value, failure: failure.value };
};

export const AlertTimeline = ({ alert }: { alert: Alert }) => {
  const { events, failure } = useTimeline(alert);
  return (
    <section>
      <h2>What happened</h2>
      {failure !== null && <p class="failure">{failure}</p>}
      {failure === null && events.length === 0 && <p class="quiet">Reading…</p>}
      <ol class="timeline" aria-label="Events, newest first">
        {events.map((event) => (
          <Step key={`${event.number} ${event.change} ${event.ts}`} event={event} />
        ))}
      </ol>
    </section>
  );
};

const Step = ({ event }: { event: LiveAlertEvent }) => {
  const { clock } = useApp();
  const { number, ts, change, by } = event;
  const said = saidBy(event);
  return (
    <li class={`c-${change}`}>
      <time title={fullTime(ts)}>{shortTime(ts, clock.value)}</time>
      <div>
        <b>{change === 'snoozed' && !event.alert.snoozed ? 'Woken' : (BEGUN[change] ?? change)}</b>
        {by !== 'hub' && <span> by {by}</span>}
        {said && <p>{said}</p>}
      </div>
      <span class="quiet number" title="Event number">
        {number ?? 'not stored yet'}
      </span>
    </li>
  );
};

/** Why: the rule's sentence, or what a person said. */
const saidBy = ({ change, alert, ...event }: LiveAlertEvent & { comment?: string | null | undefined }): string => {
  if (change === 'snoozed') return alert.snoozed ? `No notice until ${fullTime(alert.snoozed.until)}` : '';
  if (change === 'acknowledged') {
    const { by, comment, owner } = { owner: '', by: '', comment: null, ...alert.acknowledged };
    return [owner && owner !== by ? `${owner} takes care of it.` : '', comment ?? ''].filter(Boolean).join(' ');
  }
  return event.comment ?? (change in BEGUN && change !== ('unacknowledged' as string) ? alert.why : '');
};
