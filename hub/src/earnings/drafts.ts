import type { Change, Json, LedgerEntry } from '../store/store.js';
import type { Booking } from './ledger.js';
import { partDocument, partKey, type Stream, toDocument } from './stream.js';

/** The changes of one message: entries in order, each document once. */
export class Drafts {
  readonly #entries: Change[] = [];
  readonly #documents = new Map<string, { collection: string; key: string; value: () => Json }>();

  add(stream: Stream, { entries, parts, source, changed }: Booking, more: readonly Change[] = []): void {
    this.#entries.push(...more);
    for (const entry of entries) this.#entries.push({ kind: 'entry', entry });
    if (changed) this.#put('streams', stream.key, () => toDocument(stream));
    for (const [id, part] of parts) {
      this.#put('stream_parts', partKey(stream, source, id), () => part && partDocument(part));
    }
  }

  /** Entries that follow from no reading. */
  book(stream: Stream, entries: readonly LedgerEntry[]): void {
    for (const entry of entries) this.#entries.push({ kind: 'entry', entry });
    this.#put('streams', stream.key, () => toDocument(stream));
  }

  changes(): Change[] {
    const documents = [...this.#documents.values()];
    return [...this.#entries, ...documents.map(({ value, ...rest }) => ({ kind: 'document', ...rest, value: value() }) as const)];
  }

  #put(collection: string, key: string, value: () => Json) {
    this.#documents.set(`${collection}\n${key}`, { collection, key, value });
  }
}
