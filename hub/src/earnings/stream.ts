import { createHash } from 'node:crypto';
import type { Reading } from '@muster/shared/wire/messages';
import type { StreamKey } from '../parts.js';
import type { Json } from '../store/store.js';

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

/** One account in one token of one network, held by one device; `opening + rest` is what its entries add up to. */
export interface Stream extends StreamKey {
  key: string;
  /** Entry ids begin with it. */
  hash: string;
  device: string;
  decimals: number;
  sources: Map<string, Source>;
  /** Key of the one source that is booked. */
  booked: string | null;
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
export const sourceKey = (reading: Reading): string => `${modeOf(reading)}:${reading.source}`;

export const newStream = (key: StreamKey, device: string, decimals: number): Stream => {
  const { network, account, token } = key;
  const text = streamKey(key);
  const hash = hashOf(text);
  return {
    ...{ network, account, token, key: text, hash, device, decimals, sources: new Map(), booked: null, switched_at: null },
    ...{ opening: 0n, rest: 0n, entries: 0 },
  };
};

// ---- as documents: amounts as decimal strings

interface SourceDocument extends Omit<Source, 'key' | 'oldest' | 'total' | 'parts'> {
  oldest: { as_of: number; amount: string };
  total: string;
}
interface StreamDocument extends Omit<Stream, 'key' | 'hash' | 'sources' | 'opening' | 'rest'> {
  sources: SourceDocument[];
  opening: string;
  rest: string;
}

export const toDocument = ({ key: _key, hash: _hash, ...stream }: Stream): Json => {
  const sources = [...stream.sources.values()].map(({ key: _own, parts: _parts, ...source }) => ({
    ...source,
    oldest: { as_of: source.oldest.as_of, amount: `${source.oldest.amount}` },
    total: `${source.total}`,
  }));
  return { ...stream, sources, opening: `${stream.opening}`, rest: `${stream.rest}` };
};

export const partDocument = ({ amount, as_of, current }: Part): Json => ({ amount: `${amount}`, as_of, current });

export const fromDocument = (value: Json): Stream => {
  const document = value as unknown as StreamDocument;
  const stream = newStream(document, document.device, document.decimals);
  const { booked, switched_at, entries } = document;
  Object.assign(stream, { booked, switched_at, entries, opening: BigInt(document.opening), rest: BigInt(document.rest) });
  for (const source of document.sources) {
    const key = `${source.mode}:${source.name}`;
    const oldest = { as_of: source.oldest.as_of, amount: BigInt(source.oldest.amount) };
    const total = BigInt(source.total);
    // The one part of a counter that never resets is its total: it has no document of its own.
    const own: [string, Part][] = source.mode === 'never' ? [['', { amount: total, as_of: source.newest, current: false }]] : [];
    stream.sources.set(key, { ...source, key, oldest, total, parts: new Map(own) });
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
