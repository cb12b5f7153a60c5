import type { Change, Recovered } from '../store/store.js';
import { fromDocument, partKey, restorePart, type Stream, toDocument } from './stream.js';

/** The streams in memory, by key and by device, as their documents left them. */
export const createShelf = (documents: Recovered['documents']) => {
  const streams = new Map<string, Stream>();
  const byDevice = new Map<string, Set<Stream>>();
  const orphans: Change[] = [];

  const put = (stream: Stream) => {
    streams.set(stream.key, stream);
    for (const device of [stream.device, ...stream.held.keys()]) {
      const own = byDevice.get(device);
      if (own) own.add(stream);
      else byDevice.set(device, new Set([stream]));
    }
  };
  for (const { collection, value } of documents) if (collection === 'streams') put(fromDocument(value));
  for (const { collection, key, value } of documents) {
    if (collection === 'stream_parts' && !restorePart(streams, key, value)) orphans.push(gone(collection, key));
  }

  return {
    put,
    get: (key: string) => streams.get(key),
    all: (): Stream[] => [...streams.values()],
    of: (device: string): Stream[] => [...(byDevice.get(device) ?? [])],
    count: (device: string): number => byDevice.get(device)?.size ?? 0,
    ofAccount: ({ network, account }: { network: string; account: string }): Stream[] =>
      [...streams.values()].filter((stream) => stream.network === network && stream.account === account),
    devices: (): string[] => [...byDevice.keys()],
    /** Parts whose stream is gone. */
    orphans: () => orphans.splice(0),
    /** A stream that is somebody else's too stays with them. */
    remove(device: string, isShared: (stream: Stream) => boolean): Gone[] {
      const own = [...(byDevice.get(device) ?? [])];
      byDevice.delete(device);
      return own.flatMap((stream) => {
        stream.held.delete(device);
        if (stream.held.size > 0 || isShared(stream)) {
          if (stream.device === device) stream.device = '';
          put(stream);
          return [{ kind: 'document', collection: 'streams', key: stream.key, value: toDocument(stream) }];
        }
        streams.delete(stream.key);
        for (const others of byDevice.values()) others.delete(stream);
        return [gone('streams', stream.key), ...partsOf(stream)];
      });
    },
  };
};

type Gone = Extract<Change, { kind: 'document' }>;

const gone = (collection: string, key: string): Gone => ({ kind: 'document', collection, key, value: null });

const partsOf = (stream: Stream): Gone[] =>
  [...stream.sources.values()]
    .filter(({ mode }) => mode !== 'never')
    .flatMap((source) => [...source.parts.keys()].map((id) => gone('stream_parts', partKey(stream, source, id))));
