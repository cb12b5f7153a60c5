import type { Clock } from '@muster/shared/clock';
import { asAppError } from '@muster/shared/errors';
import type { Log } from '@muster/shared/log';
import type { DeviceEvent, Result } from '@muster/shared/wire/messages';
import { topicOf } from '@muster/shared/wire/topics';
import { type BirthFacts, splitBirth } from './birth.js';
import { createLanes, type Lanes, type Urgent } from './lanes.js';
import type { Link, OpenLink } from './link.js';
import type { Spool, SpoolItem, SpoolRow } from './spool.js';

/** Keeps one connection to the hub: birth first, then what the spool holds; comes back after every loss, with back-off. */
export interface Uplink {
  start(): void;
  /** The row that was just put into the spool. */
  offer(row: SpoolRow): void;
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
  /** Milliseconds to add to an item's own stamp. */
  shiftOf(item: SpoolItem): number;
  isTimeKnown(): boolean;
  /** Facts of the birth, with every column list that the spool needs. */
  birth(): Omit<BirthFacts, 'session'>;
  onCommand(payload: Uint8Array): void;
}

export interface UplinkSettings {
  address: string;
  pin: string | null;
  device: string;
  key: string;
  keepalive_s: number;
}

/** From opening the socket to the PUBACK of the birth. */
const ESTABLISH_MS = 15_000;
const BACKOFF_MS = 500;
const BACKOFF_MAX_MS = 30_000;
/** Even with a lucky draw: a hub that closes at once is not asked more than ten times a second. */
const BACKOFF_MIN_MS = 100;
/** A connection that held this long was a good one: the back-off starts anew. */
const STEADY_MS = 10_000;
const GOODBYE_MS = 2_000;
/** Answers that wait; more commands than that go unanswered. */
const MAX_RESULTS = 16;

/** Full jitter: a fleet must not come back in step. */
export const backoffMs = (failures: number, random: number): number =>
  Math.max(BACKOFF_MIN_MS, random * Math.min(BACKOFF_MAX_MS, BACKOFF_MS * 2 ** Math.min(failures, 10)));

interface Connection {
  link: Link;
  lanes: Lanes;
}

export const createUplink = (needs: UplinkNeeds, settings: UplinkSettings): Uplink => {
  const { clock, log, spool } = needs;
  const { device } = settings;
  const boot = needs.birth().boot;
  const results: Result[] = [];
  const stopping = new AbortController();
  let births: Urgent[] = [];
  let announced = new Set<string>();
  let session = 0;
  let current: Connection | null = null;
  let last_trouble = '';
  let loop: Promise<void> = Promise.resolve();

  const announce = (needed?: string): boolean => {
    const facts = needs.birth();
    births = splitBirth({ ...facts, session }).map((birth) => ({
      topic: topicOf(device, 'birth'),
      payload: JSON.stringify(birth),
      acknowledged() {
        for (const { id } of birth.columns) announced.add(id);
      },
    }));
    return needed === undefined || facts.columns.some(({ id }) => id === needed);
  };
  const urgent = (): Urgent | null => {
    const birth = births.shift();
    if (birth) return birth;
    const result = results.shift();
    if (!result) return null;
    return { topic: topicOf(device, 'result'), payload: JSON.stringify(result), acknowledged() {} };
  };
  const lanesOn = (link: Link) =>
    createLanes({
      link,
      spool,
      urgent,
      announce,
      stamp: (item) => item.ts + needs.shiftOf(item),
      isOpen: needs.isTimeKnown,
      isAnnounced: (columns) => announced.has(columns),
    });

  const openOnce = (signal: AbortSignal) => {
    const will = { topic: topicOf(device, 'status'), payload: JSON.stringify({ boot, session, state: 'lost' }) };
    return needs.open({ ...settings, will, signal, onMessage: (_topic, payload) => needs.onCommand(payload) });
  };
  /** Birth first after CONNACK, nothing else before its PUBACK. */
  const introduce = async (link: Link) => {
    await link.subscribe(topicOf(device, 'command'));
    announced = new Set();
    announce();
    for (let birth = births.shift(); birth; birth = births.shift()) {
      await link.publish(birth.topic, birth.payload);
      birth.acknowledged();
    }
  };
  const establish = async (): Promise<Link> => {
    session++;
    const deadline = new AbortController();
    const cancel = clock.after(ESTABLISH_MS, () => deadline.abort());
    const signal = AbortSignal.any([deadline.signal, stopping.signal]);
    try {
      const link = await openOnce(signal);
      signal.addEventListener('abort', link.cut);
      await introduce(link).catch((error) => {
        link.cut();
        throw error;
      });
      signal.removeEventListener('abort', link.cut);
      return link;
    } finally {
      cancel();
    }
  };
  const serve = async (): Promise<string> => {
    const link = await establish();
    current = { link, lanes: lanesOn(link) };
    last_trouble = '';
    log.info('Connected to the hub', { address: settings.address, session, waiting: spool.length });
    current.lanes.wake();
    const why = await link.closed;
    void current?.lanes.close();
    current = null;
    return why;
  };
  const tell = (trouble: string, hint?: string) => {
    if (trouble !== last_trouble)
      log.warn('Not connected to the hub; rows are kept and it is tried again', { why: trouble, hint });
    last_trouble = trouble;
  };
  const run = async () => {
    let failures = 0;
    while (!stopping.signal.aborted) {
      const begun = clock.monotonic();
      const trouble = await serve().catch(asAppError);
      if (stopping.signal.aborted) return;
      tell(
        typeof trouble === 'string' ? trouble : trouble.message,
        typeof trouble === 'string' ? undefined : trouble.details.hint,
      );
      const steady = typeof trouble === 'string' && clock.monotonic() - begun >= STEADY_MS;
      failures = steady ? 0 : failures + 1;
      await pause(clock, backoffMs(failures, needs.random()), stopping.signal);
    }
  };
  const sayGoodbye = async ({ link, lanes }: Connection, event: DeviceEvent) => {
    await lanes.close();
    await link.publish(topicOf(device, 'event'), JSON.stringify(event));
  };

  return {
    start() {
      loop = run();
    },
    offer: (row) => current?.lanes.offer(row),
    wake: () => current?.lanes.wake(),
    announce() {
      if (!current) return;
      announce();
      current.lanes.wake();
    },
    answer(result) {
      if (results.length < MAX_RESULTS) results.push(result);
      current?.lanes.wake();
    },
    online: () => current !== null,
    async stop(goodbye) {
      const connection = current;
      if (connection && !stopping.signal.aborted) {
        await within(clock, GOODBYE_MS, sayGoodbye(connection, goodbye));
        stopping.abort();
        await within(clock, GOODBYE_MS, connection.link.goodbye());
        connection.link.cut();
      }
      stopping.abort();
      await loop;
    },
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
