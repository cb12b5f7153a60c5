import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findViolations } from '../tidy/rules.js';
import { NEW_KINDS } from './templates.js';
import { writeNew } from './write.js';

let folder: string;
let root: URL;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'muster-new-'));
  root = pathToFileURL(`${folder}/`);
});
afterEach(() => rmSync(folder, { recursive: true }));

describe('npm run new', () => {
  it.each(NEW_KINDS)('writes a %s of two files that keep the rules of the house', (kind) => {
    const paths = writeNew(root, [kind, 'acme']);
    expect(paths).toHaveLength(2);
    const files = paths.map((path) => ({ path, text: readFileSync(new URL(path, root), 'utf8') }));
    expect(findViolations(files)).toEqual([]);
    expect(files[0]?.text).toContain("id: 'acme'");
  });

  it('overwrites nothing', () => {
    writeNew(root, ['probe', 'acme']);
    expect(() => writeNew(root, ['probe', 'acme'])).toThrow('exists already');
  });

  it.each([[[]], [['network']], [['planet', 'acme']], [['probe', 'Acme']], [['probe', '../acme']]])(
    'refuses %j and says what to write',
    (words) => {
      expect(() => writeNew(root, words)).toThrow(/npm run new|cannot be an id/);
    },
  );
});
