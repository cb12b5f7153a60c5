/** PORT: a probe is one file in `probes/` that exports `defineProbe({...})`; `host` is its only way out. */
import type { MetricDeclaration, Sample } from '@muster/shared/metrics';

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

export interface LineSource {
  /** Newest complete lines, at most 256, oldest first. Empties nothing. */
  lines(): readonly string[];
  /** When the newest line came, monotonic ms; null before the first. */
  last_line_at(): number | null;
  alive(): boolean;
  stop(): void;
}

export interface ProbeCall<M> {
  host: Host;
  /** What this probe keeps between reads (previous counters, an open source); starts as `memory()` gives it. */
  memory: M;
}

export interface ProbeDeclaration<M = unknown> {
  id: string;
  title: string;
  /** Milliseconds between reads. */
  every: number;
  metrics: Record<string, MetricDeclaration>;
  /** Fresh memory; leave out when none is needed. */
  memory?(): M;
  /** Samples; null: not on this machine, stop asking. Empty: nothing to say this time (first read of a rate). */
  read(call: ProbeCall<M>): Promise<Sample[] | null>;
  /** Ends what `memory` holds open. */
  close?(memory: M): void;
}

export const defineProbe = <M = undefined>(declaration: ProbeDeclaration<M>): ProbeDeclaration<M> => declaration;
