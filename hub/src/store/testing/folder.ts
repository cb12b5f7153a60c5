import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A temporary folder of one test. */
export const createFolder = () => {
  const root = mkdtempSync(join(tmpdir(), 'muster-store-'));
  return {
    path: (name: string) => join(root, name),
    remove: () => rmSync(root, { recursive: true, force: true }),
  };
};
