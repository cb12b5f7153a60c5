import type * as v from 'valibot';
import type { Grpc } from './grpc.js';
import type { Http } from './http.js';
import type { Log } from './log.js';
import type { Labels, MetricDeclaration, Sample } from './metrics.js';
import type { Reading } from './wire/messages.js';

/** PORT: a reward source is one file in `networks/` that exports `defineNetwork({...})`; file name = id. */
export interface NetworkCall<C> {
  config: C;
  http: Http;
  grpc: Grpc;
  /** The machine that the source runs on; null on the hub. */
  host: NetworkHost | null;
  memory: NetworkMemory;
  now: number;
  log: Log;
  signal: AbortSignal;
}

/** What a source keeps over restarts, as JSON of at most 64 KB: how far it has read. */
export interface NetworkMemory {
  /** As it was put last; undefined at first. */
  get(): unknown;
  /** Kept once the readings of the same answer are safe: after a crash they are read a second time, never left out. */
  put(value: unknown): void;
}

/** A machine as a source sees it; every answer may be null: not there, not readable, not in time. */
export interface NetworkHost {
  /** Text of a small file. */
  read(path: string): string | null;
  list(path: string): readonly string[];
  /** By name from the system's folders, or by absolute path; never through a shell. */
  run(
    program: string,
    args: readonly string[],
    timeout_ms?: number,
  ): Promise<{ code: number; text: string; stderr?: string } | null>;
}

/** Metric names in samples are short (`space_used`); the runner makes them `<network>.<metric>`. */
export interface NetworkReply {
  samples?: Sample[];
  readings?: ReadingDraft[];
  /** When the source itself heard the device last, ms; without it: now. A carried device, or one that only the hub's sources feed, is judged by it. */
  seen_at?: number | undefined;
}

/** A reply with both lists, as they grow part by part. */
export type FullReply = Required<Pick<NetworkReply, 'samples' | 'readings'>>;

type WithoutStream<R> = R extends Reading
  ? Omit<R, 'network' | 'source' | 'as_of'> & { network?: string; source?: string; as_of?: number }
  : never;
/** A reading as a network gives it; network, source and as_of default to the network's id, its id and `now`. */
export type ReadingDraft = WithoutStream<Reading>;

export interface HubNetworkCall<C> extends NetworkCall<C> {
  devices: readonly string[];
}

export interface HubNetworkReply {
  devices: Map<string, NetworkReply>;
  accounts?: ReadingDraft[];
}

/** A state of a metric of the network that asks for a hand: the rule `network_fault` raises an alert for it. */
export interface NetworkFault {
  /** Short name, as in `metrics`. */
  metric: string;
  /** Only series with these labels. */
  labels?: Readonly<Record<string, string>>;
  when: 'above' | 'below' | 'equals';
  value: number;
  /** How long it must hold, ms; 5 minutes unless said otherwise. */
  for?: number;
  /** `warning` unless said otherwise. */
  severity?: 'critical' | 'warning' | 'info';
  /** What is wrong, as a person says it. */
  title: string;
  /** It is over at this level and beyond, where that is another than `value`. */
  resolves?: number;
}

export interface NetworkDeclaration<S extends v.GenericSchema = v.GenericSchema> {
  id: string;
  title: string;
  docs: string;
  /** Token symbol → decimals; empty when configuration says it. */
  tokens: Record<string, number>;
  config: S;
  /** Short metric name → declaration. */
  metrics: Record<string, MetricDeclaration>;
  /** For a source whose configuration names the network and its metrics (`json`); they take the place of `id` and `metrics`. */
  configured?(config: v.InferOutput<S>): { network: string; metrics: Record<string, MetricDeclaration> };
  /** Milliseconds between reads. */
  every: number;
  /** How often the thing itself is heard, where that is more seldom than it is asked: devices that are judged by `seen_at` are quiet after three of these. */
  heard_every?: number | undefined;
  /** Milliseconds that one answer may take; 15 s unless said otherwise. */
  deadline?: number | undefined;
  onDevice?(call: NetworkCall<v.InferOutput<S>>): Promise<NetworkReply>;
  onHub?(call: HubNetworkCall<v.InferOutput<S>>): Promise<HubNetworkReply>;
  /** What its capacity is counted by, for income per TB or GPU-hour: a metric of `metrics`, and one of GB, TB, GiB, TiB, GPU-hour. With `labels` only its series that have them count. */
  per?: { metric: string; unit: string; labels?: Labels };
  /** What "not earning" means here, in milliseconds. */
  expects: { cadence: number; silence_is_normal_for: number };
  /** What of its metrics is an alert. */
  faults?: readonly NetworkFault[];
}

/** Types the callbacks by the config schema. */
export const defineNetwork = <S extends v.GenericSchema>(declaration: NetworkDeclaration<S>): NetworkDeclaration<S> =>
  declaration;
