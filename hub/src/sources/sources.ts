/** The sources that the operator lets the hub ask: kept, asked in turn, and what comes back stored, booked and shown. */
import type { Clock } from '@muster/shared/clock';
import { AppError, asAppError } from '@muster/shared/errors';
import type { Grpc } from '@muster/shared/grpc';
import type { Http } from '@muster/shared/http';
import type { Log } from '@muster/shared/log';
import type { HubNetworkReply, NetworkDeclaration } from '@muster/shared/network';
import { askSource, delayMs, memoryText, retryAfterOf, type SourceAnswer } from '@muster/shared/source-run';
import type { PresenceState } from '@muster/shared/wire/live';
import type { EarningsBook, HubSourceSetting, HubSources, Registry } from '../parts.js';
import { withKeptSecrets } from '../secrets.js';
import { documentsOf, keep } from '../shelf.js';
import type { Change, Json, Recovered, StoredRow, Writer } from '../store/store.js';
import { type Answer, readAnswer } from './answer.js';
import { canAsk, createSource, networkOf, recordOf, type Source, type SourceRecord, viewOf } from './source.js';
import { createTurns } from './turns.js';

export interface SourcesNeeds {
  networks: ReadonlyMap<string, NetworkDeclaration>;
  registry: Pick<Registry, 'get' | 'place' | 'declare'>;
  earnings: Pick<EarningsBook, 'bookHub'>;
  latest: {
    admit(device: string, columns: readonly string[]): readonly number[] | null;
    beside(device: string, columns: readonly string[], rows: readonly StoredRow[]): void;
  };
  /** A device was heard by its source. */
  sourced(device: string, seen: number): void;
  writer: Pick<Writer, 'queue' | 'accepts' | 'healthy'>;
  http: Http;
  grpc: Grpc;
  clock: Clock;
  log: Log;
  /** 0..1 */
  random(): number;
}

export interface Sources extends HubSources {
  /** How the source of a device fares, for devices that nobody else speaks for. */
  fed(device: string): { state: PresenceState; present_at: number; interval_ms: number } | null;
  start(): void;
  stop(): void;
}

const RECORDS = 'hub_sources';
const MEMORIES = 'hub_source_memories';
const MOST_SOURCES = 200;
/** After a start the sources are asked one after another within this. */
const SPREAD_MS = 30_000;
/** One failure may be a blip; with the second its devices are unknown. */
const FAILURES_AWAY = 2;

export const createSources = (needs: SourcesNeeds, documents: Recovered['documents']): Sources => {
  const { clock, writer, networks } = needs;
  const sources = recall(needs, documents);
  let running = false;
  const turns = createTurns<Source>(
    clock,
    () => sources.values(),
    (source) => run(needs, source),
  );
  const view = (source: Source) => viewOf(source, nextAt(clock, running, source));
  const end = (id: string) => {
    sources.get(id)?.ended.abort();
    sources.delete(id);
  };

  return {
    kinds: () =>
      [...networks.values()].filter(canAsk).map(({ id, title, docs, every, config }) => ({ id, title, docs, every, config })),
    all: () => [...sources.values()].map(view),
    get(id) {
      const source = sources.get(id);
      return source && view(source);
    },
    async put(id, setting) {
      const before = sources.get(id);
      if (!before && sources.size >= MOST_SOURCES)
        throw new AppError('too_many', `The hub asks at most ${MOST_SOURCES} sources; remove one first`);
      const { source, is_same } = prepared(needs, { id, setting, before });
      const made = await needs.registry.place(source.record.devices);
      await keep(writer, 100_000, () => {
        end(id);
        sources.set(id, source);
        const forgotten = is_same ? [] : [document(MEMORIES, id, null)];
        return [document(RECORDS, id, source.record as unknown as Json), ...forgotten];
      });
      turns.look();
      return { source: view(source), made };
    },
    async delete(id) {
      if (!sources.has(id)) return false;
      await keep(writer, 1_000, () => {
        end(id);
        return [document(RECORDS, id, null), document(MEMORIES, id, null)];
      });
      return true;
    },
    fed(device) {
      const source = feederOf(sources.values(), device);
      if (!source) return null;
      const state = source.failures >= FAILURES_AWAY ? 'lost' : source.last_ok === null ? 'reconnecting' : 'online';
      return { state, present_at: Number.NEGATIVE_INFINITY, interval_ms: source.every };
    },
    start() {
      running = true;
      for (const source of sources.values())
        if (source.record.enabled) source.due = clock.monotonic() + needs.random() * Math.min(source.every, SPREAD_MS);
      turns.start();
    },
    stop() {
      running = false;
      turns.stop();
      for (const { ended } of sources.values()) ended.abort();
    },
  };
};

const document = (collection: string, key: string, value: Json): Change => ({ kind: 'document', collection, key, value });

/** One that no longer fits its network's schema is left out with a warning: the hub starts all the same, and its record stays. */
const recall = ({ networks, log }: SourcesNeeds, documents: Recovered['documents']): Map<string, Source> => {
  const memories = documentsOf<Json>(documents, MEMORIES);
  const sources = new Map<string, Source>();
  for (const [id, record] of documentsOf<SourceRecord>(documents, RECORDS)) {
    try {
      sources.set(id, createSource(networkOf(networks, record.network), record, memories.get(id)));
    } catch (error) {
      log.warn('A source of the hub cannot be asked; set it anew', { source: id, error: asAppError(error).message });
    }
  }
  return sources;
};

interface Preparing {
  id: string;
  setting: HubSourceSetting;
  before: Source | undefined;
}

const prepared = ({ networks }: SourcesNeeds, { id, setting, before }: Preparing): { source: Source; is_same: boolean } => {
  const network = networkOf(networks, setting.network);
  const old = before?.network.id === network.id ? before : undefined;
  const config = withKeptSecrets(network.config, setting.config, old?.record.config ?? null);
  const record = recordOf(id, setting, config);
  // What it has read so far says nothing about another configuration; what is read twice is booked once.
  const is_same = JSON.stringify(old?.record.config) === JSON.stringify(config);
  return { source: createSource(network, record, is_same ? old?.memory : undefined), is_same };
};

const nextAt = (clock: Clock, running: boolean, { due, busy }: Source): number | null =>
  !running || busy || due === Number.POSITIVE_INFINITY ? null : Math.round(clock.now() + Math.max(0, due - clock.monotonic()));

const feederOf = (sources: Iterable<Source>, device: string): Source | undefined => {
  for (const source of sources)
    if (source.record.enabled && (source.spoke_of.has(device) || source.record.devices.includes(device))) return source;
  return undefined;
};

/** Asks once; answers the time until the next question. */
const run = async (needs: SourcesNeeds, source: Source): Promise<number> => {
  let retry_after_ms: number | undefined;
  try {
    const answer = await ask(needs, source);
    if (source.ended.signal.aborted) return Number.POSITIVE_INFINITY;
    await take(needs, source, answer);
  } catch (error) {
    if (source.ended.signal.aborted) return Number.POSITIVE_INFINITY;
    const failure = asAppError(error);
    retry_after_ms = retryAfterOf(failure);
    fail(needs, source, failure);
  }
  const jitter = source.failures === 0 ? 0.95 + needs.random() / 10 : 1;
  return jitter * delayMs({ ...source, random: needs.random(), retry_after_ms });
};

const fail = ({ log }: SourcesNeeds, source: Source, failure: AppError) => {
  source.last_error = source.scrub(failure.message).slice(0, 500);
  if (source.failures === 0) log.warn('A reward source does not answer', { source: source.record.id, error: source.last_error });
  source.failures++;
};

const ask = ({ clock, http, grpc, log, registry }: SourcesNeeds, source: Source) => {
  const { record, network, config, memory } = source;
  const devices = record.devices.filter((device) => registry.get(device));
  const base = { config, http, grpc, host: null, log: scrubbed(log.with({ source: record.id }), source), devices };
  return askSource({
    ...{ name: record.id, deadline_ms: network.deadline, clock, ended: source.ended.signal },
    memory: () => memory,
    ask: (call) => network.onHub?.({ ...base, now: clock.now(), ...call }),
  });
};

/** Nothing that a network writes shows its secrets. */
const scrubbed = (log: Log, { scrub }: Pick<Source, 'scrub'>): Log => {
  const at =
    (level: 'debug' | 'info' | 'warn' | 'error'): Log['info'] =>
    (sentence, fields = {}) =>
      log[level](scrub(sentence), JSON.parse(scrub(JSON.stringify(fields, asText))));
  return {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    with: (fields) => scrubbed(log.with(fields), { scrub }),
  };
};

const asText = (_key: string, value: unknown): unknown => {
  if (typeof value === 'bigint') return `${value}`;
  return value instanceof Error ? value.message : value;
};

/** All of it or nothing: while the store cannot take it, the source is asked again later. */
const take = async (needs: SourcesNeeds, source: Source, { reply, kept }: SourceAnswer<HubNetworkReply | undefined>) => {
  const { record, network, prefix, metrics } = source;
  const now = needs.clock.now();
  const isThere = (device: string) => needs.registry.get(device) !== undefined;
  const devices = record.devices.length > 0 ? new Set(record.devices) : null;
  const answer = readAnswer({ id: network.id, network: prefix, metrics, now, devices, isThere }, reply);
  const memory = kept && (JSON.parse(memoryText(record.id, kept.value)) as Json);
  const bytes = 1_000 + 300 * (answer.readings.length + answer.parts.length) + 40 * answer.samples;
  await keep(needs.writer, bytes, () => {
    recover(needs, source, answer);
    const changes = show(needs, answer, now);
    changes.push(...needs.earnings.bookHub(answer.readings, now));
    if (kept) {
      source.memory = memory;
      changes.push(document(MEMORIES, record.id, memory ?? null));
    }
    return changes;
  });
};

/** Before its devices are judged by what it said. */
const recover = ({ log, clock }: SourcesNeeds, source: Source, { readings, samples, strangers, parts }: Answer) => {
  if (source.failures > 0) log.info('A reward source answers again', { source: source.record.id });
  const spoke_of = new Set(parts.map(({ device }) => device));
  const last_error = strangersText(strangers);
  Object.assign(source, { failures: 0, last_ok: clock.now(), last_error, readings: readings.length, samples, spoke_of });
};

const strangersText = (strangers: readonly string[]): string | null => {
  if (strangers.length === 0) return null;
  const names = strangers.slice(0, 5).join(', ');
  return `It also spoke of ${strangers.length > 5 ? `${strangers.length} devices` : names}, not known here or not among its devices`;
};

/** Rows to store; the newest values and presence know at once. */
const show = (needs: SourcesNeeds, { parts }: Answer, now: number): Change[] => {
  const changes: Change[] = [];
  for (const { device, columns, values, metrics, seen } of parts) {
    changes.push(...needs.registry.declare(device, metrics));
    const fits = needs.latest.admit(device, columns);
    const kept = fits ?? [...columns.keys()];
    const own = kept.map((at) => columns[at] ?? '');
    const row: StoredRow = { boot: null, seq: null, ts: now, values: kept.map((at) => values[at] ?? null) };
    if (own.length > 0) {
      changes.push({ kind: 'rows', device, columns: own, rows: [row] });
      needs.latest.beside(device, own, [row]);
    }
    needs.sourced(device, seen);
  }
  return changes;
};
