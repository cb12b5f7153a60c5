/** The imports of a file, by a scan of its text: enough for layers and cycles, and quick. */
export interface SourceFile {
  /** Relative to the repository, with `/`. */
  path: string;
  text: string;
}

export interface Import {
  from: string;
  type_only: boolean;
}

const STATEMENT = /^\s*(import|export)\s+(type\s+)?(?:[^'";]*?\sfrom\s+)?['"]([^'"]+)['"]/gm;

export const importsOf = (file: SourceFile): Import[] =>
  [...file.text.matchAll(STATEMENT)].map((match) => ({ from: match[3] ?? '', type_only: match[2] !== undefined }));

/** The source path that a relative import means, or null when it is not relative. */
export const resolveRelative = (path: string, from: string): string | null => {
  if (!from.startsWith('.')) return null;
  const parts = path.split('/').slice(0, -1);
  for (const step of from.split('/')) {
    if (step === '..') parts.pop();
    else if (step !== '.') parts.push(step);
  }
  return parts.join('/').replace(/\.js$/, '.ts');
};
