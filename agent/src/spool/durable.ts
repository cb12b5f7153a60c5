import type { Clock } from '@muster/shared/clock';
import { AppError, asAppError } from '@muster/shared/errors';
import type { Log } from '@muster/shared/log';
import { createSignal } from '@muster/shared/signal';
import {
  type ColumnFacts,
  createMemorySpool,
  type ListUser,
  listKey,
  type Spool,
  type SpoolDrop,
  type SpoolItem,
} from '../spool.js';
import { createDisk } from './disk.js';
import type { SpoolFiles } from './files.js';
import type { TimeNote } from './times.js';

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
  describe(list: ListUser): ColumnFacts | null;
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
  const { clock } = needs;
  const dropped = createSignal<SpoolDrop>();
  const tell = createTeller(dropped.emit);
  const parts = createParts(needs, settings, tell.note);
  const { disk, memory } = parts;
  const { ms, since, sync } = { ms: settings.sync_ms, since: disk.unsyncedSince, sync: disk.sync };
  const pace = createSyncPace(clock, { ms, since, sync, failed: parts.fail });
  let age_checked = Number.NEGATIVE_INFINITY;

  const dropOld = () => {
    const now = clock.monotonic() - age_checked < AGE_CHECK_MS ? null : needs.now();
    if (now === null) return;
    age_checked = clock.monotonic();
    disk.dropBefore(now - settings.days * DAY_MS);
  };

  return {
    open() {
      parts.open();
      tell.now();
    },
    add(item) {
      dropOld();
      if (parts.append(item)) pace.watch();
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
    columns(wish) {
      const all = [...memory.columns(), ...disk.columns(wish)];
      return [...new Map(all.map((list) => [listKey(list), list])).values()];
    },
    listsOf: (device) => memory.listsOf(device) + disk.listsOf(device),
    settle(boot, shift_ms) {
      memory.settle(boot, shift_ms);
      parts.settle({ boot, shift_ms });
      pace.watch();
    },
    flush: parts.flush,
    get length() {
      return disk.length + memory.length;
    },
    get bytes() {
      return disk.bytes + memory.bytes;
    },
    get oldest_ts() {
      const oldest = disk.oldest_ts;
      tell.now();
      return oldest ?? memory.oldest_ts;
    },
    dropped,
    async close() {
      pace.stop();
      await parts.close();
    },
  };
};

/** The disk, the memory that stands in for it, and which of them takes an item now. */
const createParts = (needs: DurableNeeds, settings: DurableSettings, lost: (drop: SpoolDrop) => void) => {
  const { clock, log } = needs;
  const memory = createMemorySpool({ rows: Number.POSITIVE_INFINITY, ...limitOf(settings) }, needs.describe);
  // A list may be out of use by the time that its rows come from memory to disk.
  const describe = (list: ListUser) =>
    needs.describe(list) ?? memory.columns().find((one) => listKey(one) === listKey(list))?.facts ?? null;
  const disk = createDisk({ ...needs, describe, monotonic: clock.monotonic, lost }, settings.bytes);
  memory.dropped.on(lost);
  const trouble = createTrouble(needs);
  const folder = createFolder(needs, disk.open);
  let untold: TimeNote | null = null;

  const tellTime = () => {
    if (untold) disk.settle(untold);
    untold = null;
  };
  const comeBack = () => {
    folder.open();
    tellTime();
    for (const item of memory.oldest(EVERYTHING)) {
      disk.append(item);
      memory.remove([item]);
    }
  };
  const attempt = (act: () => void): boolean => (trouble.isOver() || trouble.attempt(comeBack)) && trouble.spot(act);

  return {
    disk,
    memory,
    fail: trouble.begin,
    open() {
      try {
        folder.open();
      } catch (error) {
        if (error instanceof AppError && error.code === 'conflict') throw error;
        trouble.begin(error);
      }
    },
    append: (item: SpoolItem) => attempt(() => disk.append(item)),
    settle(note: TimeNote) {
      untold = note;
      attempt(tellTime);
    },
    async flush(): Promise<boolean> {
      if (disk.length + memory.length === 0) return true;
      if (!attempt(() => {})) return false;
      return disk.sync().catch((error) => {
        trouble.begin(error);
        return false;
      });
    },
    async close() {
      if (!folder.isOpen()) return;
      attempt(() => {});
      await disk.close().catch((error) => log.warn('The spool was not closed well', { error: asAppError(error).message }));
      folder.close();
    },
  };
};

/** Makes the folder, keeps other agents out, opens the spool in it; all of it or nothing. */
const createFolder = ({ files, lock }: Pick<DurableNeeds, 'files' | 'lock'>, open: () => void) => {
  let release: (() => void) | null = null;
  return {
    isOpen: () => release !== null,
    open() {
      if (release) return;
      files.list();
      const letGo = lock();
      try {
        open();
        release = letGo;
      } catch (error) {
        letGo();
        throw error;
      }
    },
    close() {
      release?.();
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
    /** Whether it went well. */
    spot(act: () => void): boolean {
      try {
        act();
        return true;
      } catch (error) {
        begin(error);
        return false;
      }
    },
    /** Not before its time; whether the trouble is over. */
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
  sync(): Promise<unknown>;
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
