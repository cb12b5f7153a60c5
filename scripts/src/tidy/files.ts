import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { SourceFile } from './rules.js';

const SKIPPED = new Set(['node_modules', 'dist', '.git', '.build', 'data']);
const READ = /\.(ts|tsx|mjs|json|md|css|html)$/;

/** Every source and document of the repository, paths relative to its root. */
export const readTree = (root: URL): SourceFile[] => {
  const base = fileURLToPath(root);
  return walk(base)
    .filter((path) => READ.test(path) && !path.endsWith('package-lock.json'))
    .map((path) => ({ path: relative(base, path), text: readFileSync(path, 'utf8') }));
};

const walk = (folder: string): string[] =>
  readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    if (SKIPPED.has(entry.name)) return [];
    const path = join(folder, entry.name);
    return entry.isDirectory() ? walk(path) : [path];
  });
