import { existsSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { document } from '../../conformance/subject.js';
import { createFolder } from '../../testing/folder.js';
import { createSqliteEngine } from './index.js';
import { warmUp } from './warm.js';

let folder: ReturnType<typeof createFolder>;
let file: string;
beforeEach(() => {
  folder = createFolder();
  file = folder.path('store.db');
});
afterEach(() => folder.remove());

const fill = async (): Promise<void> => {
  const engine = createSqliteEngine({ file });
  await engine.open();
  await engine.commit(Array.from({ length: 500 }, (_, index) => document(`key-${index}`, 'x'.repeat(3_000))));
  await engine.close();
};

it('leaves a file as it is', async () => {
  await fill();
  const before = readFileSync(file);
  await warmUp(file);
  expect(readFileSync(file).equals(before)).toBe(true);
});

it('makes no file and says nothing where there is none, or one that is cut short or none of ours', async () => {
  await warmUp(file);
  expect(existsSync(file)).toBe(false);
  writeFileSync(file, 'no database');
  await warmUp(file);
  folder.remove();
  folder = createFolder();
  file = folder.path('store.db');
  await fill();
  truncateSync(file, 60_000);
  await warmUp(file);
  await expect(createSqliteEngine({ file }).open()).rejects.toMatchObject({ code: 'damaged' });
});
