import { silentLog } from '@muster/shared/log';
import { splitReadings } from '@muster/shared/source-run';
import { createTestClock } from '@muster/shared/testing/clock';
import { decodeMessage } from '@muster/shared/wire/codec';
import { WIRE_LIMITS } from '@muster/shared/wire/limits';
import type { LedgerReading, Reading } from '@muster/shared/wire/messages';
import { describe, expect, it } from 'vitest';
import { nextBatch } from './batch.js';
import { splitBirth } from './birth.js';
import { createSchedule } from './schedule.js';
import { createSeriesTable } from './series.js';
import { createMemorySpool, type SpoolRow } from './spool.js';

const row = (seq: number, columns = '00000000', values: (number | null)[] = [1]): SpoolRow => ({
  kind: 'row',
  device: 'pi-1',
  boot: 'abcdefgh',
  seq,
  ts: seq,
  columns,
  values: JSON.stringify(values),
});

const all = { items: 1_000, bytes: 1_000_000 };

describe('the spool in memory', () => {
  it('drops the oldest at its bound and says so', () => {
    const spool = createMemorySpool({ rows: 2 });
    const dropped: number[] = [];
    spool.dropped.on(({ from }) => dropped.push(from));
    for (const seq of [1, 2, 3]) spool.add(row(seq));
    expect(dropped).toEqual([1]);
    expect(spool.oldest(all).map(({ seq }) => seq)).toEqual([2, 3]);
  });

  it('is bounded by bytes too, and keeps the newest whatever its size', () => {
    const spool = createMemorySpool({ bytes: 20_000 });
    const dropped: number[] = [];
    spool.dropped.on(({ from }) => dropped.push(from));
    for (let seq = 1; seq <= 100; seq++) spool.add(row(seq, '00000000', Array(100).fill(1 / 3)));
    expect(spool.length).toBeGreaterThan(3);
    expect(spool.length).toBeLessThan(11);
    expect(dropped).toEqual(Array.from({ length: 100 - spool.length }, (_, n) => n + 1));
    spool.remove(spool.oldest(all));
    expect([spool.length, spool.columns().length]).toEqual([0, 0]);
    for (let seq = 101; seq <= 104; seq++) spool.add(row(seq));
    expect(spool.length).toBe(4);
    spool.add(row(105, '00000000', Array(4_000).fill(1 / 3)));
    expect(spool.oldest(all).map(({ seq }) => seq)).toEqual([105]);
  });

  it('knows the column lists that its rows need', () => {
    const spool = createMemorySpool({}, ({ columns }) => ({ list: [columns], metrics: [] }));
    const rows = [row(1, 'aaaaaaaa'), row(2, 'aaaaaaaa'), row(3, 'bbbbbbbb')];
    for (const one of rows) spool.add(one);
    expect(spool.columns().map(({ columns }) => columns)).toEqual(['aaaaaaaa', 'bbbbbbbb']);
    spool.remove(rows.slice(0, 2));
    spool.remove(rows.slice(0, 2));
    expect(spool.columns().map(({ columns }) => columns)).toEqual(['bbbbbbbb']);
    expect(spool.length).toBe(1);
  });
});

const WAY = { own: 'pi-1', stamp: ({ ts }: { ts: number }) => ts };

describe('a batch', () => {
  it('holds at most 500 rows, 64 KB and one column list', () => {
    const many = Array.from({ length: 600 }, (_, n) => row(n + 1));
    expect(nextBatch(many, WAY)?.items).toHaveLength(500);
    const wide = Array.from({ length: 600 }, (_, n) => row(n + 1, '00000000', Array(100).fill(1 / 3)));
    const batch = nextBatch(wide, WAY);
    expect(Buffer.byteLength(batch?.payload ?? '')).toBeLessThanOrEqual(WIRE_LIMITS.backfill_bytes);
    expect(batch?.items.length).toBeGreaterThan(10);
    expect(nextBatch([row(1), row(2, 'ffffffff')], WAY)?.items).toHaveLength(1);
    expect(nextBatch([], WAY)).toBeNull();
  });

  it('sends a row that alone is larger than a batch', () => {
    const huge = row(1, '00000000', Array(4_000).fill(1 / 3));
    const batch = nextBatch([huge, row(2)], WAY);
    expect(batch?.items).toHaveLength(1);
    expect(Buffer.byteLength(batch?.payload ?? '')).toBeLessThanOrEqual(WIRE_LIMITS.message_bytes);
  });
});

describe('a list of columns', () => {
  it.each(['ж', '"', '🚜'])('fits a birth, whatever a probe writes into its labels: %s', (letter) => {
    const series = createSeriesTable(createTestClock());
    for (let n = 0; n < 2_000; n++)
      series.put({ metric: 'x', labels: { name: `${n} ${letter.repeat(150 / letter.length)}` }, value: 1 }, undefined, 1_000);
    const { columns: id } = series.row();
    const list = [...(series.lists().get(id) ?? [])];
    expect(list.length).toBeGreaterThan(100);
    expect(series.refused).toBe(2_000 - list.length);
    const facts = { boot: 'abcdefgh', session: 1, agent_version: '1', interval_ms: 10_000, about: {}, metrics: [], carries: [] };
    for (const birth of splitBirth({ ...facts, columns: [{ id, list }] }))
      expect(Buffer.byteLength(JSON.stringify(birth))).toBeLessThan(WIRE_LIMITS.message_bytes);
  });
});

describe('a birth', () => {
  const facts = {
    boot: 'abcdefgh',
    session: 1,
    agent_version: '0.1.0',
    interval_ms: 10_000,
    about: { hostname: 'pi-1' },
    carries: [],
  };
  const list = (n: number, length: number) => ({
    id: n.toString(16).padStart(8, '0'),
    list: Array.from({ length }, (_, k) => `metric.with.a.long.name{label=value-${n}-${k}}`),
  });

  it('is one message when it fits', () => {
    expect(splitBirth({ ...facts, metrics: [], columns: [] })).toHaveLength(1);
    expect(splitBirth({ ...facts, metrics: [], columns: [list(1, 5)] })).toHaveLength(1);
  });

  it('is split when it does not, with nothing lost', () => {
    const columns = Array.from({ length: 100 }, (_, n) => list(n, 400));
    const births = splitBirth({ ...facts, metrics: [], columns });
    for (const birth of births) {
      const payload = Buffer.from(JSON.stringify(birth));
      expect(payload.byteLength).toBeLessThanOrEqual(WIRE_LIMITS.message_bytes);
      expect(decodeMessage('birth', payload).ok).toBe(true);
    }
    expect(births.flatMap((birth) => birth.columns)).toEqual(columns);
  });
});

describe('readings', () => {
  const ledger = (entries: number, id = 'x'): LedgerReading => ({
    kind: 'ledger',
    network: 'n',
    source: 's',
    account: 'a',
    token: 'T',
    decimals: 8,
    as_of: 1,
    exact: true,
    entries: Array.from({ length: entries }, (_, n) => ({ id: `${id}${n}`, ts: n, amount: '1' })),
  });

  it('are split by reading and by entries to 64 KB', () => {
    const readings: Reading[] = [ledger(5), ledger(3_000, 'y'.repeat(100)), ledger(2_000)];
    const { messages, dropped } = splitReadings(readings);
    expect(dropped).toBe(0);
    for (const message of messages) {
      const payload = Buffer.from(JSON.stringify({ boot: 'abcdefgh', seq: 1, ts: 1, readings: message }));
      expect(payload.byteLength).toBeLessThanOrEqual(WIRE_LIMITS.rewards_bytes);
      expect(decodeMessage('rewards', payload).ok).toBe(true);
    }
    const ids = messages.flat().flatMap((one) => (one.kind === 'ledger' ? one.entries.map(({ id }) => id) : []));
    expect(new Set(ids).size).toBe(5 + 3_000 + 2_000 - 5);
    expect(ids).toHaveLength(5_005);
  });

  it('that fit no message are counted', () => {
    const huge = { ...ledger(1), account: 'a'.repeat(70_000) };
    expect(splitReadings([huge, ledger(1)])).toMatchObject({ dropped: 1, messages: [[{ kind: 'ledger' }]] });
  });
});

describe('the schedule', () => {
  it('runs each task at its pace, and goes on after one that throws', async () => {
    const clock = createTestClock();
    const schedule = createSchedule({ clock, log: silentLog });
    const runs: string[] = [];
    schedule.add({
      name: 'bad',
      first_ms: 0,
      run: () => {
        runs.push('bad');
        throw new Error('no');
      },
    });
    schedule.add({ name: 'good', first_ms: 0, run: () => runs.push('good') && 10_000 });
    schedule.start();
    for (let n = 0; n < 60; n++) {
      clock.advance(1_000);
      for (let turn = 0; turn < 5; turn++) await Promise.resolve();
    }
    schedule.stop();
    clock.advance(100_000);
    expect(runs.filter((name) => name === 'good')).toHaveLength(6);
    expect(runs.filter((name) => name === 'bad')).toHaveLength(1);
  });
});
