import { AppError } from '@muster/shared/errors';
import { createSignal, type Signal } from '@muster/shared/signal';
import type { LiveAlert, LiveAlertEvent } from '@muster/shared/wire/live';
import type { Json, LogRecord, Reader, Writer } from '../store/store.js';
import { createBoard } from './board.js';

/** Events kept on disk for replay; at one a minute that is a week. */
const KEEP = 10_000;
/** Newest events that a start reads to know what was resolved lately. */
const LOOK_BACK = 2_000;
/** Of an event and the document of its alert. */
const EVENT_BYTES = 1_500;

/** An open alert as its document: what a restart continues from. */
export interface AlertMemo {
  setting: string;
  subject: string;
}
export type AlertDocument = AlertMemo & { alert: LiveAlert };

export interface Entry extends AlertMemo {
  ts: number;
  change: LiveAlertEvent['change'];
  by: string;
  comment?: string | null | undefined;
  alert: LiveAlert;
  /** Runs once the event is announced. */
  announced?: () => void;
}

interface Outgoing {
  event: LiveAlertEvent & { number: number };
  early: boolean;
  announced: (() => void) | undefined;
}

/** Numbers events, stores them, and only then announces them; what the store cannot commit is announced at once, unnumbered, and again with its number. */
export interface Journal {
  /** Whether the store can take one more event; `record` throws `busy` where it cannot. */
  readonly room: boolean;
  /** Answers the alert with the number of this event. */
  record(entry: Entry): LiveAlert;
  /** The store stands still: announces what waits for it. */
  release(): void;
  events(after: number, limit: number): Promise<LiveAlertEvent[]>;
  /** Answers the newest events there are, rising. */
  start(reader: Pick<Reader, 'log'>): Promise<LiveAlertEvent[]>;
  /** What was announced so far, as everyone outside sees it. */
  board: ReturnType<typeof createBoard>;
  newest(): number;
  event: Signal<LiveAlertEvent>;
}

export const createJournal = (writer: Writer, recovered: { newest: number; open: readonly LiveAlert[] }): Journal => {
  const event = createSignal<LiveAlertEvent>();
  const board = createBoard(recovered.open);
  const silent = new Set<Outgoing>();
  let newest = recovered.newest;
  let reader: Pick<Reader, 'log'> | null = null;

  const announceEarly = (outgoing: Outgoing) => {
    silent.delete(outgoing);
    outgoing.early = true;
    const { alert, number } = outgoing.event;
    const unnumbered = { ...alert, event: board.numberOf(alert.id) };
    board.put(unnumbered, number);
    event.emit({ ...outgoing.event, number: null, alert: unnumbered });
    outgoing.announced?.();
  };
  const settle = (outgoing: Outgoing) => {
    silent.delete(outgoing);
    newest = outgoing.event.number;
    board.put(outgoing.event.alert, newest);
    board.settled(outgoing.event.alert.id, newest);
    event.emit(outgoing.event);
    if (!outgoing.early) outgoing.announced?.();
  };

  const release = () => {
    for (const outgoing of silent) announceEarly(outgoing);
  };

  return {
    board,
    event,
    newest: () => newest,
    get room() {
      return writer.accepts(EVENT_BYTES);
    },
    record(entry) {
      // Before it takes a number: a refused one would leave a hole, and be announced from memory without ever being stored.
      if (!writer.accepts(EVENT_BYTES))
        throw new AppError('busy', 'The store is behind by more than it may hold in memory; nothing was changed');
      const outgoing = numbered(entry, writer.number('alerts'));
      silent.add(outgoing);
      const changes = changesOf(entry, outgoing.event);
      writer.queue(changes, { bytes: EVENT_BYTES, urgent: true, done: () => settle(outgoing) });
      if (!writer.healthy) release();
      return outgoing.event.alert;
    },
    release,
    async start(source) {
      reader = source;
      const records = await source.log({ log: 'alerts', after: 0, limit: LOOK_BACK, newest: true });
      const events = records.map(asEvent).reverse();
      for (const { change, alert, number } of events) {
        if (change === 'resolved') board.put(alert, number ?? 0);
        board.settled(alert.id, number ?? 0);
      }
      return events;
    },
    async events(after, limit) {
      const records = (await reader?.log({ log: 'alerts', after, limit })) ?? [];
      // What is on disk but not announced yet will come live: whoever replays up to `newest` and listens gets each once.
      return records.map(asEvent).filter(({ number }) => (number ?? 0) <= newest);
    },
  };
};

const numbered = ({ ts, change, by, comment, alert, announced }: Entry, number: number): Outgoing => ({
  event: { number, ts, change, by, ...(comment && { comment }), alert: { ...alert, event: number } },
  early: false,
  announced,
});

const changesOf = ({ setting, subject }: Entry, { number, ...event }: Outgoing['event']) => {
  const { alert, ts } = event;
  const document: AlertDocument | null = alert.state === 'resolved' ? null : { alert, setting, subject };
  const device = alert.device || null;
  return [
    { kind: 'log', log: 'alerts', number, ts, device, value: event as unknown as Json, keep: KEEP },
    { kind: 'document', collection: 'alerts', key: alert.id, value: document as unknown as Json },
  ] as const;
};

const asEvent = ({ number, value }: LogRecord): LiveAlertEvent => {
  const event = value as unknown as Omit<LiveAlertEvent, 'number'>;
  return { ...event, number };
};
