import type { Audit } from '../parts.js';
import type { Writer } from '../store/store.js';

export interface AuditNeeds {
  writer: Writer;
  now: () => number;
}

/** Years of a household's clicks, about 20 MB. */
const KEEP = 100_000;
/** What a note may hold; a larger detail is left out, the note is not. */
const DETAIL_BYTES = 4_000;

/** Who did what to which: one log, never refused, written with the next commit once the store can. */
export const createAudit = ({ writer, now }: AuditNeeds): Audit => ({
  note: (by, action, subject, detail = null) =>
    new Promise((resolve) => {
      const size = JSON.stringify(detail).length;
      const value = { by, action, subject, detail: size > DETAIL_BYTES ? `left out: ${size} bytes` : detail };
      const number = writer.number('audit');
      const change = { kind: 'log', log: 'audit', number, ts: now(), device: null, value, keep: KEEP } as const;
      writer.queue([change], { bytes: 200 + Math.min(size, DETAIL_BYTES), urgent: true, done: resolve });
      // Whoever acts must not hang on a store that cannot write; the note waits in the queue.
      if (!writer.healthy) resolve();
    }),
});
