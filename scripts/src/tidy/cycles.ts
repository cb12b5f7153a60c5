import { importsOf, resolveRelative, type SourceFile } from './imports.js';

/** Import cycles among files, each as the paths along it, starting at its first in order of name. Types make none. */
export const findCycles = (files: readonly SourceFile[]): string[][] => {
  const graph = new Map(files.map((file) => [file.path, targetsOf(file)]));
  const done = new Set<string>();
  const cycles = new Map<string, string[]>();
  for (const start of [...graph.keys()].sort()) visit({ graph, done, cycles }, start, []);
  return [...cycles.values()];
};

const targetsOf = (file: SourceFile): string[] =>
  importsOf(file)
    .filter((entry) => !entry.type_only)
    .flatMap((entry) => resolveRelative(file.path, entry.from) ?? packagePath(entry.from) ?? []);

const packagePath = (from: string): string | null => {
  const match = /^@muster\/([a-z]+)\/(.+)$/.exec(from);
  return match ? `${match[1]}/src/${match[2]}.ts` : null;
};

interface Walk {
  graph: Map<string, string[]>;
  done: Set<string>;
  cycles: Map<string, string[]>;
}

const visit = (walk: Walk, path: string, trail: string[]): void => {
  const seen = trail.indexOf(path);
  if (seen >= 0) {
    const cycle = trail.slice(seen);
    walk.cycles.set([...cycle].sort().join(), cycle);
    return;
  }
  if (walk.done.has(path)) return;
  for (const target of walk.graph.get(path) ?? []) visit(walk, target, [...trail, path]);
  walk.done.add(path);
};
