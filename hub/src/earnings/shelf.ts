import type { Change, Recovered } from '../store/store.js';
import { fromDocument, partKey, restorePart, type Stream } from './stream.js';

/** The streams in memory, by key and by device, as their documents left them. */
export const createShelf = (documents: Recovered['documents']) => {
  const streams = new Map<string, Stream>();
  const byDevice = new Map<string, Set<Stream>>();
  const orphans: Change[] = [];

  const put = (stream: Stream) => {
    if (streams.has(stream.key)) return;
    streams.set(stream.key, stream);
    const own = byDevice.get(stream.device) ?? new Set<Stream>();
    byDevice.set(stream.device, own.add(stream));
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
    devices: (): string[] => [...byDevice.keys()],
    /** Parts whose stream is gone. */
    orphans: () => orphans.splice(0),
    remove(device: string): Change[] {
      const own = [...(byDevice.get(device) ?? [])];
      byDevice.delete(device);
      for (const { key } of own) streams.delete(key);
      return own.flatMap((stream) => [gone('streams', stream.key), ...partsOf(stream)]);
    },
  };
};

const gone = (collection: string, key: string): Change => ({ kind: 'document', collection, key, value: null });

const partsOf = (stream: Stream): Change[] =>
  [...stream.sources.values()]
    .filter(({ mode }) => mode !== 'never')
    .flatMap((source) => [...source.parts.keys()].map((id) => gone('stream_parts', partKey(stream, source, id))));
