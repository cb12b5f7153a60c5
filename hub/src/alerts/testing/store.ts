import { AppError } from '@muster/shared/errors';
import type { Change, LogName, LogRecord, Reader, Recovered, Writer } from '../../store/store.js';

/** A store for tests that commits when it is told to; `crash` loses what was not committed. */
export const createHandStore = () => {
  const documents = new Map<string, Recovered['documents'][number]>();
  const log: LogRecord[] = [];
  let queue: { changes: readonly Change[]; done: () => void }[] = [];
  let numbers: Record<LogName, number> = { alerts: 0, audit: 0, quarantine: 0 };
  let healthy = true;
  let automatic = false;

  const apply = (change: Change) => {
    if (change.kind === 'log') {
      if (change.number !== (log.at(-1)?.number ?? 0) + 1) throw new Error(`event ${change.number} leaves a gap`);
      log.push(structuredClone({ number: change.number, ts: change.ts, device: change.device, value: change.value }));
      if (change.keep !== undefined && log.length > change.keep) log.splice(0, log.length - change.keep);
    }
    if (change.kind !== 'document') return;
    const { collection, key, value } = change;
    if (value === null) documents.delete(`${collection}/${key}`);
    else documents.set(`${collection}/${key}`, structuredClone({ collection, key, value }));
  };
  /** On disk, but nobody has been told: the answered function does. */
  const land = (count = queue.length) => {
    const batch = queue.splice(0, count);
    for (const { changes } of batch) changes.forEach(apply);
    return () => {
      for (const { done } of batch) done();
    };
  };
  const commit = (count?: number) => land(count)();
  const add = (changes: readonly Change[], done: () => void) => {
    queue.push({ changes: structuredClone(changes), done });
    if (automatic && healthy) commit();
  };
  const writer: Writer = {
    accepts: () => true,
    queue: (changes, { done = () => {} }) => add(changes, done),
    write: (changes) =>
      healthy ? new Promise((resolve) => add(changes, resolve)) : Promise.reject(new AppError('storage', 'cannot commit')),
    number: (name) => ++numbers[name],
    get healthy() {
      return healthy;
    },
  };
  return {
    writer,
    reader: readerOf(log),
    commit,
    land,
    log,
    waiting: () => queue.length,
    automatic(on: boolean) {
      automatic = on;
    },
    stall(on: boolean) {
      healthy = !on;
    },
    document: (collection: string, key: string): unknown => documents.get(`${collection}/${key}`)?.value,
    /** What the document of an alert says it is about. */
    subject: (id: string) => subjectOf(documents.get(`alerts/${id}`)?.value),
    crash() {
      queue = [];
      healthy = true;
      numbers = { ...numbers, alerts: log.at(-1)?.number ?? 0 };
    },
    recovered: (): Recovered => ({
      documents: structuredClone([...documents.values()]),
      sequences: [],
      numbers: { ...numbers, alerts: log.at(-1)?.number ?? 0 },
    }),
  };
};

const subjectOf = (document: unknown): string | undefined => (document as { subject?: string } | undefined)?.subject;

const readerOf = (log: readonly LogRecord[]): Pick<Reader, 'log'> => ({
  async log({ after, limit, newest }) {
    const found = log.filter(({ number }) => number > after);
    return structuredClone(newest ? found.reverse().slice(0, limit) : found.slice(0, limit));
  },
});

export type HandStore = ReturnType<typeof createHandStore>;
