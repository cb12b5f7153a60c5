import type { Clock } from '@muster/shared/clock';
import { type AppError, asAppError } from '@muster/shared/errors';
import type { Log } from '@muster/shared/log';
import { utcTime } from '@muster/shared/text';
import type { DeviceEvent, Result } from '@muster/shared/wire/messages';
import { topicOf } from '@muster/shared/wire/topics';
import { createAnnouncer, type Facts } from './announcer.js';
import { createEstablish, type LinkSettings } from './establish.js';
import { createLanes, type Lanes } from './lanes.js';
import type { Link, OpenLink } from './link.js';
import type { LinkState } from './link-note.js';
import { isBlind, type Spool, type SpoolItem, type SpoolRow } from './spool.js';

/** Keeps one connection to the hub: birth first, then what the spool holds; comes back after every loss, with back-off. */
export interface Uplink {
  start(): void;
  /** The row that was just put into the spool. */
  offer(row: SpoolRow): void;
  /** One of a carried device: it travels with the next that is offered. */
  hold(row: SpoolRow): void;
  /** Something was put into the spool, or the time has become known. */
  wake(): void;
  /** What the birth says has changed. */
  announce(): void;
  /** An answer to a command. */
  answer(result: Result): void;
  online(): boolean;
  /** Says goodbye with this event, as far as the hub listens, and ends. */
  stop(goodbye: DeviceEvent): Promise<void>;
}

export interface UplinkNeeds {
  open: OpenLink;
  spool: Spool;
  clock: Clock;
  random(): number;
  log: Log;
  boot: string;
  /** Milliseconds to add to blind stamps of this boot. */
  shift(): number;
  isTimeKnown(): boolean;
  /** Facts of the birth, with the column lists that the spool needs next. */
  birth: Facts;
  onCommand(payload: Uint8Array): void;
  /** The hub is there, or away; said with every try that fails. */
  linked?: ((state: LinkState) => void) | undefined;
}

const BACKOFF_MS = 500;
const BACKOFF_MAX_MS = 30_000;
/** Even with a lucky draw: a hub that closes at once is not asked more than ten times a second. */
const BACKOFF_MIN_MS = 100;
/** A connection that held this long was a good one: the back-off starts anew. */
const STEADY_MS = 10_000;
const GOODBYE_MS = 2_000;
/** A hub acknowledges when it has written, 2.5 s later by default. */
const LAST_PUBACK_MS = 3_000;

/** Full jitter: a fleet must not come back in step. */
export const backoffMs = (failures: number, random: number): number =>
  Math.max(BACKOFF_MIN_MS, random * Math.min(BACKOFF_MAX_MS, BACKOFF_MS * 2 ** Math.min(failures, 10)));

interface Connection {
  link: Link;
  lanes: Lanes;
}

export const createUplink = (needs: UplinkNeeds, settings: LinkSettings): Uplink => {
  const { clock, log, spool } = needs;
  const announcer = createAnnouncer(settings.device, needs.birth);
  const establish = createEstablish({ ...needs, announcer }, settings);
  const tell = createTrouble(needs);
  const stopping = new AbortController();
  const topic = topicOf(settings.device, 'event');
  let session = 0;
  let current: Connection | null = null;
  /** Settles when the connection that is being opened is up, or is not. */
  let opening: Promise<void> = Promise.resolve();
  let loop: Promise<void> = Promise.resolve();

  const stamp = (item: SpoolItem) => item.ts + (isBlind(item) && item.boot === needs.boot ? needs.shift() : 0);
  /** One connection, from its opening to its end; answers why it ended. */
  const serve = async (): Promise<string> => {
    const opened = establish(++session, stopping.signal);
    opening = opened.then(nothing, nothing);
    const link = await opened;
    current = { link, lanes: createLanes({ link, spool, announcer, stamp, device: settings.device, isOpen: needs.isTimeKnown }) };
    const away_s = tell(null);
    log.info('Connected to the hub', { address: settings.address, session, waiting: spool.length, away_s });
    current.lanes.wake();
    const why = await link.closed;
    void current.lanes.close();
    current = null;
    return why;
  };
  const run = async () => {
    let failures = 0;
    while (!stopping.signal.aborted) {
      const begun = clock.monotonic();
      const trouble = await serve().catch(asAppError);
      if (stopping.signal.aborted) return;
      tell(trouble);
      const steady = typeof trouble === 'string' && clock.monotonic() - begun >= STEADY_MS;
      failures = steady ? 0 : failures + 1;
      await pause(clock, backoffMs(failures, needs.random()), stopping.signal);
    }
  };

  return {
    start() {
      loop = run();
    },
    offer: (row) => current?.lanes.offer(row),
    hold: (row) => current?.lanes.hold(row),
    wake: () => current?.lanes.wake(),
    announce() {
      announcer.renew();
      current?.lanes.wake();
    },
    answer(result) {
      announcer.answer(result);
      current?.lanes.wake();
    },
    online: () => current !== null,
    async stop(goodbye) {
      // A link that dies between its birth and the PUBACK would be taken for a crash.
      await within(clock, GOODBYE_MS, opening);
      const payload = JSON.stringify(goodbye);
      if (current && !stopping.signal.aborted) await leave(current, clock, { topic, payload, stopping });
      stopping.abort();
      await loop;
    },
  };
};

const nothing = (): void => {};

interface Goodbye {
  topic: string;
  payload: string;
  stopping: AbortController;
}

const leave = async (connection: Connection, clock: Clock, goodbye: Goodbye): Promise<void> => {
  await within(clock, LAST_PUBACK_MS, sayGoodbye(connection, goodbye));
  goodbye.stopping.abort();
  await within(clock, GOODBYE_MS, connection.link.goodbye());
  connection.link.cut();
};

const sayGoodbye = async ({ link, lanes }: Connection, { topic, payload }: Goodbye): Promise<void> => {
  const live = lanes.close();
  // Not after the live row: a hub that is slow to acknowledge it would never hear the goodbye.
  await Promise.all([link.publish(topic, payload), live]);
};

/** Logs the change, not every try, each time with since when the hub is away; answers for how many seconds it was. */
const createTrouble = ({ log, clock, linked }: Pick<UplinkNeeds, 'log' | 'clock' | 'linked'>) => {
  let last = '';
  /** Monotonic: the wall clock may be set while the hub is away. */
  let away_at = clock.monotonic();
  let online = false;
  return (trouble: string | AppError | null): number => {
    if (online && trouble !== null) away_at = clock.monotonic();
    online = trouble === null;
    const why = typeof trouble === 'string' ? trouble : (trouble?.message ?? '');
    const hint = typeof trouble === 'string' ? undefined : trouble?.details.hint;
    const away_ms = clock.monotonic() - away_at;
    if (why !== last && trouble) {
      const since = utcTime(clock.now() - away_ms);
      log.warn('Not connected to the hub; rows are kept and it is tried again', { why, since, ...(hint ? { hint } : {}) });
    }
    last = why;
    linked?.({ online, why: online ? null : why });
    return Math.round(away_ms / 1_000);
  };
};

const pause = (clock: Clock, ms: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const done = () => {
      cancel();
      signal.removeEventListener('abort', done);
      resolve();
    };
    const cancel = clock.after(ms, done);
    signal.addEventListener('abort', done);
  });

/** Waits for `work` at most `ms`; its failure is no news here: the connection is about to end. */
const within = (clock: Clock, ms: number, work: Promise<void>): Promise<void> =>
  new Promise((resolve) => {
    const cancel = clock.after(ms, resolve);
    const done = () => {
      cancel();
      resolve();
    };
    work.then(done, done);
  });
