import type { Log } from '@muster/shared/log';
import { utcDay } from '@muster/shared/money';
import { createSignal } from '@muster/shared/signal';
import { WIRE_LIMITS } from '@muster/shared/wire/limits';
import type { DeviceEvent, Reading } from '@muster/shared/wire/messages';
import type { AccountShare, EarningsBook, NetworkState, Registry } from '../parts.js';
import { keep } from '../shelf.js';
import type { Change, LedgerEntry, Reader, Recovered, Writer } from '../store/store.js';
import { createAccounts } from './accounts.js';
import { holdersOf, refuseClaim, takeOver } from './claims.js';
import { createDays } from './days.js';
import { createDesk, sourceId } from './desk.js';
import { Drafts } from './drafts.js';
import { createFailures, withFailures } from './failures.js';
import { type Booking, takeReading, wantSource } from './ledger.js';
import { pages, queryEarnings } from './query.js';
import { createRefusals } from './refusals.js';
import { createShelf } from './shelf.js';
import { newStream, type Speaker, type Stream, sourceKey, stateId, streamKey } from './stream.js';
import { createTally } from './tally.js';

export interface EarningsNeeds {
  registry: Pick<Registry, 'get'>;
  now: () => number;
  log: Log;
  writer: Pick<Writer, 'queue' | 'accepts' | 'healthy'>;
}

export interface Earnings extends EarningsBook {
  /** Reads today's income; answers what to queue: leftovers of devices that are gone. */
  start(reader: Pick<Reader, 'entries'>): Promise<Change[]>;
  /** Takes what an agent says of its sources; answers what to queue. */
  heard(device: string, event: DeviceEvent): Change[];
  /** To be queued after a birth: what an earlier start of the agent said of its sources is over. */
  born(device: string, boot: string): Change[];
  /** To be queued when a device is removed; its accounts are free for another. */
  forget(device: string): Change[];
  /** Once a minute or so: a new UTC day begins at 0 for everyone who earned. */
  tick(): void;
}

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

export const createEarnings = (needs: EarningsNeeds, found: Pick<Recovered, 'documents'>): Earnings => {
  const { registry, now, log, writer } = needs;
  const shelf = createShelf(found.documents);
  const accounts = createAccounts(found.documents);
  const days = createDays(now);
  const refusals = createRefusals(log);
  const failures = createFailures(found.documents);
  const changed = createSignal<string>();
  const isThere = (device: string) => registry.get(device) !== undefined;
  const claims = { accounts, isThere };
  let reader: Pick<Reader, 'entries'> | null = null;

  const forget = (device: string): Change[] => {
    days.forget(device);
    refusals.forget(device);
    const isOthersToo = (stream: Stream) =>
      accounts.history(stream).some(({ shares }) => shares.some((one) => one.device !== device && isThere(one.device)));
    const left = shelf.remove(device, isOthersToo);
    const over = left.flatMap(({ collection, key, value }) => (collection === 'streams' && value === null ? accountOf(key) : []));
    return [
      ...left,
      ...over.flatMap((of) => (shelf.ofAccount(of).length === 0 ? accounts.drop(of) : [])),
      ...failures.forget(device),
    ];
  };
  const take = ({ device, reading, by, seen }: Word): { stream: Stream; booking: Booking; more: Change[] } | null => {
    const known = shelf.get(streamKey(reading));
    const stream = known ?? newStream(reading, accounts.at(reading, reading.as_of) ? '' : device, reading.decimals);
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
  const announce = (entries: readonly LedgerEntry[]) => {
    for (const entry of entries) days.add(entry);
    for (const device of new Set(entries.map((entry) => entry.device))) if (device !== '') changed.emit(device);
  };
  const bookAll = (words: readonly Word[]): Change[] => {
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
  const want = (stream: Stream, source: string | null): Change[] => {
    const entries = wantSource(stream, source, { by: 'hub', seen: now(), holders: holdersOf(claims, stream) });
    shelf.put(stream);
    announce(entries);
    const drafts = new Drafts();
    drafts.book(stream, entries);
    return drafts.changes();
  };
  const desk = createDesk({
    ...{ accounts, isThere, want, now },
    streams: shelf.ofAccount,
    stream: (of) => shelf.get(streamKey(of)),
    keep: (make) => keep(writer, 10_000, make),
  });

  const agentOf = (device: string) => registry.get(device)?.carried_by ?? device;
  const refuse = (device: string, reading: Reading, refused: string) => refusals.note({ device, reading, refused });

  return {
    changed,
    forget,
    heard: failures.heard,
    born: failures.born,
    ...desk,
    book(agent, devices, readings, seen) {
      const words = readings.map((reading): Word => ({ device: reading.device ?? agent, reading, by: 'agent', seen }));
      for (const { device, reading } of words)
        if (!devices.has(device)) refuse(device, reading, `${agent} may not speak for ${device}`);
      return bookAll(words.filter(({ device }) => devices.has(device)));
    },
    bookHub(readings, seen) {
      const words = readings.map(({ device, reading }): Word => ({ device: device ?? '', reading, by: 'hub', seen }));
      const isKnown = ({ device }: Word) => device === '' || isThere(device);
      for (const word of words)
        if (!isKnown(word))
          refuse(word.device, word.reading, `there is no device "${word.device}"; make it, or correct the source`);
      return bookAll(words.filter(isKnown));
    },
    async start(source) {
      reader = source;
      const gone = [...shelf.devices(), ...failures.devices()].filter((device) => device !== '' && !isThere(device));
      const changes = [...shelf.orphans(), ...gone.flatMap(forget)];
      for await (const page of pages(source, { from: utcDay(now()), without_opening: true })) page.forEach(days.add);
      return changes;
    },
    tick() {
      for (const device of days.turn()) if (device !== '') changed.emit(device);
    },
    earnings: async (query) => (reader ? queryEarnings(reader, registry, query) : []),
    totals: (device) => tallied(shelf.of(device), (stream) => stream.held.get(device) ?? 0n).amounts(),
    today(device) {
      // Every stream has its line, also one that earned nothing yet today.
      const tally = tallied(shelf.of(device), () => 0n);
      for (const sum of days.today(device)?.amounts() ?? []) tally.add({ ...sum, exact: !sum.estimated }, BigInt(sum.amount));
      return tally.amounts();
    },
    networks() {
      const states = shelf.all().flatMap((stream) => statesOf(stream, holdersOf(claims, stream)(now())));
      return withFailures([...states, ...refusals.all()], failures.all(), { agentOf, idOf: stateId });
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

/** Of a document that went. */
const accountOf = (key: string): { network: string; account: string }[] => {
  const [network, account] = JSON.parse(key) as string[];
  return network === undefined || account === undefined ? [] : [{ network, account }];
};

const tallied = (streams: readonly Stream[], amount: (stream: Stream) => bigint) => {
  const tally = createTally();
  for (const stream of streams) {
    const exact = stream.sources.get(stream.booked ?? '')?.exact ?? true;
    tally.add({ ...stream, exact }, amount(stream));
  }
  return tally;
};

const statesOf = (stream: Stream, holders: readonly AccountShare[]): NetworkState[] => {
  const [holder] = holders;
  const { network, account, token } = stream;
  const whose = holders.length > 1 ? { device: '', shares: holders } : { device: holder?.device ?? '' };
  return [...stream.sources.values()].map((source) => ({
    id: sourceId(stream, source),
    ...{ network, account, token, ...whose, source: source.name, by: source.by },
    ...{ booked: stream.booked === source.key, state: 'ok', last_reading: source.newest, last_error: null },
  }));
};
