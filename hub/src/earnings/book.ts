import type { Log } from '@muster/shared/log';
import { utcDay } from '@muster/shared/money';
import { createSignal } from '@muster/shared/signal';
import type { DeviceEvent } from '@muster/shared/wire/messages';
import type { AccountShare, EarningsBook, NetworkState, Registry, StreamKey } from '../parts.js';
import { keep } from '../shelf.js';
import type { Change, LedgerEntry, Reader, Recovered, Writer } from '../store/store.js';
import { createAccounts } from './accounts.js';
import { createBooker } from './booker.js';
import { type ClaimNeeds, holdersOf } from './claims.js';
import { createDays } from './days.js';
import { createDesk, sourceId } from './desk.js';
import { createFailures, withFailures } from './failures.js';
import { pages, queryEarnings } from './query.js';
import { createRefusals } from './refusals.js';
import { createShelf } from './shelf.js';
import { type Stream, stateId, streamKey } from './stream.js';
import { createTally } from './tally.js';

export interface EarningsNeeds {
  registry: Pick<Registry, 'get'>;
  now: () => number;
  log: Log;
  writer: Pick<Writer, 'queue' | 'accepts' | 'healthy'>;
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
    return [...leave({ shelf, claims }, device), ...failures.forget(device)];
  };
  const announce = (entries: readonly LedgerEntry[]) => {
    for (const entry of entries) days.add(entry);
    for (const device of new Set(entries.map((entry) => entry.device))) if (device !== '') changed.emit(device);
  };
  const booker = createBooker({ shelf, claims, refusals, announce });
  const desk = createDesk({
    ...{ accounts, isThere, now, want: (stream: Stream, source: string | null) => booker.want(stream, source, now()) },
    streams: shelf.ofAccount,
    stream: (of) => shelf.get(streamKey(of)),
    keep: (make) => keep(writer, 10_000, make),
  });

  const agentOf = (device: string) => registry.get(device)?.carried_by ?? device;

  return {
    changed,
    forget,
    heard: failures.heard,
    born: failures.born,
    ...desk,
    book: booker.ofAgent,
    bookHub: booker.ofHub,
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
    ...viewsOf(shelf),
    networks() {
      const states = shelf.all().flatMap((stream) => statesOf(stream, holdersOf(claims, stream)(now())));
      return withFailures([...states, ...refusals.all()], failures.all(), { agentOf, idOf: stateId });
    },
  };
};

/** Its streams go, and the shares of accounts that nothing is left of. */
const leave = ({ shelf, claims }: { shelf: ReturnType<typeof createShelf>; claims: ClaimNeeds }, device: string): Change[] => {
  const { accounts, isThere } = claims;
  const isOthersToo = (stream: Stream) =>
    accounts.history(stream).some(({ shares }) => shares.some((one) => one.device !== device && isThere(one.device)));
  const left = shelf.remove(device, isOthersToo);
  const over = left.flatMap(({ collection, key, value }) => (collection === 'streams' && value === null ? accountOf(key) : []));
  return [...left, ...over.flatMap((of) => (shelf.ofAccount(of).length === 0 ? accounts.drop(of) : []))];
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
