/** What whoever asks reward sources needs, on a device and on the hub: deadline, complete readings, back-off, messages that fit. */
import type { Clock } from './clock.js';
import { AppError } from './errors.js';
import type { NetworkMemory, ReadingDraft } from './network.js';
import { check } from './schema.js';
import { WIRE_LIMITS as L } from './wire/limits.js';
import { type LedgerReading, type Reading, reading as readingSchema } from './wire/messages.js';

export const SOURCE_LIMITS = {
  /** A question without an answer for this long is given up, unless the network declares longer. */
  deadline_ms: 15_000,
  shortest_every_ms: 1_000,
  /** A source that fails is asked at least this often. */
  backoff_ms: 3_600_000,
  /** What "come back later" may ask for. */
  retry_after_ms: 86_400_000,
  /** What a source keeps over restarts, as JSON. */
  memory_bytes: 65_536,
} as const;

export interface SourceAnswer<R> {
  reply: R;
  /** What the source would keep from now on. */
  kept: { value: unknown } | undefined;
}

export interface SourceQuestion<R> {
  name: string;
  deadline_ms?: number | undefined;
  clock: Pick<Clock, 'after'>;
  /** Whoever asks ends. */
  ended: AbortSignal;
  /** What the source kept. */
  memory(): unknown;
  ask(call: { signal: AbortSignal; memory: NetworkMemory }): Promise<R> | undefined;
}

/** One question with a deadline that holds even for a source that ignores its signal. */
export const askSource = async <R>(question: SourceQuestion<R>): Promise<SourceAnswer<R | undefined>> => {
  const { name, clock, ended, deadline_ms = SOURCE_LIMITS.deadline_ms } = question;
  const stop = new AbortController();
  const late = new AppError('timeout', `${name} did not answer within ${deadline_ms} ms`);
  const end = () => stop.abort();
  // Not AbortSignal.any: what it ties to a signal that lives on stays with it.
  ended.addEventListener('abort', end, { once: true });
  if (ended.aborted) stop.abort();
  let kept: SourceAnswer<R>['kept'];
  const memory: NetworkMemory = {
    get: question.memory,
    put(value) {
      kept = { value };
    },
  };
  let cancel = () => {};
  const deadline = new Promise<never>((_resolve, reject) => {
    cancel = clock.after(deadline_ms, () => reject(late));
    stop.signal.addEventListener('abort', () => reject(late), { once: true });
  });
  try {
    const reply = await Promise.race([question.ask({ signal: stop.signal, memory }), deadline]);
    return { reply, kept };
  } finally {
    cancel();
    ended.removeEventListener('abort', end);
    stop.abort();
  }
};

/** What a source would keep, as JSON text; throws `too_large`. */
export const memoryText = (source: string, value: unknown): string => {
  const text = JSON.stringify(value) ?? 'null';
  if (text.length <= SOURCE_LIMITS.memory_bytes) return text;
  throw new AppError('too_large', `What ${source} would keep is larger than ${SOURCE_LIMITS.memory_bytes} bytes`);
};

export interface Completing {
  /** Id of the network's declaration. */
  id: string;
  /** The network of its streams. */
  network: string;
  now: number;
  /** Of which device it speaks, unless the draft says. */
  device?: string | undefined;
}

/** A draft as checked readings: several where it lists more entries than one reading may hold. */
export const completeReading = ({ id, network, now, device }: Completing, draft: ReadingDraft): Reading[] =>
  chunked(draft).map((part) =>
    check(
      readingSchema,
      { network, source: id, as_of: now, ...(device === undefined ? {} : { device }), ...part },
      `A reading of ${id}`,
      'bad_reply',
    ),
  );

const chunked = (draft: ReadingDraft): ReadingDraft[] => {
  if (draft.kind !== 'ledger' || !Array.isArray(draft.entries) || draft.entries.length <= L.ledger_entries) return [draft];
  const parts: ReadingDraft[] = [];
  for (let at = 0; at < draft.entries.length; at += L.ledger_entries)
    parts.push({ ...draft, entries: draft.entries.slice(at, at + L.ledger_entries) });
  return parts;
};

export interface Delay {
  every: number;
  /** In a row. */
  failures: number;
  /** 0..1 */
  random: number;
  /** What the last failure asked for. */
  retry_after_ms?: number | undefined;
  /** Asked at least this often, in place of the usual hour. */
  backoff_ms?: number;
}

/** Until the next question: its pace, or twice as long after each failure, at most an hour unless the source asked for longer. */
export const delayMs = ({ every, failures, random, retry_after_ms = 0, ...most }: Delay): number => {
  const { backoff_ms = SOURCE_LIMITS.backoff_ms } = most;
  if (failures === 0) return every;
  const longest = Math.max(every, Math.min(backoff_ms, every * 2 ** Math.min(failures, 12)));
  return Math.max(longest * (0.5 + random / 2), Math.min(retry_after_ms, SOURCE_LIMITS.retry_after_ms));
};

/** `details.retry_after_ms` of a failure that says when to come back. */
export const retryAfterOf = ({ details }: AppError): number | undefined => {
  const wish = details['retry_after_ms'];
  return typeof wish === 'number' && Number.isFinite(wish) && wish > 0 ? wish : undefined;
};

/** Room for boot, seq, ts and the brackets. */
const ROOM = L.rewards_bytes - 200;

/** Readings as messages of at most 64 KB, split by reading and, in a ledger, by entries; what fits none is counted. */
export const splitReadings = (readings: readonly Reading[]): { messages: Reading[][]; dropped: number } => {
  const messages: Reading[][] = [];
  let used = 0;
  let dropped = 0;
  for (const reading of readings.flatMap(splitLedger)) {
    const bytes = bytesOf(reading);
    const last = messages.at(-1);
    if (bytes > ROOM) dropped++;
    else if (last && used + bytes <= ROOM && last.length < L.readings) {
      last.push(reading);
      used += bytes;
    } else {
      messages.push([reading]);
      used = bytes;
    }
  }
  return { messages, dropped };
};

const splitLedger = (reading: Reading): Reading[] => {
  if (reading.kind !== 'ledger' || (bytesOf(reading) <= ROOM && reading.entries.length <= L.ledger_entries)) return [reading];
  const room = ROOM - bytesOf({ ...reading, entries: [] });
  const parts: LedgerReading[] = [];
  let used = room;
  for (const entry of reading.entries) {
    const bytes = bytesOf(entry);
    const last = parts.at(-1);
    if (last && used + bytes <= room && last.entries.length < L.ledger_entries) {
      last.entries.push(entry);
      used += bytes;
    } else {
      parts.push({ ...reading, entries: [entry] });
      used = bytes;
    }
  }
  return parts;
};

const bytesOf = (value: unknown): number => Buffer.byteLength(JSON.stringify(value)) + 1;
