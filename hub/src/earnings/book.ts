import type { Log } from '@muster/shared/log';
import { utcDay } from '@muster/shared/money';
import { createSignal } from '@muster/shared/signal';
import { WIRE_LIMITS } from '@muster/shared/wire/limits';
import type { DeviceEvent, Reading } from '@muster/shared/wire/messages';
import type { EarningsBook, NetworkState, Registry, StreamKey } from '../parts.js';
import type { Change, Json, Reader, Recovered } from '../store/store.js';
import { createDays } from './days.js';
import { createFailures, withFailures } from './failures.js';
import { type Booking, takeReading } from './ledger.js';
import { pages, queryEarnings } from './query.js';
import { createRefusals } from './refusals.js';
import { createShelf } from './shelf.js';
import { newStream, partDocument, partKey, type Stream, sourceKey, stateId, streamKey, toDocument } from './stream.js';
import { createTally } from './tally.js';

export interface EarningsNeeds {
  registry: Pick<Registry, 'get'>;
  now: () => number;
  log: Log;
}

/** A stream as the rules about earning see it. */
export interface StreamView extends StreamKey {
  /** Plain text that can be part of a URL. */
  id: string;
  device: string;
  exact: boolean;
  /** Its source lists entries, with dates of its own. */
  ledger: boolean;
  /** By the source that is booked; as of when. */
  last_reading: number;
}

export interface Earnings extends EarningsBook {
  streams(device: string): StreamView[];
  stream(key: StreamKey): StreamView | undefined;
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

export const createEarnings = ({ registry, now, log }: EarningsNeeds, found: Pick<Recovered, 'documents'>): Earnings => {
  const shelf = createShelf(found.documents);
  const days = createDays(now);
  const refusals = createRefusals(log);
  const failures = createFailures(found.documents);
  const changed = createSignal<string>();
  let reader: Pick<Reader, 'entries'> | null = null;

  const forget = (device: string): Change[] => {
    days.forget(device);
    refusals.forget(device);
    return [...shelf.remove(device), ...failures.forget(device)];
  };
  const take = (device: string, reading: Reading, seen: number): { stream: Stream; booking: Booking } | null => {
    const known = shelf.get(streamKey(reading));
    const stream = known ?? newStream(reading, device, reading.decimals);
    const reason = refusal({ stream, device, reading, seen }) ?? (known ? null : tooMany(shelf.of(device).length));
    const booking = reason === null ? takeReading(stream, reading, seen) : null;
    const refused = reason ?? booking?.refused ?? null;
    refusals.note({ device, reading, refused });
    if (!booking || refused !== null) return null;
    shelf.put(stream);
    return { stream, booking };
  };

  const agentOf = (device: string) => registry.get(device)?.carried_by ?? device;

  return {
    changed,
    forget,
    heard: failures.heard,
    born: failures.born,
    book(agent, devices, readings, seen) {
      const drafts = new Drafts();
      const earned = new Set<string>();
      for (const reading of readings) {
        const device = reading.device ?? agent;
        if (!devices.has(device)) refusals.note({ device, reading, refused: `${agent} may not speak for ${device}` });
        const taken = devices.has(device) ? take(device, reading, seen) : null;
        if (!taken) continue;
        drafts.add(taken.stream, taken.booking);
        for (const entry of taken.booking.entries) days.add(entry);
        if (taken.booking.entries.length > 0) earned.add(device);
      }
      for (const device of earned) changed.emit(device);
      return drafts.changes();
    },
    async start(source) {
      reader = source;
      const gone = [...shelf.devices(), ...failures.devices()].filter((device) => !registry.get(device));
      const changes = [...shelf.orphans(), ...gone.flatMap(forget)];
      for await (const page of pages(source, { from: utcDay(now()), without_opening: true })) page.forEach(days.add);
      return changes;
    },
    tick() {
      for (const device of days.turn()) changed.emit(device);
    },
    earnings: async (query) => (reader ? queryEarnings(reader, registry, query) : []),
    totals: (device) => tallied(shelf.of(device), (stream) => stream.opening + stream.rest).amounts(),
    today(device) {
      // Every stream has its line, also one that earned nothing yet today.
      const tally = tallied(shelf.of(device), () => 0n);
      for (const sum of days.today(device)?.amounts() ?? []) tally.add({ ...sum, exact: !sum.estimated }, BigInt(sum.amount));
      return tally.amounts();
    },
    ...viewsOf(shelf),
    networks: () =>
      withFailures([...shelf.all().flatMap(statesOf), ...refusals.all()], failures.all(), { agentOf, idOf: stateId }),
  };
};

const refusal = (call: { stream: Stream; device: string; reading: Reading; seen: number }): string | null => {
  const { stream, device, reading, seen } = call;
  if (stream.device !== device)
    return `the account is already held by ${stream.device}; remove it there, or correct the account in the settings of ${device}`;
  if (stream.decimals !== reading.decimals)
    return `it says ${reading.decimals} decimals, but ${stream.decimals} are known for this account; correct the source's settings`;
  if (reading.as_of > seen + WIRE_LIMITS.future_ms) return 'its time lies in the future; check the clock of the device';
  const isNew = !stream.sources.has(sourceKey(reading));
  return isNew && stream.sources.size >= MOST_SOURCES ? `more than ${MOST_SOURCES} sources report this account` : null;
};

const tooMany = (streams: number): string | null =>
  streams >= MOST_STREAMS ? `the device already has ${MOST_STREAMS} accounts; remove those it does not need` : null;

const tallied = (streams: readonly Stream[], amount: (stream: Stream) => bigint) => {
  const tally = createTally();
  for (const stream of streams) {
    const exact = stream.sources.get(stream.booked ?? '')?.exact ?? true;
    tally.add({ ...stream, exact }, amount(stream));
  }
  return tally;
};

const viewsOf = (shelf: ReturnType<typeof createShelf>): Pick<Earnings, 'streams' | 'stream'> => ({
  streams: (device) => shelf.of(device).map(viewOf),
  stream(key) {
    const found = shelf.get(streamKey(key));
    return found && viewOf(found);
  },
});

const viewOf = ({ network, account, token, device, sources, booked }: Stream): StreamView => {
  const source = sources.get(booked ?? '');
  const rest = { exact: source?.exact ?? true, ledger: source?.mode === 'ledger', last_reading: source?.newest ?? 0 };
  return { id: stateId(network, account, token), network, account, token, device, ...rest };
};

const statesOf = (stream: Stream): NetworkState[] =>
  [...stream.sources.values()].map((source) => ({
    id: stateId(stream.network, stream.account, stream.token, source.key),
    ...{ network: stream.network, account: stream.account, token: stream.token, device: stream.device, source: source.name },
    ...{ booked: stream.booked === source.key, state: 'ok', last_reading: source.newest, last_error: null },
  }));

/** The changes of one message: entries in order, each document once. */
class Drafts {
  readonly #entries: Change[] = [];
  readonly #documents = new Map<string, { collection: string; key: string; value: () => Json }>();

  add(stream: Stream, { entries, parts, source, changed }: Booking): void {
    for (const entry of entries) this.#entries.push({ kind: 'entry', entry });
    if (changed) this.#put('streams', stream.key, () => toDocument(stream));
    for (const [id, part] of parts) {
      this.#put('stream_parts', partKey(stream, source, id), () => part && partDocument(part));
    }
  }

  changes(): Change[] {
    const documents = [...this.#documents.values()];
    return [...this.#entries, ...documents.map(({ value, ...rest }) => ({ kind: 'document', ...rest, value: value() }) as const)];
  }

  #put(collection: string, key: string, value: () => Json) {
    this.#documents.set(`${collection}\n${key}`, { collection, key, value });
  }
}
