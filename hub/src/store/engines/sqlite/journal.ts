/**
 * One record per group commit. `entries`: checksums, its number and the length of its rows, then per row its device, list, boot,
 * seq, slot, length and missing values, readable without the rows (a start needs no more). `rows`: the packed rows.
 */
import { crc32 } from 'node:zlib';
import { type ByteSink, newSink, newSource, putSigned, putVarint, takeSigned, takeVarint, written } from './codec/bytes.js';
import { damaged } from './codec/damage.js';

/** `list` 0: a mark, no row. `boot` 0: a row without identity. */
export interface JournalEntry {
  device: number;
  list: number;
  boot: number;
  seq: number;
  slot: number;
  length: number;
  missing: number;
  /** Rows since the packer's first one, modulo 128: tells whether the row that this one goes on from is there. */
  chain: number;
}

export interface JournalDraft {
  readonly rows: ByteSink;
  readonly empty: boolean;
  begin(): void;
  add(entry: JournalEntry): void;
  entries(number: number): Uint8Array;
}

/** Checksum of what follows, checksum of the rows (4 bytes each), number (6), length of the rows (4). */
const HEADER = 18;
export const CHAIN = 128;
/** Before the device and list that hold from here on; else boot + 1. */
const GROUP = 0;

/** Reused from commit to commit. */
export const createJournalDraft = (): JournalDraft => {
  const rows = newSink(65_536);
  const sink = newSink(8_192);
  const last = { device: 0, list: 0, slot: 0 };
  return {
    rows,
    get empty() {
      return sink.length === HEADER;
    },
    begin() {
      rows.length = 0;
      sink.length = HEADER;
      Object.assign(last, { device: 0, list: 0, slot: 0 });
    },
    add({ device, list, boot, seq, slot, length, missing, chain }) {
      if (device !== last.device || list !== last.list) {
        putVarint(sink, GROUP);
        putVarint(sink, device);
        putVarint(sink, list);
        last.device = device;
        last.list = list;
      }
      putVarint(sink, boot + 1);
      if (boot > 0) putVarint(sink, seq);
      if (list === 0) return;
      putSigned(sink, slot - last.slot);
      putVarint(sink, length);
      putVarint(sink, missing);
      putVarint(sink, chain % CHAIN);
      last.slot = slot;
    },
    entries(number) {
      const view = new DataView(sink.bytes.buffer, sink.bytes.byteOffset, HEADER);
      view.setUint32(4, crc32(rows.bytes.subarray(0, rows.length)));
      view.setUint16(8, Math.floor(number / 2 ** 32));
      view.setUint32(10, number % 2 ** 32);
      view.setUint32(14, rows.length);
      view.setUint32(0, crc32(sink.bytes.subarray(4, sink.length)));
      return written(sink);
    },
  };
};

const viewOf = (entries: Uint8Array): DataView => {
  const view = new DataView(entries.buffer, entries.byteOffset, entries.length);
  if (entries.length < HEADER || view.getUint32(0) !== crc32(entries.subarray(4)))
    throw damaged('the entries of a journal record');
  return view;
};

/** Throws AppError `damaged`. */
export const numberOf = (entries: Uint8Array): number => {
  const view = viewOf(entries);
  return view.getUint16(8) * 2 ** 32 + view.getUint32(10);
};

/** The rows without what pads them. Throws AppError `damaged` when they are not those that the entries were written with. */
export const rowsOf = (entries: Uint8Array, rows: Uint8Array): Uint8Array => {
  const view = viewOf(entries);
  const own = rows.subarray(0, view.getUint32(14));
  if (view.getUint32(4) !== crc32(own)) throw damaged('the rows of a journal record');
  return own;
};

/** `visit` gets the same object each time. Throws AppError `damaged`. */
export const readEntries = (bytes: Uint8Array, visit: (entry: Readonly<JournalEntry>) => void): void => {
  viewOf(bytes);
  const source = newSource(bytes, HEADER);
  const entry: JournalEntry = { device: 0, list: 0, boot: 0, seq: 0, slot: 0, length: 0, missing: 0, chain: 0 };
  while (source.at < source.end) {
    const tag = takeVarint(source);
    if (tag === GROUP) {
      entry.device = takeVarint(source);
      entry.list = takeVarint(source);
      continue;
    }
    entry.boot = tag - 1;
    entry.seq = entry.boot > 0 ? takeVarint(source) : 0;
    if (entry.list > 0) {
      entry.slot += takeSigned(source);
      entry.length = takeVarint(source);
      entry.missing = takeVarint(source);
      entry.chain = takeVarint(source);
    }
    visit(entry);
  }
};
