/** Where a row belongs: 15-min slots and 6-h windows, staggered by device so that seals and compactions spread evenly. */
export const MINUTE = 60_000;
export const SLOT_MS = 15 * MINUTE;
export const WINDOW_SLOTS = 24;
export const WINDOW_MS = WINDOW_SLOTS * SLOT_MS;

/** Ids fit in 53 bits: minutes to the year 2223, 2^20 devices ever, 2^6 parts of a slot. */
export const MAX_DEVICES = 2 ** 20;
export const MAX_PARTS = 2 ** 6;
export const MAX_TS = 2 ** 27 * MINUTE - WINDOW_MS;
const WINDOWS = 2 ** 24;

/** Whole minutes in [0, 6 h), scattered over the devices. */
export const offsetOf = (device: number): number => ((Math.imul(device, 0x9e3779b1) >>> 8) % (WINDOW_MS / MINUTE)) * MINUTE;

export const slotOf = (device: number, ts: number): number => Math.floor((ts + offsetOf(device)) / SLOT_MS);
export const slotStart = (device: number, slot: number): number => slot * SLOT_MS - offsetOf(device);
export const slotEnd = (device: number, slot: number): number => slotStart(device, slot + 1);

export const windowOf = (device: number, ts: number): number => Math.floor((ts + offsetOf(device)) / WINDOW_MS);
export const windowOfSlot = (slot: number): number => Math.floor(slot / WINDOW_SLOTS);
export const windowStart = (device: number, window: number): number => window * WINDOW_MS - offsetOf(device);
export const windowEnd = (device: number, window: number): number => windowStart(device, window + 1);

/** Key of a staged chunk: by the end of its slot on the clock, so that what is sealed together lies together. */
export const stagedId = (device: number, slot: number, part: number): number =>
  (slotEnd(device, slot) / MINUTE) * (MAX_DEVICES * MAX_PARTS) + device * MAX_PARTS + part;

/** First key of all chunks whose slots end at or after this time. */
export const stagedFrom = (ts: number): number => Math.max(0, Math.ceil(ts / MINUTE)) * (MAX_DEVICES * MAX_PARTS);

export const deviceOfStaged = (id: number): number => Math.floor(id / MAX_PARTS) % MAX_DEVICES;
export const endOfStaged = (id: number): number => Math.floor(id / (MAX_PARTS * MAX_DEVICES)) * MINUTE;
export const slotOfStaged = (id: number): number => slotOf(deviceOfStaged(id), endOfStaged(id)) - 1;

/** Key of a 6-h chunk in `archive`, and of its mark in `pending`. */
export const archiveId = (device: number, window: number): number => device * WINDOWS + window;
export const deviceOfArchive = (id: number): number => Math.floor(id / WINDOWS);
export const windowOfArchive = (id: number): number => id % WINDOWS;
