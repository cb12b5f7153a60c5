import type { Clock } from '@muster/shared/clock';
import { AppError, asAppError } from '@muster/shared/errors';
import type { Log } from '@muster/shared/log';
import { createSignal } from '@muster/shared/signal';
import { type ColumnFacts, createMemorySpool, type Spool, type SpoolDrop, type SpoolItem } from '../spool.js';
import { createDisk } from './disk.js';
import type { SpoolFiles } from './files.js';

/**
 * The spool on disk. Every item is written before `add` returns, so a killed agent loses nothing; what nobody has
 * acknowledged for `sync_ms` is synced, so a power cut takes at most that much. Where the disk cannot be written it goes
 * on in memory, and comes back by itself.
 */
export interface DurableNeeds {
  files: SpoolFiles;
  /** Throws `conflict` when another agent has the folder; answers how to let go. */
  lock(): () => void;
  clock: Clock;
  log: Log;
  describe(columns: string): ColumnFacts | null;
  /** The agent's time; null while it is not known. */
  now(): number | null;
}

export interface DurableSettings {
  bytes: number;
  days: number;
  sync_ms: number;
  /** For what the disk does not take. */
  memory_bytes?: number;
}

const RETRY_MS = 30_000;
const AGE_CHECK_MS = 600_000;
const DAY_MS = 86_400_000;
const EVERYTHING = { items: Number.POSITIVE_INFINITY, bytes: Number.POSITIVE_INFINITY };

export const createDurableSpool = (needs: DurableNeeds, settings: DurableSettings): Spool => {
  const { clock, log } = needs;
  const dropped = createSignal<SpoolDrop>();
  const tell = createTeller(dropped.emit);
  const disk = createDisk({ ...needs, monotonic: clock.monotonic, lost: tell.note }, settings.bytes);
  const memory = createMemorySpool({ rows: Number.POSITIVE_INFINITY, ...limitOf(settings) }, needs.describe);
  memory.dropped.on(tell.note);
  const trouble = createTrouble(needs);
  const pace = createSyncPace(clock, { ms: settings.sync_ms, since: disk.unsyncedSince, sync: disk.sync, failed: trouble.begin });
  let release: (() => void) | null = null;
  /** Rows up to this number were stamped before the time was known. */
  let untimed_until = Number.POSITIVE_INFINITY;
  let untold: { boot: string; until: number; shift_ms: number } | null = null;
  let age_checked = Number.NEGATIVE_INFINITY;

  const isTimed = ({ seq }: SpoolItem) => seq > untimed_until;
  const openDisk = () => {
    if (release) return;
    needs.files.list();
    const letGo = needs.lock();
    try {
      disk.open();
      release = letGo;
    } catch (error) {
      letGo();
      throw error;
    }
  };
  const tellTime = () => {
    const note = untold;
    if (note) disk.settle(note.boot, note.until, note.shift_ms);
    untold = null;
  };
  /** Whether the disk takes writes, as far as is known; moves what waited for it. */
  const isUp = (): boolean =>
    trouble.isOver() ||
    trouble.attempt(() => {
      openDisk();
      tellTime();
      for (const item of memory.oldest(EVERYTHING)) {
        disk.append(item, isTimed(item));
        memory.remove([item]);
      }
    });
  const dropOld = () => {
    const now = clock.monotonic() - age_checked < AGE_CHECK_MS ? null : needs.now();
    if (now === null) return;
    age_checked = clock.monotonic();
    disk.dropBefore(now - settings.days * DAY_MS);
  };
  const attempt = (act: () => void): boolean => {
    if (!isUp()) return false;
    try {
      act();
      return true;
    } catch (error) {
      trouble.begin(error);
      return false;
    }
  };

  return {
    open() {
      try {
        openDisk();
      } catch (error) {
        if (error instanceof AppError && error.code === 'conflict') throw error;
        trouble.begin(error);
      }
      tell.now();
    },
    add(item) {
      dropOld();
      if (attempt(() => disk.append(item, isTimed(item)))) pace.watch();
      else memory.add(item);
      tell.now();
    },
    oldest(limits, skip = () => false) {
      const found = disk.oldest(limits, skip);
      tell.now();
      return found.length > 0 ? found : memory.oldest(limits, skip);
    },
    remove(items) {
      for (const item of items) if (!disk.remove(item)) memory.remove([item]);
    },
    columns: (wanted) => new Map([...memory.columns(), ...disk.columns(wanted)]),
    settle(boot, until, shift_ms) {
      untimed_until = until;
      untold = { boot, until, shift_ms };
      attempt(tellTime);
    },
    get length() {
      return disk.length + memory.length;
    },
    get bytes() {
      return disk.bytes;
    },
    dropped,
    async close() {
      pace.stop();
      if (!release) return;
      isUp();
      await disk.close().catch((error) => log.warn('The spool was not closed well', { error: asAppError(error).message }));
      release();
      release = null;
    },
  };
};

const limitOf = ({ memory_bytes }: DurableSettings) => (memory_bytes === undefined ? {} : { bytes: memory_bytes });

/** Drops are told between the spool's own steps: who hears of one may add an event. */
const createTeller = (emit: (drop: SpoolDrop) => void) => {
  let notes: SpoolDrop[] = [];
  return {
    note: (drop: SpoolDrop) => void notes.push(drop),
    now() {
      const told = notes;
      notes = [];
      for (const drop of told) emit(drop);
    },
  };
};

/** The disk refuses: said once, tried again now and then. */
const createTrouble = ({ clock, log }: { clock: Clock; log: Log }) => {
  let retry_at: number | null = null;
  const begin = (error: unknown) => {
    if (retry_at === null) {
      log.warn('The spool cannot be written to disk; rows are kept in memory until it can', { error: asAppError(error).message });
    }
    retry_at = clock.monotonic() + RETRY_MS;
  };
  return {
    begin,
    isOver: () => retry_at === null,
    attempt(act: () => void): boolean {
      if (retry_at !== null && clock.monotonic() < retry_at) return false;
      try {
        act();
      } catch (error) {
        begin(error);
        return false;
      }
      log.info('The spool is on disk again');
      retry_at = null;
      return true;
    },
  };
};

interface SyncPace {
  ms: number;
  since(): number | null;
  sync(): Promise<void>;
  failed(error: unknown): void;
}

/** With the link up nothing waits this long, and nothing is ever synced: an SD card lives on that. */
const createSyncPace = (clock: Clock, { ms, since, sync, failed }: SyncPace) => {
  let cancel: (() => void) | null = null;
  let stopped = false;
  const watch = () => {
    const oldest = cancel || stopped ? null : since();
    if (oldest !== null) cancel = clock.after(Math.max(0, oldest + ms - clock.monotonic()), due);
  };
  const due = () => {
    cancel = null;
    const oldest = since();
    if (oldest === null || oldest + ms > clock.monotonic()) return watch();
    sync().then(watch, failed);
  };
  return {
    watch,
    stop() {
      stopped = true;
      cancel?.();
    },
  };
};
