import { statSync } from 'node:fs';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { document } from '../../conformance/subject.js';
import { createFolder } from '../../testing/folder.js';
import { createSqliteEngine } from './index.js';

let folder: ReturnType<typeof createFolder>;
beforeEach(() => {
  folder = createFolder();
});
afterEach(() => folder.remove());

it('cuts the write-ahead log once nothing is written any more', async () => {
  const file = folder.path('store.db');
  const engine = createSqliteEngine({ file });
  await engine.open();
  await engine.commit([document('key', 'x'.repeat(100_000))]);
  expect(statSync(`${file}-wal`).size).toBeGreaterThan(100_000);
  await vi.waitUntil(() => {
    engine.work(Date.now());
    return statSync(`${file}-wal`).size === 0;
  }, 20_000);
  await engine.close();
});
