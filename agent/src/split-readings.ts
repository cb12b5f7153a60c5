import { WIRE_LIMITS as L } from '@muster/shared/wire/limits';
import type { LedgerReading, Reading } from '@muster/shared/wire/messages';

/** Room for boot, seq, ts and the brackets. */
const ROOM = L.rewards_bytes - 200;

/** Readings as messages of at most 64 KB, split by reading and, in a ledger, by entries; what fits none is counted. */
export const splitReadings = (readings: readonly Reading[]): { messages: Reading[][]; dropped: number } => {
  const messages: Reading[][] = [];
  let used = 0;
  let dropped = 0;
  for (const reading of readings.flatMap(splitLedger)) {
    const bytes = bytesOf(reading);
    const last = messages.at(-1);
    if (bytes > ROOM) dropped++;
    else if (last && used + bytes <= ROOM && last.length < L.readings) {
      last.push(reading);
      used += bytes;
    } else {
      messages.push([reading]);
      used = bytes;
    }
  }
  return { messages, dropped };
};

const splitLedger = (reading: Reading): Reading[] => {
  if (reading.kind !== 'ledger' || (bytesOf(reading) <= ROOM && reading.entries.length <= L.ledger_entries)) return [reading];
  const room = ROOM - bytesOf({ ...reading, entries: [] });
  const parts: LedgerReading[] = [];
  let used = room;
  for (const entry of reading.entries) {
    const bytes = bytesOf(entry);
    const last = parts.at(-1);
    if (last && used + bytes <= room && last.entries.length < L.ledger_entries) {
      last.entries.push(entry);
      used += bytes;
    } else {
      parts.push({ ...reading, entries: [entry] });
      used = bytes;
    }
  }
  return parts;
};

const bytesOf = (value: unknown): number => Buffer.byteLength(JSON.stringify(value)) + 1;
