import type { Sample } from '@muster/shared/metrics';
import type { FixtureCase } from '@muster/shared/testing/cases';
import type { Answer, FilesystemSizes, Host, HostReply, LineSource, ProgramResult, Resolved } from '../probe.js';

/** What a machine shows from a moment on; a later state changes only what it names, null takes away. */
export interface HostState {
  /** Monotonic milliseconds; wall time is 2026-01-01 UTC plus this. */
  at_ms?: number;
  files?: Record<string, string | null>;
  links?: Record<string, string | null>;
  filesystems?: Record<string, FilesystemSizes | null>;
  /** Lines that the program prints at this moment; a program that is never named is not on this machine. */
  commands?: Record<string, string[]>;
  /** What `run` gives, by program and arguments parted by spaces: `smartctl --scan`. */
  programs?: Record<string, ProgramResult | null>;
  /** What `http` gives, by address; on a Unix socket by `unix:PATH ADDRESS`. */
  replies?: Record<string, HostReply | null>;
  /** What `ask` gives, by `tcp HOST:PORT TEXT` or else `tcp HOST:PORT`; TEXT is what was sent, trimmed. */
  answers?: Record<string, Partial<Answer> | null>;
  names?: Record<string, Resolved | null>;
}

/** A case of a probe's fixture: the probe is read once per state, `expect` is what the last read gives. */
export interface ProbeCase extends FixtureCase {
  reads: HostState[];
  /** Of this probe, as in the settings file. */
  settings?: object;
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
  const followed = new Map<string, Program>();
  const programs = new Map<string, ProgramResult>();
  const replies = new Map<string, HostReply>();
  const answers = new Map<string, Partial<Answer>>();
  const names = new Map<string, Resolved>();
  let at_ms = 0;

  const host: FixtureHost = {
    read: (path) => files.get(path) ?? null,
    list: (path) => namesIn(path, [...files.keys(), ...links.keys()]),
    link: (path) => links.get(path) ?? null,
    filesystem: async (mount) => filesystems.get(mount) ?? null,
    follow: (program) => followed.get(program)?.start() ?? null,
    run: async (program, args) => programs.get([program, ...args].join(' ')) ?? null,
    http: async ({ url, socket }) => replies.get(socket === undefined ? url : `unix:${socket} ${url}`) ?? null,
    ask: async ({ kind, host: to, port, send }) => {
      const place = `${kind} ${to}:${port}`;
      const answer = answers.get(`${place} ${send.trim()}`) ?? answers.get(place);
      return answer ? { text: '', ms: 1, refused: false, ...answer } : null;
    },
    resolve: async (name) => names.get(name) ?? null,
    now: () => START + at_ms,
    monotonic: () => at_ms,
    apply(state) {
      at_ms = state.at_ms ?? at_ms;
      merge(files, state.files);
      merge(links, state.links);
      merge(filesystems, state.filesystems);
      merge(programs, state.programs);
      merge(replies, state.replies);
      merge(answers, state.answers);
      merge(names, state.names);
      for (const [name, lines] of Object.entries(state.commands ?? {})) {
        const program = followed.get(name) ?? createProgram();
        followed.set(name, program);
        program.print(lines, at_ms);
      }
    },
    running: () => [...followed].filter(([, program]) => program.running()).map(([name]) => name),
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
        // A program that is started again begins with nothing said.
        lines = [];
        last = null;
      };
      return { lines: () => lines, last_line_at: () => last, alive: () => running, stop };
    },
    running: () => running,
  };
};
