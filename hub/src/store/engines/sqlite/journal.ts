/**
 * One record per group commit. `entries`: two checksums, then per row its device, list, boot, seq, slot, length and missing
 * values, readable without the rows (a start needs no more). `rows`: the packed rows, one after the other.
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
  entries(): Uint8Array;
}

const CHECKSUMS = 8;
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
      return sink.length === CHECKSUMS;
    },
    begin() {
      rows.length = 0;
      sink.length = CHECKSUMS;
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
    entries() {
      const view = new DataView(sink.bytes.buffer, sink.bytes.byteOffset, CHECKSUMS);
      view.setUint32(0, crc32(rows.bytes.subarray(0, rows.length)));
      view.setUint32(4, crc32(sink.bytes.subarray(CHECKSUMS, sink.length)));
      return written(sink);
    },
  };
};

/** `visit` gets the same object each time. Throws AppError `damaged`. */
export const readEntries = (bytes: Uint8Array, visit: (entry: Readonly<JournalEntry>) => void): void => {
  if (bytes.length < CHECKSUMS || checksum(bytes, 4) !== crc32(bytes.subarray(CHECKSUMS)))
    throw damaged('the entries of a journal record');
  const source = newSource(bytes, CHECKSUMS);
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

/** Throws AppError `damaged` when the rows are not those that the entries were written with. */
export const checkRows = (entries: Uint8Array, rows: Uint8Array): void => {
  if (entries.length < CHECKSUMS || checksum(entries, 0) !== crc32(rows)) throw damaged('the rows of a journal record');
};

const checksum = (bytes: Uint8Array, at: number): number => new DataView(bytes.buffer, bytes.byteOffset).getUint32(at);
