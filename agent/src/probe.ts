/** PORT: a probe is one file in `probes/` that exports `defineProbe({...})`; `host` is its only way out. */
import type { MetricDeclaration, Sample } from '@muster/shared/metrics';
import type { GenericSchema } from 'valibot';

/** The machine as a probe sees it; a fixture can be a whole one (`testing/host`). */
export interface Host {
  /** Text of a small file (at most 256 KB) such as /proc/stat; null when it is missing or unreadable. */
  read(path: string): string | null;
  /** Names in a folder, sorted; empty when it is missing. */
  list(path: string): readonly string[];
  /** Target of a symbolic link; null when it is none. */
  link(path: string): string | null;
  /** Sizes of a mounted file system in bytes and inodes; null when it does not answer in time. */
  filesystem(mount: string): Promise<FilesystemSizes | null>;
  /** A program that is kept running and prints lines; null when it is not on this machine. Restarted with back-off when it dies. */
  follow(program: string, args: readonly string[]): LineSource | null;
  /** A program run to its end (default at most 10 s); null when it is not on this machine or did not end in time. It costs a process: for probes that read every few minutes or seldom. */
  run(program: string, args: readonly string[], timeout_ms?: number): Promise<ProgramResult | null>;
  /** A GET over HTTP(S), or over HTTP on a Unix socket; null when nothing answered in time. */
  http(request: HostRequest): Promise<HostReply | null>;
  /** What a port answers; null when it does not in time. */
  ask(question: Question): Promise<Answer | null>;
  /** Addresses of a name by the system's own resolver; null when there are none or it takes too long. */
  resolve(name: string): Promise<Resolved | null>;
  /** Milliseconds since 1970 UTC, and monotonic milliseconds. */
  now(): number;
  monotonic(): number;
}

export interface FilesystemSizes {
  size: number;
  free: number;
  available: number;
  inodes: number;
  inodes_free: number;
}

export interface ProgramResult {
  code: number;
  /** Standard output, at most 1 MB. */
  text: string;
  /** Standard error, at most 1 MB. */
  stderr?: string;
}

export interface HostRequest {
  url: string;
  /** Path of a Unix socket. */
  socket?: string | undefined;
  headers?: Record<string, string>;
  /** Default 5 s. */
  timeout_ms?: number;
}

export interface HostReply {
  status: number;
  text: string;
}

export interface Question {
  kind: 'tcp' | 'udp';
  host: string;
  port: number;
  /** One byte per character (latin1). Empty over TCP: only whether the port takes a connection. */
  send: string;
  /** Over TCP the answer ends with this text, or when the other side closes. */
  until?: string;
  /** Default 3 s. */
  timeout_ms?: number;
}

export interface Answer {
  /** One byte per character (latin1). */
  text: string;
  /** From the first packet to the end of the answer; of a connection, until it stood or was refused. */
  ms: number;
  /** The host is there, but nothing listens on that port. */
  refused: boolean;
}

export interface Resolved {
  addresses: readonly string[];
  ms: number;
}

export interface LineSource {
  /** Newest complete lines, at most 256, oldest first. Empties nothing. */
  lines(): readonly string[];
  /** When the newest line came, monotonic ms; null before the first. */
  last_line_at(): number | null;
  alive(): boolean;
  stop(): void;
}

export interface ProbeCall<M, S = unknown> {
  host: Host;
  /** What this probe keeps between reads (previous counters, an open source); starts as `memory()` gives it. */
  memory: M;
  /** As `settings` of the declaration reads them; undefined without one. */
  settings: S;
}

export interface ProbeDeclaration<M = unknown, S = unknown> {
  id: string;
  title: string;
  /** Milliseconds between reads. */
  every: number;
  /** Milliseconds that a read may take, default 5,000. */
  deadline?: number;
  metrics: Record<string, MetricDeclaration>;
  /** What stands under `probes.<id>` in the settings file, `{}` when nothing does. */
  settings?: GenericSchema<unknown, S>;
  /** Why nothing is read where `read` gives null, as a sentence for a person: what is missing, what to do for it. */
  silent?: string;
  /** Fresh memory; leave out when none is needed. */
  memory?(): M;
  /** Samples; null: not on this machine, stop asking. Empty: nothing to say this time (first read of a rate). */
  read(call: ProbeCall<M, S>): Promise<Sample[] | null>;
  /** Ends what `memory` holds open. */
  close?(memory: M): void;
}

export const defineProbe = <M = undefined, S = undefined>(declaration: ProbeDeclaration<M, S>): ProbeDeclaration<M, S> =>
  declaration;
