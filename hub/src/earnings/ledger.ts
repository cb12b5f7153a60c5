import type { LedgerReading, LifetimeReading, Reading } from '@muster/shared/wire/messages';
import type { AccountShare } from '../parts.js';
import type { LedgerEntry } from '../store/store.js';
import { divide } from './accounts.js';
import { modeOf, type Part, type Source, type Speaker, type Stream, sourceKey } from './stream.js';

/** Epochs held per source: hourly restarts for half a year. Beyond it the oldest are folded into the total. */
export const MOST_EPOCHS = 4_096;
/** How far ahead of its reading an entry may be dated; what is later counts as of then. */
const MOST_AHEAD_MS = 7 * 86_400_000;

export interface Booking {
  entries: LedgerEntry[];
  /** Parts that changed, by id; null: no longer held. */
  parts: Map<string, Part | null>;
  source: Source;
  /** The stream itself changed and must be stored. */
  changed: boolean;
  /** Why nothing was booked, when the reading could not be taken. */
  refused: string | null;
}

/** Whose income of a moment is. */
export type HoldersAt = (ts: number) => readonly AccountShare[];

export interface Circumstances {
  by: Speaker;
  holders: HoldersAt;
  seen: number;
}

/** What a reading adds to the total of its source, and when that was earned. */
interface Move {
  ts: number;
  amount: bigint;
  /** What the id was booked with before: then this is a correction of it. */
  before: bigint | null;
}

/**
 * Takes one reading into a stream (which it changes) and answers the entries that follow from it. The sum of all entries is the
 * total of the booked source, and that depends only on the set of readings: maxima, newest listings and the oldest reading do not
 * care in which order they came.
 */
export const takeReading = (stream: Stream, reading: Reading, circumstances: Circumstances): Booking => {
  const { by } = circumstances;
  const known = stream.sources.get(sourceKey(reading, by));
  const source = known ?? newSource(reading, by);
  const booking: Booking = { entries: [], parts: new Map(), source, changed: !known, refused: null };
  const before = { oldest: source.oldest, newest: known ? source.newest : null, exact: source.exact };
  const moves = reading.kind === 'lifetime' ? takeLifetime(source, reading, booking) : takeLedger(source, reading, booking);
  if (booking.refused !== null) return booking;

  stream.sources.set(source.key, source);
  source.exact ||= reading.exact;
  source.newest = Math.max(source.newest, reading.as_of);
  ageSource(source, reading);
  const chosen = choose(stream);
  const write = entryWriter(stream, { ...circumstances, source, exact: reading.exact, entries: booking.entries });
  const { holders } = circumstances;
  if (stream.booked !== null && stream.booked !== chosen) switchTo(stream, source, write);
  else if (chosen === source.key) bookMoves(stream, { reading, source, moves, before: before.oldest, write, holders });
  stream.booked = chosen;
  booking.changed ||= moves.length > 0 || before.oldest !== source.oldest || before.exact !== source.exact;
  // Without it a restart could not tell a late listing from a new one.
  booking.changed ||= source.mode === 'ledger' && before.newest !== source.newest;
  return booking;
};

/** The operator wants this source to be booked from now on; null: the rule decides again. */
export const wantSource = (stream: Stream, wanted: string | null, circumstances: Circumstances): LedgerEntry[] => {
  stream.wanted = wanted;
  const source = stream.sources.get(choose(stream) ?? '');
  if (!source || source.key === stream.booked) return [];
  const entries: LedgerEntry[] = [];
  switchTo(stream, source, entryWriter(stream, { ...circumstances, source, exact: source.exact, entries }));
  stream.booked = source.key;
  return entries;
};

const newSource = (reading: Reading, by: Speaker): Source => ({
  key: sourceKey(reading, by),
  name: reading.source,
  by,
  mode: modeOf(reading),
  exact: reading.exact,
  oldest: { as_of: Number.POSITIVE_INFINITY, amount: 0n },
  newest: reading.as_of,
  total: 0n,
  parts: new Map(),
  folded_until: null,
});

/** The oldest reading by `as_of`; of two at the same time the larger, so that their order does not matter. */
const ageSource = (source: Source, reading: Reading) => {
  const amount = reading.kind === 'lifetime' ? BigInt(reading.amount) : 0n;
  const { oldest } = source;
  if (reading.as_of > oldest.as_of || (reading.as_of === oldest.as_of && amount <= oldest.amount)) return;
  source.oldest = { as_of: reading.as_of, amount };
};

const takeLifetime = (source: Source, reading: LifetimeReading, booking: Booking): Move[] => {
  const amount = BigInt(reading.amount);
  const epoch = source.mode === 'never' ? '' : (reading.epoch ?? '');
  const held = source.parts.get(epoch);
  if (!held && source.folded_until !== null && reading.as_of <= source.folded_until) {
    booking.refused = `a reading of the old epoch "${epoch}" came after ${MOST_EPOCHS} newer ones; its income is in the total already`;
    return [];
  }
  if (held) held.as_of = Math.max(held.as_of, reading.as_of);
  if (held && held.amount >= amount) return [];
  const part = { amount, as_of: held?.as_of ?? reading.as_of, current: false };
  source.parts.set(epoch, part);
  if (source.mode !== 'never') booking.parts.set(epoch, part);
  const rise = amount - (held?.amount ?? 0n);
  source.total += rise;
  foldEpochs(source, booking);
  return rise === 0n ? [] : [{ ts: reading.as_of, amount: rise, before: null }];
};

const foldEpochs = (source: Source, booking: Booking) => {
  if (source.parts.size <= MOST_EPOCHS) return;
  const [first] = [...source.parts].sort(([a, x], [b, y]) => x.as_of - y.as_of || (a < b ? -1 : 1));
  if (!first) return;
  source.parts.delete(first[0]);
  booking.parts.set(first[0], null);
  booking.changed = true;
  source.folded_until = Math.max(source.folded_until ?? first[1].as_of, first[1].as_of);
};

/** Per id the amount with the newest `as_of` holds; of two at the same time the larger. */
const takeLedger = (source: Source, reading: LedgerReading, booking: Booking): Move[] => {
  const listed = new Map<string, { ts: number; amount: bigint }>();
  // Income waits for its day, but not for long: a date far ahead would bar every change of shares until then.
  const latest = reading.as_of + MOST_AHEAD_MS;
  for (const { id, ts, amount } of reading.entries) {
    const twin = listed.get(id);
    if (!twin || BigInt(amount) > twin.amount) listed.set(id, { ts: Math.min(ts, latest), amount: BigInt(amount) });
  }
  if (reading.as_of > source.newest) retireUnlisted(source, listed, booking);
  const isNewest = reading.as_of >= source.newest;
  const moves: Move[] = [];
  for (const [id, { ts, amount }] of listed) {
    const held = source.parts.get(id);
    const age = held && (held.current ? source.newest : held.as_of);
    if (age !== undefined && (age > reading.as_of || (age === reading.as_of && held && held.amount >= amount))) continue;
    const difference = amount - (held?.amount ?? 0n);
    const part = { amount, as_of: reading.as_of, current: isNewest };
    source.parts.set(id, part);
    if (!held || difference !== 0n || !held.current || !isNewest) booking.parts.set(id, part);
    source.total += difference;
    if (difference !== 0n) moves.push({ ts, amount: difference, before: held?.amount ?? null });
  }
  return moves;
};

/** What the newest listing no longer holds keeps the time of its last one. */
const retireUnlisted = (source: Source, listed: ReadonlyMap<string, unknown>, booking: Booking) => {
  for (const [id, part] of source.parts) {
    if (!part.current || listed.has(id)) continue;
    const retired = { ...part, as_of: source.newest, current: false };
    source.parts.set(id, retired);
    booking.parts.set(id, retired);
  }
};

/** The operator's choice, else exact before estimated, hub before agent, the one that has been watched longest, by name: whatever the order of arrival. */
const choose = (stream: Stream): string | null => {
  if (stream.wanted !== null && stream.sources.has(stream.wanted)) return stream.wanted;
  const [best] = [...stream.sources.values()].sort(
    (a, b) =>
      Number(b.exact) - Number(a.exact) ||
      Number(b.by === 'hub') - Number(a.by === 'hub') ||
      a.oldest.as_of - b.oldest.as_of ||
      (a.key < b.key ? -1 : 1),
  );
  return best?.key ?? null;
};

/** `before`: what was divided by the same shares already; then the devices' sums are those of the whole, whatever the order. */
type Write = (entry: Pick<LedgerEntry, 'kind' | 'ts'> & { amount: bigint; before?: bigint | null }) => void;

interface Writing extends Pick<Circumstances, 'seen' | 'holders'> {
  source: Source;
  exact: boolean;
  entries: LedgerEntry[];
}

const entryWriter =
  (stream: Stream, call: Writing): Write =>
  ({ kind, ts, amount, before }) => {
    if (amount === 0n) return;
    if (kind === 'opening') stream.opening += amount;
    else stream.rest += amount;
    stream.latest = Math.max(stream.latest ?? ts, ts);
    const shares = call.holders(ts);
    const had = divide(before ?? 0n, shares);
    for (const [index, units] of divide((before ?? 0n) + amount, shares).entries()) {
      const own = units - (had[index] ?? 0n);
      if (own !== 0n) call.entries.push(pieceOf(stream, call, { device: shares[index]?.device ?? '', kind, ts, amount: own }));
    }
  };

const pieceOf = (
  stream: Stream,
  { source, exact, seen }: Writing,
  { device, kind, ts, amount }: Pick<LedgerEntry, 'device' | 'kind' | 'ts'> & { amount: bigint },
): LedgerEntry => {
  stream.entries++;
  stream.held.set(device, (stream.held.get(device) ?? 0n) + amount);
  const { network, account, token, decimals } = stream;
  return {
    id: `${stream.hash}-${`${stream.entries}`.padStart(8, '0')}`,
    ...{ device, network, account, token, decimals, source: source.name, ts },
    ...{ amount: `${amount}`, exact, kind, seen },
  };
};

/** Another source is booked from now on: the difference of the totals is history, part of no day. */
const switchTo = (stream: Stream, source: Source, write: Write) => {
  stream.switched_at = source.newest;
  write({ kind: 'opening', ts: source.newest, amount: source.total - stream.opening - stream.rest });
};

interface Moves {
  reading: Reading;
  source: Source;
  moves: readonly Move[];
  /** The oldest reading before this one. */
  before: Source['oldest'];
  write: Write;
  holders: HoldersAt;
}

const bookMoves = (stream: Stream, call: Moves) => {
  const { source, moves, write } = call;
  if (stream.switched_at === null && source.mode !== 'ledger') return bookLifetime(stream, call);
  for (const { ts, amount, before } of moves) {
    const history = stream.switched_at !== null && ts <= stream.switched_at;
    write({ kind: history ? 'opening' : before !== null ? 'correction' : 'increase', ts, amount, before });
  }
};

/** The opening is the oldest reading, the rest what was earned since; an older reading moves the border between them. */
const bookLifetime = (stream: Stream, { reading, source, before, write, holders }: Moves) => {
  const older = reading.as_of < before.as_of && Number.isFinite(before.as_of);
  // The opening was somebody else's then: it changes hands whole.
  if (older && holders(before.as_of) !== holders(source.oldest.as_of))
    write({ kind: 'opening', ts: before.as_of, amount: -stream.opening });
  write({ kind: 'opening', ts: source.oldest.as_of, amount: source.oldest.amount - stream.opening });
  const rise = source.total - source.oldest.amount - stream.rest;
  write({ kind: rise > 0n ? 'increase' : 'correction', ts: older ? before.as_of : reading.as_of, amount: rise });
};
