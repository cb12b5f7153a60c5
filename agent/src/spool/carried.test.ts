import { silentLog } from '@muster/shared/log';
import { createTestClock } from '@muster/shared/testing/clock';
import { describe, expect, it } from 'vitest';
import { type ColumnFacts, type ListUser, listKey, type SpoolItem } from '../spool.js';
import { createTestFiles } from '../testing/spool-files.js';
import { createDurableSpool } from './durable.js';

/** One spool for the rows of an agent and of the devices that it carries. */
const NOW = Date.UTC(2026, 5, 1);
const MANY = { items: 500, bytes: 64_000 };

const start = (files = createTestFiles(), { boot = 'aaaaaaaa', at = NOW, knows_time = true } = {}) => {
  files.restart();
  const clock = createTestClock(at);
  const in_use = new Set<string>();
  const state = { known: knows_time };
  const describe = (list: ListUser): ColumnFacts | null =>
    in_use.has(listKey(list)) ? { list: [`metric.${list.columns}`], metrics: [] } : null;
  const spool = createDurableSpool(
    { files, lock: () => () => {}, clock, log: silentLog, describe, now: () => (state.known ? clock.now() : null) },
    { bytes: 1_000_000, days: 7, sync_ms: 10_000 },
  );
  const seqs = new Map<string, number>();
  const add = (device: string, columns = '00000000'): SpoolItem => {
    const seq = (seqs.get(device) ?? 0) + 1;
    seqs.set(device, seq);
    in_use.add(listKey({ device, columns }));
    const stamp = { ts: clock.now(), blind: !state.known };
    const row: SpoolItem = { kind: 'row', device, boot, seq, ...stamp, columns, values: '[1]' };
    spool.add(row);
    return row;
  };
  const settle = (shift_ms: number) => {
    state.known = true;
    spool.settle(boot, shift_ms);
  };
  spool.open();
  if (knows_time) settle(0);
  return { spool, clock, files, add, settle, in_use };
};

describe('rows of several devices in one spool', () => {
  it('come back in order after a kill, each with its device and the list of that device', () => {
    const first = start();
    first.add('pi-1');
    first.add('roof', 'bbbbbbbb');
    first.add('van', 'bbbbbbbb');
    first.add('roof', 'cccccccc');
    const { spool } = start(first.files, { boot: 'dddddddd' });
    const items = spool.oldest(MANY);
    expect(items.map(({ device, seq }) => `${device} ${seq}`)).toEqual(['pi-1 1', 'roof 1', 'van 1', 'roof 2']);
    expect(spool.columns().map(listKey)).toEqual(['pi-1 00000000', 'roof bbbbbbbb', 'van bbbbbbbb', 'roof cccccccc']);
    expect([spool.listsOf('roof'), spool.listsOf('van'), spool.listsOf('attic')]).toEqual([2, 1, 0]);
    const wanted = { device: 'van', columns: 'bbbbbbbb' };
    const rest = spool.columns({ wanted, isKnown: ({ device }) => device === 'roof' });
    expect(rest.map(listKey)).toEqual(['van bbbbbbbb', 'pi-1 00000000']);
    expect(rest[0]?.facts.list).toEqual(['metric.bbbbbbbb']);
    spool.remove(items.slice(0, 2));
    expect(spool.columns().map(listKey)).toEqual(['van bbbbbbbb', 'roof cccccccc']);
  });

  it('hold an equal list once, and are known by the last line of a file with a thousand of them', async () => {
    const first = start();
    for (let n = 0; n < 1_000; n++) first.add(`a-carried-device-with-quite-a-long-name-and-a-number-${n}`);
    await first.spool.close();
    const [bytes = Buffer.alloc(0)] = first.files.contents.values();
    expect(bytes.toString().match(/ C /g)).toHaveLength(1);
    const { spool } = start(first.files, { boot: 'dddddddd' });
    expect([spool.length, spool.columns().length]).toEqual([1_000, 1_000]);
  });

  it('are corrected by what each says of itself, though counters of devices differ', async () => {
    const first = start(createTestFiles(), { at: 0, knows_time: false });
    for (let n = 0; n < 5; n++) first.add('pi-1');
    first.add('van');
    first.settle(NOW);
    first.clock.step(NOW);
    for (let n = 0; n < 5; n++) first.add('van');
    first.add('pi-1');
    expect(first.spool.oldest_ts).toBe(NOW);
    expect(first.spool.oldest(MANY).map(({ ts }) => ts)).toEqual([0, 0, 0, 0, 0, 0, NOW, NOW, NOW, NOW, NOW, NOW]);
    const second = start(first.files, { boot: 'dddddddd' });
    expect(second.spool.oldest(MANY).every(({ ts }) => ts === NOW)).toBe(true);
    expect(second.spool.oldest(MANY)).toHaveLength(12);
  });

  it('keep their lists though the disk took them only after the lists were out of use', () => {
    const { spool, clock, files, add, in_use } = start();
    files.readOnly(true);
    add('van', 'bbbbbbbb');
    in_use.clear();
    files.readOnly(false);
    clock.advance(60_000);
    add('pi-1');
    expect(spool.columns().map(listKey)).toEqual(['van bbbbbbbb', 'pi-1 00000000']);
  });
});

describe('a flush', () => {
  it('makes all that was added survive a power cut', async () => {
    const { spool, files, add } = start();
    expect(await spool.flush()).toBe(true);
    expect(files.syncs).toBe(0);
    for (let n = 0; n < 10; n++) add('pi-1');
    expect(await spool.flush()).toBe(true);
    add('pi-1');
    files.powerCut(0);
    expect(start(files, { boot: 'dddddddd' }).spool.oldest(MANY)).toHaveLength(10);
  });

  it('says so when it cannot', async () => {
    const { spool, clock, files, add } = start();
    files.readOnly(true);
    add('pi-1');
    expect(await spool.flush()).toBe(false);
    files.readOnly(false);
    clock.advance(60_000);
    expect(await spool.flush()).toBe(true);
  });
});

describe('the oldest stamp', () => {
  it('is that of the oldest that waits, and is read from disk once', () => {
    const { spool, clock, files, add } = start();
    expect(spool.oldest_ts).toBeNull();
    const rows = Array.from({ length: 1_000 }, () => {
      clock.advance(1_000);
      return add('pi-1');
    });
    expect(spool.oldest_ts).toBe(rows[0]?.ts);
    const { reads } = files;
    for (let n = 0; n < 100; n++) expect(spool.oldest_ts).toBe(NOW + 1_000);
    expect(files.reads).toBe(reads);
    spool.remove(rows.slice(0, 10));
    expect(spool.oldest_ts).toBe(NOW + 11_000);
  });
});
