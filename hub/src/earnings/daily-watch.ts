import type { Change, Writer } from '../store/store.js';

/** The writer with an eye on what it takes: whoever books an entry, by whichever way, it is seen once. */
export const watchWriter = (writer: Writer, see: (changes: readonly Change[]) => void): Writer => ({
  accepts: (bytes) => writer.accepts(bytes),
  queue(changes, options) {
    writer.queue(changes, options);
    see(changes);
  },
  async write(changes) {
    await writer.write(changes);
    see(changes);
  },
  number: (log) => writer.number(log),
  get healthy() {
    return writer.healthy;
  },
});
