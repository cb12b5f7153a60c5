import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLog } from '@muster/shared/log';
import { createTestClock } from '@muster/shared/testing/clock';
import { afterEach, expect, it } from 'vitest';
import type { SpoolItem } from '../spool.js';
import { createDurableSpool } from './durable.js';
import { createSpoolFiles } from './files.js';
import { nameOf } from './segment.js';

const folder = mkdtempSync(join(tmpdir(), 'muster-spool-'));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const open = () => {
  const clock = createTestClock(Date.UTC(2026, 5, 1));
  const describe = () => ({ list: ['a'], metrics: [] });
  const needs = { files: createSpoolFiles(folder), lock: () => () => {}, clock, log: silentLog, describe, now: clock.now };
  const spool = createDurableSpool(needs, { bytes: 1_000_000, days: 7, sync_ms: 10_000 });
  spool.open();
  return spool;
};

const row = (seq: number): SpoolItem => ({
  ...{ kind: 'row', device: 'pi-1', boot: 'abcdefgh', seq, ts: Date.UTC(2026, 5, 1), columns: '00000000', values: '[1]' },
});

it('costs one file that cannot be read only what is in it: all others are sent, and new rows are on disk', async () => {
  const first = open();
  first.add(row(1));
  await first.close();
  mkdirSync(join(folder, nameOf(9)));
  const second = open();
  second.add(row(2));
  expect(second.oldest({ items: 10, bytes: 64_000 }).map(({ seq }) => seq)).toEqual([1]);
  expect(existsSync(join(folder, nameOf(10)))).toBe(true);
  await second.close();
  rmSync(join(folder, nameOf(9)), { recursive: true });
  expect(open().length).toBe(2);
});
