/** One device as presence keeps it, and its document: written when something changed, never per report. */
import type { Presence } from '../parts.js';
import type { Json, Writer } from '../store/store.js';
import { historyText, parseHistory, type Transition, withTransition } from './history.js';
import { type Facts, type Moment, NEVER_SEEN, settled } from './presence.js';

/** A flapping device writes its document at most this often; a crash loses no more, and a restart asks anew anyway. */
const SAVE_MS = 10_000;

export interface Tracked {
  facts: Facts;
  history: Transition[];
  /** What its document says, when it was written (monotonic), and whether it should be written again. */
  saved: string;
  saved_at: number;
  dirty: boolean;
  /** These facts need no look before this time (monotonic), unless others take their place. */
  calm: Facts | null;
  calm_until: number;
}

export interface StoredPresence extends Presence {
  speaks: Facts['speaks'];
  interval_ms: number;
  rhythm_ms: number;
  history: string;
}

export const asPresence = ({ state, since, last_seen, boot }: Facts): Presence => ({ state, since, last_seen, boot });

export const newTracked = (since: number): Tracked => fromStored({ ...NEVER_SEEN, since, history: '' });

export const fromStored = (stored: StoredPresence): Tracked => {
  const { state, since, last_seen, boot, speaks, interval_ms, rhythm_ms, history } = stored;
  const facts = { ...NEVER_SEEN, state, since, last_seen, boot, speaks, interval_ms, rhythm_ms };
  const saved = `${state} ${boot}`;
  return {
    facts,
    history: parseHistory(history),
    saved,
    saved_at: Number.NEGATIVE_INFINITY,
    dirty: false,
    calm: null,
    calm_until: 0,
  };
};

const asStored = ({ facts, history }: Tracked): StoredPresence => {
  const { speaks, interval_ms, rhythm_ms } = facts;
  return { ...asPresence(facts), speaks, interval_ms, rhythm_ms, history: historyText(history) };
};

/** Moves to a state; true when it is another one. */
export const moveTo = (one: Tracked, state: Facts['state'], now: Moment): boolean => {
  if (state === one.facts.state) return false;
  one.facts = settled(one.facts, state, now);
  one.history = withTransition(one.history, { state, ts: now.ts });
  return true;
};

/** What makes a document worth writing; a short absence of the hub does not. */
const markOf = ({ facts, saved }: Tracked): string => {
  const passing = facts.state === 'reconnecting' && /^(online|quiet) /.test(saved);
  return passing ? saved : `${facts.state} ${facts.boot}`;
};

export const createSaver = (writer: Pick<Writer, 'queue'>) => {
  const write = (id: string, value: Json) =>
    writer.queue([{ kind: 'document', collection: 'presence', key: id, value }], { bytes: 200 });
  const save = (id: string, one: Tracked, now: Moment) => {
    one.saved = markOf(one);
    one.saved_at = now.mono;
    one.dirty = false;
    write(id, asStored(one) as unknown as Json);
  };
  return {
    /** Writes what changed, now or when the device has been still for a while. */
    consider(id: string, one: Tracked, now: Moment) {
      if (!one.dirty) one.dirty = markOf(one) !== one.saved;
      if (one.dirty && now.mono - one.saved_at >= SAVE_MS) save(id, one, now);
    },
    flush(devices: ReadonlyMap<string, Tracked>, now: Moment) {
      for (const [id, one] of devices) if (one.dirty) save(id, one, now);
    },
    forget: (id: string) => write(id, null),
  };
};
