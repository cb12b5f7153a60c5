import { createHash } from 'node:crypto';
import type { Reading } from '@muster/shared/wire/messages';
import type { StreamKey } from '../parts.js';
import type { Json } from '../store/store.js';

export type Speaker = 'agent' | 'hub';

/** How a source counts: `never` resets, resets `at_restart` (one part per epoch), or lists a `ledger` (one part per entry id). */
export type Mode = 'never' | 'at_restart' | 'ledger';

/** An epoch with its maximum, or a ledger id with the amount of its newest listing. */
export interface Part {
  amount: bigint;
  as_of: number;
  /** Ledger only: listed by the newest reading, so that its `as_of` is the source's `newest` (saves a write per id and poll). */
  current: boolean;
}

export interface Source {
  key: string;
  name: string;
  /** Who asked it: an agent, or the hub itself. */
  by: Speaker;
  mode: Mode;
  exact: boolean;
  /** The oldest reading; for a lifetime counter its amount is the opening. */
  oldest: { as_of: number; amount: bigint };
  newest: number;
  total: bigint;
  parts: Map<string, Part>;
  /** Epochs up to here were folded into `total`; a late reading of one that is not held any more is refused. */
  folded_until: number | null;
}

/** One account in one token of one network; `opening + rest` is what its entries add up to. */
export interface Stream extends StreamKey {
  key: string;
  /** Entry ids begin with it. */
  hash: string;
  /** Who held it first, before any shares; '' for nobody. */
  device: string;
  decimals: number;
  sources: Map<string, Source>;
  /** Key of the one source that is booked. */
  booked: string | null;
  /** Key of the source that the operator wants to be booked. */
  wanted: string | null;
  /** What the entries of each device add up to. */
  held: Map<string, bigint>;
  /** Newest date of an entry: shares never reach back behind it. */
  latest: number | null;
  /** Newest `as_of` of the booked source when it took over from another; what is older belongs to the opening. */
  switched_at: number | null;
  opening: bigint;
  rest: bigint;
  /** Entries written so far: the next id. */
  entries: number;
}

// JSON text as a key: exact for any account name, whatever characters it holds.
export const streamKey = ({ network, account, token }: StreamKey): string => JSON.stringify([network, account, token]);
export const partKey = (stream: Stream, source: Source, part: string): string => JSON.stringify([stream.key, source.key, part]);

/** Plain text that can be part of a URL, the same after every start. */
export const stateId = (network: string, ...parts: string[]): string =>
  `${network.replace(/[^\w-]/g, '-')}-${hashOf(JSON.stringify([network, ...parts]))}`;

const hashOf = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 16);

export const modeOf = (reading: Reading): Mode => (reading.kind === 'ledger' ? 'ledger' : reading.resets);
export const sourceKey = (reading: Reading, by: Speaker): string => keyOf({ mode: modeOf(reading), name: reading.source, by });
const keyOf = ({ mode, name, by }: Pick<Source, 'mode' | 'name' | 'by'>): string =>
  `${by === 'hub' ? 'hub:' : ''}${mode}:${name}`;

export const newStream = (key: StreamKey, device: string, decimals: number): Stream => {
  const { network, account, token } = key;
  const text = streamKey(key);
  const hash = hashOf(text);
  return {
    ...{ network, account, token, key: text, hash, device, decimals, sources: new Map(), booked: null, switched_at: null },
    ...{ wanted: null, held: new Map(), latest: null, opening: 0n, rest: 0n, entries: 0 },
  };
};

// ---- as documents: amounts as decimal strings

interface SourceDocument extends Omit<Source, 'key' | 'by' | 'oldest' | 'total' | 'parts'> {
  by?: Speaker;
  oldest: { as_of: number; amount: string };
  total: string;
}
interface StreamDocument extends Omit<Stream, 'key' | 'hash' | 'sources' | 'opening' | 'rest' | 'held' | 'wanted' | 'latest'> {
  sources: SourceDocument[];
  wanted?: string | null;
  latest?: number | null;
  /** Left out where all of it is the first holder's. */
  held?: Record<string, string>;
  opening: string;
  rest: string;
}

export const toDocument = ({ key: _key, hash: _hash, held, ...stream }: Stream): Json => {
  const sources = [...stream.sources.values()].map(({ key: _own, parts: _parts, ...source }) => ({
    ...source,
    oldest: { as_of: source.oldest.as_of, amount: `${source.oldest.amount}` },
    total: `${source.total}`,
  }));
  const sum = [...held.values()].reduce((total, one) => total + one, 0n);
  const is_plain = sum === stream.opening + stream.rest && [...held.keys()].every((device) => device === stream.device);
  const divided = is_plain ? {} : { held: Object.fromEntries([...held].map(([device, own]) => [device, `${own}`])) };
  return { ...stream, sources, ...divided, opening: `${stream.opening}`, rest: `${stream.rest}` };
};

export const partDocument = ({ amount, as_of, current }: Part): Json => ({ amount: `${amount}`, as_of, current });

export const fromDocument = (value: Json): Stream => {
  const document = value as unknown as StreamDocument;
  const stream = newStream(document, document.device, document.decimals);
  const { booked, switched_at, entries, wanted = null, held } = document;
  const sums = { opening: BigInt(document.opening), rest: BigInt(document.rest) };
  // Documents from before shares existed: no entry is dated later than the newest reading.
  const latest = document.latest ?? Math.max(...document.sources.map(({ newest }) => newest), 0);
  Object.assign(stream, { booked, switched_at, entries, wanted, latest: entries === 0 ? null : latest, ...sums });
  const parts = held ? Object.entries(held) : [[document.device, sums.opening + sums.rest] as const];
  if (entries > 0) for (const [device, sum] of parts) stream.held.set(device, BigInt(sum));
  for (const source of document.sources) {
    const by = source.by ?? 'agent';
    const key = keyOf({ ...source, by });
    const oldest = { as_of: source.oldest.as_of, amount: BigInt(source.oldest.amount) };
    const total = BigInt(source.total);
    // The one part of a counter that never resets is its total: it has no document of its own.
    const own: [string, Part][] = source.mode === 'never' ? [['', { amount: total, as_of: source.newest, current: false }]] : [];
    stream.sources.set(key, { ...source, by, key, oldest, total, parts: new Map(own) });
  }
  return stream;
};

/** Puts a part document back where its key says; false when there is no such source. */
export const restorePart = (streams: ReadonlyMap<string, Stream>, key: string, value: Json): boolean => {
  const [stream, source, part] = JSON.parse(key) as [string, string, string];
  const { amount, as_of, current } = value as { amount: string; as_of: number; current: boolean };
  const parts = streams.get(stream)?.sources.get(source)?.parts;
  parts?.set(part, { amount: BigInt(amount), as_of, current });
  return parts !== undefined;
};
