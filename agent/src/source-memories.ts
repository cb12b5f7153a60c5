/** What reward sources keep over restarts: a small JSON file each, in the agent's folder. */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { memoryText } from '@muster/shared/source-run';
import type { SourceMemories } from './rewards.js';

/** A damaged or missing file is an empty memory: what is read a second time is booked once. */
export const createSourceMemories = (folder: string): SourceMemories => {
  // Sources of a carried device are called `device/source`.
  const fileOf = (source: string) => join(folder, `${source.replaceAll('/', '.')}.json`);
  return {
    read(source) {
      try {
        return JSON.parse(readFileSync(fileOf(source), 'utf8'));
      } catch {
        return undefined;
      }
    },
    write(source, value) {
      const text = memoryText(source, value);
      mkdirSync(folder, { recursive: true, mode: 0o700 });
      // Whole or not at all: a power cut leaves the old one.
      writeFileSync(`${fileOf(source)}.new`, text, { mode: 0o600, flush: true });
      renameSync(`${fileOf(source)}.new`, fileOf(source));
    },
  };
};
