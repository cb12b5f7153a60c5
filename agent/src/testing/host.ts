import type { Sample } from '@muster/shared/metrics';
import type { FixtureCase } from '@muster/shared/testing/cases';
import type { FilesystemSizes, Host, LineSource } from '../probe.js';

/** What a machine shows from a moment on; a later state changes only what it names, null takes away. */
export interface HostState {
  /** Monotonic milliseconds; wall time is 2026-01-01 UTC plus this. */
  at_ms?: number;
  files?: Record<string, string | null>;
  links?: Record<string, string | null>;
  filesystems?: Record<string, FilesystemSizes | null>;
  /** Lines that the program prints at this moment; a program that is never named is not on this machine. */
  commands?: Record<string, string[]>;
}

/** A case of a probe's fixture: the probe is read once per state, `expect` is what the last read gives. */
export interface ProbeCase extends FixtureCase {
  reads: HostState[];
  expect: Sample[] | null;
}

export interface FixtureHost extends Host {
  apply(state: HostState): void;
  /** Programs that were started and not yet stopped. */
  running(): readonly string[];
}

const START = Date.UTC(2026, 0, 1);

/** A whole machine out of a fixture. */
export const createFixtureHost = (first: HostState = {}): FixtureHost => {
  const files = new Map<string, string>();
  const links = new Map<string, string>();
  const filesystems = new Map<string, FilesystemSizes>();
  const programs = new Map<string, Program>();
  let at_ms = 0;

  const host: FixtureHost = {
    read: (path) => files.get(path) ?? null,
    list: (path) => namesIn(path, [...files.keys(), ...links.keys()]),
    link: (path) => links.get(path) ?? null,
    filesystem: async (mount) => filesystems.get(mount) ?? null,
    follow: (program) => programs.get(program)?.start() ?? null,
    now: () => START + at_ms,
    monotonic: () => at_ms,
    apply(state) {
      at_ms = state.at_ms ?? at_ms;
      merge(files, state.files);
      merge(links, state.links);
      merge(filesystems, state.filesystems);
      for (const [name, lines] of Object.entries(state.commands ?? {})) {
        const program = programs.get(name) ?? createProgram();
        programs.set(name, program);
        program.print(lines, at_ms);
      }
    },
    running: () => [...programs].filter(([, program]) => program.running()).map(([name]) => name),
  };
  host.apply(first);
  return host;
};

const merge = <T>(into: Map<string, T>, changes: Record<string, T | null> = {}) => {
  for (const [key, value] of Object.entries(changes)) {
    if (value === null) into.delete(key);
    else into.set(key, value);
  }
};

const namesIn = (folder: string, paths: readonly string[]): string[] => {
  const inside = paths.filter((path) => path.startsWith(`${folder}/`)).map((path) => path.slice(folder.length + 1));
  return [...new Set(inside.map((path) => path.replace(/\/.*/s, '')))].sort();
};

interface Program {
  print(lines: readonly string[], at_ms: number): void;
  start(): LineSource;
  running(): boolean;
}

const createProgram = (): Program => {
  let lines: string[] = [];
  let last: number | null = null;
  let running = false;
  return {
    print(more, at_ms) {
      lines = [...lines, ...more].slice(-256);
      last = more.length > 0 ? at_ms : last;
    },
    start() {
      running = true;
      const stop = () => {
        running = false;
      };
      return { lines: () => lines, last_line_at: () => last, alive: () => running, stop };
    },
    running: () => running,
  };
};
