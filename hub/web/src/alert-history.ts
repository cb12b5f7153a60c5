import type { LiveAlert, LiveAlertEvent } from '@muster/shared/wire/live';

/** The stored log of alert events, read from its newest end backwards. */
export type AskEvents = (after: number, limit: number) => Promise<readonly LiveAlertEvent[]>;

const FIRST_PAGE = 200;
/** As many as the hub gives at once. */
const LARGEST_PAGE = 1000;

/** Events of a part of the log, newest first; `last`: nothing is kept before them. */
export interface LogPage {
  events: LiveAlertEvent[];
  last: boolean;
}

/** From `newest` down to the first that is kept. */
export async function* walkBack(ask: AskEvents, newest: number): AsyncGenerator<LogPage> {
  let size = FIRST_PAGE;
  for (let end = newest; end > 0; ) {
    const after = Math.max(0, end - size);
    const page = (await ask(after, end - after)).filter(({ number }) => (number ?? 0) <= end);
    // Numbers rise by one: fewer than asked for are the last that are kept.
    const last = after === 0 || page.length < end - after;
    yield { events: [...page].reverse(), last };
    if (last) return;
    end = after;
    size = Math.min(LARGEST_PAGE, size * 2);
  }
}

/** Every event of an alert, oldest first. */
export const eventsOf = async (ask: AskEvents, alert: Pick<LiveAlert, 'id' | 'event' | 'since'>): Promise<LiveAlertEvent[]> => {
  const found: LiveAlertEvent[] = [];
  for await (const { events } of walkBack(ask, alert.event)) {
    found.push(...events.filter((event) => event.alert.id === alert.id));
    if ((events.at(-1)?.ts ?? 0) < alert.since) break;
  }
  return found.reverse();
};

/** The newest event of an alert that the hub no longer lists. */
export const findAlert = async (ask: AskEvents, id: string, newest: number): Promise<LiveAlert | null> => {
  for await (const { events } of walkBack(ask, newest)) {
    const event = events.find(({ alert }) => alert.id === id);
    if (event) return event.alert;
  }
  return null;
};

const keyOf = ({ number, alert, change, ts }: LiveAlertEvent): string =>
  number === null ? `${alert.id} ${change} ${ts}` : String(number);

/** Each event once, newest first; one without a number gives way to the same with its number. */
export const mergeEvents = (...lists: readonly (readonly LiveAlertEvent[])[]): LiveAlertEvent[] => {
  const all = new Map<string, LiveAlertEvent>();
  const numbered = new Set<string>();
  for (const list of lists)
    for (const event of list) {
      all.set(keyOf(event), event);
      if (event.number !== null) numbered.add(`${event.alert.id} ${event.change} ${event.ts}`);
    }
  const kept = [...all.values()].filter((event) => event.number !== null || !numbered.has(keyOf(event)));
  return kept.sort((a, b) => (b.number ?? Number.POSITIVE_INFINITY) - (a.number ?? Number.POSITIVE_INFINITY) || b.ts - a.ts);
};

/** Alerts that the events say are over, each once, and those known beside. */
export const resolvedOf = (events: readonly LiveAlertEvent[], beside: readonly LiveAlert[]): LiveAlert[] => {
  const all = new Map(beside.map((alert) => [alert.id, alert]));
  for (const { change, alert } of events) if (change === 'resolved' && !all.has(alert.id)) all.set(alert.id, alert);
  return [...all.values()].sort((a, b) => (b.resolved_at ?? b.since) - (a.resolved_at ?? a.since));
};
