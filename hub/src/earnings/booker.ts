/** Takes what is said of streams into them, and turns it into entries and documents. */
import { WIRE_LIMITS } from '@muster/shared/wire/limits';
import type { Reading } from '@muster/shared/wire/messages';
import type { HubReading } from '../parts.js';
import type { Change, LedgerEntry } from '../store/store.js';
import { type ClaimNeeds, holdersOf, refuseClaim, takeOver } from './claims.js';
import { Drafts } from './drafts.js';
import { type Booking, takeReading, wantSource } from './ledger.js';
import type { createRefusals } from './refusals.js';
import type { createShelf } from './shelf.js';
import { newStream, type Speaker, type Stream, sourceKey, streamKey } from './stream.js';

/** Bounds against a device that makes accounts up. */
const MOST_STREAMS = 1_000;
const MOST_SOURCES = 32;
/** Accounts without a device: the operator's own, of the hub's sources. */
const MOST_UNASSIGNED = 20_000;

interface Word {
  /** Whom it is about; '' for an account without a device of its own. */
  device: string;
  reading: Reading;
  by: Speaker;
  seen: number;
}

export interface BookerNeeds {
  shelf: ReturnType<typeof createShelf>;
  claims: ClaimNeeds;
  refusals: ReturnType<typeof createRefusals>;
  announce(entries: readonly LedgerEntry[]): void;
}

export const createBooker = ({ shelf, claims, refusals, announce }: BookerNeeds) => {
  const take = ({ device, reading, by, seen }: Word): { stream: Stream; booking: Booking; more: Change[] } | null => {
    const known = shelf.get(streamKey(reading));
    const stream = known ?? newStream(reading, claims.accounts.at(reading, reading.as_of) ? '' : device, reading.decimals);
    const claim = { stream, device, as_of: reading.as_of };
    const reason =
      refuseClaim(claims, claim) ?? refusal({ stream, reading, by, seen }) ?? (known ? null : tooMany(shelf, device));
    const more = reason === null ? takeOver(claims, claim) : [];
    const booking = reason === null ? takeReading(stream, reading, { by, seen, holders: holdersOf(claims, stream) }) : null;
    const refused = reason ?? booking?.refused ?? null;
    refusals.note({ device, reading, refused });
    if (!booking || refused !== null) return null;
    shelf.put(stream);
    return { stream, booking, more };
  };
  const book = (words: readonly Word[]): Change[] => {
    const drafts = new Drafts();
    const entries: LedgerEntry[] = [];
    for (const word of words) {
      const taken = take(word);
      if (!taken) continue;
      drafts.add(taken.stream, taken.booking, taken.more);
      entries.push(...taken.booking.entries);
    }
    announce(entries);
    return drafts.changes();
  };
  const refuse = ({ device, reading }: Word, refused: string) => refusals.note({ device, reading, refused });

  return {
    /** What an agent said of itself and of what it may speak for. */
    ofAgent(agent: string, devices: ReadonlySet<string>, readings: readonly Reading[], seen: number): Change[] {
      const words = readings.map((reading): Word => ({ device: reading.device ?? agent, reading, by: 'agent', seen }));
      for (const word of words) if (!devices.has(word.device)) refuse(word, `${agent} may not speak for ${word.device}`);
      return book(words.filter(({ device }) => devices.has(device)));
    },
    /** What the hub itself asked. */
    ofHub(readings: readonly HubReading[], seen: number): Change[] {
      const words = readings.map(({ device, reading }): Word => ({ device: device ?? '', reading, by: 'hub', seen }));
      const isKnown = ({ device }: Word) => device === '' || claims.isThere(device);
      for (const word of words)
        if (!isKnown(word)) refuse(word, `there is no device "${word.device}"; make it, or correct the source`);
      return book(words.filter(isKnown));
    },
    /** Another source is booked from now on; null: by the rule. */
    want(stream: Stream, source: string | null, seen: number): Change[] {
      const entries = wantSource(stream, source, { by: 'hub', seen, holders: holdersOf(claims, stream) });
      shelf.put(stream);
      announce(entries);
      const drafts = new Drafts();
      drafts.book(stream, entries);
      return drafts.changes();
    },
  };
};

const refusal = ({ stream, reading, by, seen }: Omit<Word, 'device'> & { stream: Stream }): string | null => {
  if (stream.decimals !== reading.decimals)
    return `it says ${reading.decimals} decimals, but ${stream.decimals} are known for this account; correct the source's settings`;
  if (reading.as_of > seen + WIRE_LIMITS.future_ms) return 'its time lies in the future; check the clock of the device';
  const isNew = !stream.sources.has(sourceKey(reading, by));
  return isNew && stream.sources.size >= MOST_SOURCES ? `more than ${MOST_SOURCES} sources report this account` : null;
};

const tooMany = (shelf: Pick<ReturnType<typeof createShelf>, 'count'>, device: string): string | null => {
  const most = device === '' ? MOST_UNASSIGNED : MOST_STREAMS;
  const whose = device === '' ? 'there are' : 'the device has';
  return shelf.count(device) >= most ? `${whose} ${most} accounts already; remove those that are not needed` : null;
};
