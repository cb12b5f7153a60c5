/** Documents that change together are written together: what was put until the end of the turn is one commit. */
import type { Change, Json, Writer } from '../store/store.js';

export interface Papers {
  /** As `value` gives it when it is written; null deletes. */
  put(collection: string, key: string, value: (() => unknown) | null): void;
  /** Runs once all that was put so far is on disk; at once while the store cannot write: then memory must do. */
  stored(then: () => void): void;
  /** Tries again what the store had no room for, and lets go who waits for a store that stands still. */
  tick(): void;
}

export const createPapers = (writer: Pick<Writer, 'queue' | 'accepts' | 'healthy'>): Papers => {
  const dirty = new Map<string, { collection: string; key: string; value: (() => unknown) | null }>();
  const waiting = new Set<() => void>();
  let fresh: (() => void)[] = [];
  let expected = false;

  const call = (one: () => void) => {
    if (waiting.delete(one)) one();
  };
  const flush = () => {
    expected = false;
    const texts = [...dirty.values()].map((one) => ({ ...one, text: JSON.stringify(one.value?.() ?? null) }));
    const bytes = texts.reduce((sum, { text }) => sum + 100 + text.length, 0);
    if (texts.length > 0 && !writer.accepts(bytes)) return;
    const changes = texts.map(({ collection, key, text }): Change => {
      const value = JSON.parse(text) as Json;
      return { kind: 'document', collection, key, value };
    });
    const told = fresh;
    fresh = [];
    dirty.clear();
    writer.queue(changes, { bytes, urgent: true, done: () => told.forEach(call) });
    if (!writer.healthy) release();
  };
  const expect = () => {
    if (expected) return;
    expected = true;
    queueMicrotask(flush);
  };
  const release = () => {
    for (const one of [...waiting]) call(one);
  };
  return {
    put(collection, key, value) {
      dirty.set(`${collection}\n${key}`, { collection, key, value });
      expect();
    },
    stored(then) {
      const once = () => then();
      waiting.add(once);
      fresh.push(once);
      expect();
    },
    tick() {
      if (!writer.healthy) release();
      if (dirty.size > 0 || fresh.length > 0) expect();
    },
  };
};
