import type { Log } from '@muster/shared/log';
import { createTestClock } from '@muster/shared/testing/clock';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { identityOf, type Spool, type SpoolDrop, type SpoolItem } from '../spool.js';
import { createTestFiles, Killed, type TestFiles } from '../testing/spool-files.js';
import { createDropReport } from './drop-report.js';
import { createDurableSpool, type DurableSettings } from './durable.js';
import { encodeLine } from './lines.js';

const NOW = Date.UTC(2026, 5, 1);
const MANY = { items: 500, bytes: 64_000 };
/** A log that keeps its warnings. */
const keepingLog = () => {
  const lines: string[] = [];
  const note = (sentence: string) => void lines.push(sentence);
  const log: Log = { debug() {}, info: note, warn: note, error: note, with: () => log };
  return { log, lines };
};

interface Start {
  files?: TestFiles;
  clock?: ReturnType<typeof createTestClock>;
  settings?: Partial<DurableSettings>;
  boot?: string;
  knows_time?: boolean;
}

/** A run of an agent: its spool, opened, and rows of its own boot. */
const start = ({
  files = createTestFiles(),
  clock = createTestClock(NOW),
  settings = {},
  boot = 'abcdefgh',
  knows_time = true,
}: Start) => {
  files.restart();
  const { log, lines } = keepingLog();
  const describe = ({ columns }: { columns: string }) => ({ list: [`metric.${columns}`], metrics: [] });
  const now = () => (knows_time ? clock.now() : null);
  const spool = createDurableSpool(
    { files, lock: () => () => {}, clock, log, describe, now },
    { bytes: 1_000_000, days: 7, sync_ms: 10_000, ...settings },
  );
  const drops: SpoolDrop[] = [];
  spool.dropped.on((drop) => drops.push(drop));
  spool.open();
  let seq = 0;
  let known = knows_time;
  const settle = (shift_ms: number) => {
    known = true;
    spool.settle(boot, shift_ms);
  };
  const add = (width = 3, columns = '00000000', device = 'pi-1'): SpoolItem => {
    const values = JSON.stringify(Array.from({ length: width }, () => seq));
    const stamp = { ts: clock.now(), blind: !known };
    const item: SpoolItem = { kind: 'row', device, boot, seq: ++seq, ...stamp, columns, values };
    spool.add(item);
    return item;
  };
  if (knows_time) spool.settle(boot, 0);
  return { spool, files, clock, drops, lines, add, settle };
};

const drain = (spool: Spool): SpoolItem[] => {
  const all: SpoolItem[] = [];
  for (let items = spool.oldest(MANY); items.length > 0; items = spool.oldest(MANY)) {
    all.push(...items);
    spool.remove(items);
  }
  return all;
};
const seqs = (items: readonly SpoolItem[]) => items.map(({ seq }) => seq);
const upTo = (last: number, first = 1) => Array.from({ length: last - first + 1 }, (_, n) => first + n);

describe('the spool on disk', () => {
  it('gives back what an earlier run left, in order, with its identity and its column list', () => {
    const first = start({});
    for (let n = 0; n < 2_000; n++) first.add(20, n < 1_000 ? 'aaaaaaaa' : 'bbbbbbbb');
    const second = start({ files: first.files, boot: 'ijklmnop' });
    second.add(3, 'cccccccc');
    expect(second.spool.length).toBe(2_001);
    expect(second.spool.columns().map(({ columns }) => columns)).toEqual(['aaaaaaaa', 'bbbbbbbb', 'cccccccc']);
    const wanted = { device: 'pi-1', columns: 'bbbbbbbb' };
    const facts = { list: ['metric.bbbbbbbb'], metrics: [] };
    expect(second.spool.columns({ wanted, isKnown: () => true })).toEqual([{ ...wanted, facts }]);
    const items = drain(second.spool);
    expect(items.map(({ boot, seq }) => `${boot} ${seq}`)).toEqual([
      ...upTo(2_000).map((seq) => `abcdefgh ${seq}`),
      'ijklmnop 1',
    ]);
    expect(second.spool.length).toBe(0);
  });

  it('leaves no file behind when all is acknowledged, and syncs nothing while the hub acknowledges in time', async () => {
    const { spool, files, clock, add } = start({});
    const before = files.written;
    for (let n = 0; n < 5_000; n++) {
      const item = add(30);
      clock.advance(2_500);
      spool.remove([item]);
      clock.advance(7_500);
    }
    const per_row = (files.written - before) / 5_000;
    expect(files.syncs).toBe(0);
    expect(files.reads).toBe(0);
    expect(files.contents.size).toBe(1);
    expect(per_row).toBeLessThan(300);
    await spool.close();
    expect(files.contents.size).toBe(0);
  });

  it('syncs at its pace while the hub is away: a power cut takes less than the last interval', async () => {
    const { files, clock, add } = start({});
    for (let n = 0; n < 100; n++) {
      add();
      clock.advance(10_000);
      await Promise.resolve();
    }
    expect(files.syncs).toBeGreaterThan(90);
    expect(files.syncs).toBeLessThan(110);
    add();
    files.powerCut(0);
    const after = start({ files, boot: 'ijklmnop' });
    expect(seqs(drain(after.spool))).toEqual(upTo(100));
  });

  it('drops the oldest whole files at its bound and says how many rows, and of which time', () => {
    const { spool, clock, drops, add } = start({});
    for (let n = 0; n < 20_000; n++) {
      add(10);
      clock.advance(1_000);
    }
    const dropped = drops.reduce((sum, { items }) => sum + items, 0);
    expect(drops.every(({ why }) => why === 'full')).toBe(true);
    expect(drops[0]?.from).toBe(NOW);
    expect(spool.bytes).toBeLessThanOrEqual(1_000_000);
    expect(spool.bytes).toBeGreaterThan(900_000);
    expect(seqs(drain(spool))).toEqual(upTo(20_000, dropped + 1));
  });

  it('drops what is older than its days', () => {
    const { spool, clock, drops, add } = start({ settings: { days: 1 } });
    for (let hour = 0; hour < 48; hour++) {
      add();
      clock.advance(3_600_000);
    }
    const [oldest] = spool.oldest(MANY);
    expect((oldest?.seq ?? 0) + drops.reduce((sum, { items }) => sum + items, 0)).toBeGreaterThan(15);
    expect(clock.now() - (oldest?.ts ?? 0)).toBeLessThan(36 * 3_600_000);
    expect(drops[0]?.why).toBe('old');
  });

  it('goes on in memory when the disk is full, says so once, and comes back by itself', () => {
    const { spool, files, clock, lines, add } = start({});
    for (let n = 0; n < 10; n++) add();
    files.room(150);
    for (let n = 0; n < 50; n++) {
      add();
      clock.advance(10_000);
    }
    expect(lines.filter((line) => line.includes('cannot be written'))).toHaveLength(1);
    expect(spool.length).toBe(60);
    const in_flight = spool.oldest({ items: 15, bytes: 64_000 });
    files.room(Number.POSITIVE_INFINITY);
    clock.advance(60_000);
    add();
    expect(lines.at(-1)).toContain('on disk again');
    spool.remove(in_flight);
    const next = start({ files, boot: 'ijklmnop' });
    next.add();
    expect(seqs(drain(next.spool)).slice(-52)).toEqual([...upTo(61, 11), 1]);
  });

  it('goes on in memory when the disk is read-only from the start, and takes up what is there once it is not', () => {
    const first = start({});
    first.add();
    first.files.readOnly(true);
    const second = start({ files: first.files, boot: 'ijklmnop' });
    for (let n = 0; n < 5; n++) {
      second.add();
      second.clock.advance(10_000);
    }
    expect(second.spool.length).toBe(5);
    first.files.readOnly(false);
    second.clock.advance(30_000);
    second.add();
    expect(drain(second.spool).map(identityOf)).toEqual(['pi-1 abcdefgh 1', ...upTo(6).map((n) => `pi-1 ijklmnop ${n}`)]);
  });

  it('is bounded in memory too', () => {
    const { spool, files, drops, add } = start({ settings: { memory_bytes: 20_000 } });
    files.readOnly(true);
    for (let n = 0; n < 200; n++) add();
    expect(spool.length).toBeLessThan(60);
    expect(spool.length + drops.reduce((sum, { items }) => sum + items, 0)).toBe(200);
  });

  it('corrects rows of an earlier run that came to know the time, and holds back those of one that did not', async () => {
    const files = createTestFiles();
    const clock = createTestClock(0);
    const lost = start({ files, clock, boot: 'aaaaaaaa', knows_time: false });
    lost.add();
    const found = start({ files, clock, boot: 'bbbbbbbb', knows_time: false });
    found.add();
    found.settle(NOW);
    found.add();
    await found.spool.close();
    const last = start({ files, clock: createTestClock(NOW + 1_000), boot: 'cccccccc' });
    const items = last.spool.oldest(MANY);
    expect(items.map(({ boot, ts }) => [boot, ts])).toEqual([
      ['bbbbbbbb', NOW],
      ['bbbbbbbb', 0],
    ]);
    expect(drain(last.spool)).toHaveLength(2);
    last.add();
    expect(last.drops).toMatchObject([{ items: 1, why: 'old' }]);
    expect(drain(last.spool)).toHaveLength(1);
  });

  it('keeps the time of a run through a power cut, even one of two runs ago', async () => {
    const files = createTestFiles();
    const first = start({ files, clock: createTestClock(0), boot: 'aaaaaaaa', knows_time: false });
    first.add();
    first.settle(NOW);
    first.clock.advance(10_000);
    await Promise.resolve();
    for (const boot of ['bbbbbbbb', 'cccccccc']) {
      files.powerCut(0);
      start({ files, boot });
    }
    files.powerCut(0);
    expect(drain(start({ files, boot: 'dddddddd' }).spool)).toMatchObject([{ boot: 'aaaaaaaa', ts: NOW }]);
  });

  it('leaves a file of a newer version alone', () => {
    const files = createTestFiles();
    const newer = encodeLine({ kind: 'header', version: 2, number: 7 });
    files.contents.set('00000007.seg', newer);
    const { spool, add } = start({ files });
    add();
    expect(drain(spool)).toHaveLength(1);
    expect(files.contents.has('00000008.seg')).toBe(true);
  });
});

/** What a run does to its spool; numbers choose among what is there. */
const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('add' as const), n: fc.integer({ min: 1, max: 40 }) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('drain' as const), n: fc.integer({ min: 1, max: 60 }) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('live' as const), n: fc.integer({ min: 1, max: 10 }) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('stop' as const), n: fc.constant(0) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('kill' as const), n: fc.integer({ min: 0, max: 6_000 }) }) },
);

describe('a spool under any history', () => {
  it('gives back all that was not acknowledged, once and in order, and nothing acknowledged before its last write', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 3, maxLength: 40 }), async (steps) => {
        const files = createTestFiles();
        let run = start({ files, boot: 'run00000', settings: { bytes: 200_000 } });
        let runs = 0;
        const added: string[] = [];
        const acknowledged = new Set<string>();
        /** Acknowledged since the last write; of these a killed agent's successor knows nothing. */
        let unsure = new Set<string>();
        const unwritten = new Set<string>();
        const restart = () => {
          run = start({ files, boot: `run${String(++runs).padStart(5, '0')}`, settings: { bytes: 200_000 } });
        };
        const add = () => {
          const item = run.add();
          // Who is killed in the middle of an append has told nobody of that row.
          if (files.dead) throw new Killed();
          added.push(identityOf(item));
          unsure = new Set();
          return item;
        };
        const take = (items: readonly SpoolItem[]) => {
          run.spool.remove(items);
          for (const item of items) {
            acknowledged.add(identityOf(item));
            unsure.add(identityOf(item));
            unwritten.delete(identityOf(item));
          }
        };
        const act = async ({ do: what, n }: { do: string; n: number }) => {
          if (what === 'add') for (let k = 0; k < n; k++) add();
          if (what === 'drain') take(run.spool.oldest({ items: n, bytes: 64_000 }));
          if (what === 'live') for (let k = 0; k < n; k++) take([add()]);
          if (what === 'stop') {
            await run.spool.close();
            unsure = new Set();
            restart();
          }
          if (what === 'kill') {
            files.killAfter(n);
            for (;;) take([add()]);
          }
        };
        for (const one of steps) {
          try {
            await act(one);
          } catch (error) {
            if (!(error instanceof Killed)) throw error;
            for (const id of unsure) unwritten.add(id);
            restart();
          }
        }
        const left = drain(run.spool).map(identityOf);
        expect(new Set(left).size).toBe(left.length);
        const owed = added.filter((id) => !acknowledged.has(id));
        const known = new Set(added);
        const surplus = new Set([...acknowledged].filter((id) => unsure.has(id) || unwritten.has(id)));
        expect(left.filter((id) => known.has(id) && !surplus.has(id))).toEqual(owed);
        expect(run.drops).toEqual([]);
      }),
      { numRuns: 150 },
    );
  });

  it('never fails for a damaged byte, and loses little more than its row', async () => {
    const original = start({});
    for (let n = 0; n < 300; n++) original.spool.remove([original.add()].filter(() => n % 3 === 0));
    const owed = seqs(original.spool.oldest({ items: 1_000, bytes: 1_000_000 }));
    const [[name, whole] = ['', Buffer.alloc(0)]] = original.files.contents;
    fc.assert(
      fc.property(fc.integer({ min: 0, max: whole.length - 1 }), fc.integer({ min: 1, max: 255 }), (at, bits) => {
        const files = createTestFiles();
        const damaged = Buffer.from(whole);
        damaged[at] = (damaged[at] ?? 0) ^ bits;
        files.contents.set(name, damaged);
        const { spool, drops, add } = start({ files, boot: 'ijklmnop' });
        add();
        const found = drain(spool).filter(({ boot }) => boot === 'abcdefgh');
        const missing = owed.filter((seq) => !seqs(found).includes(seq));
        expect(missing.length).toBeLessThanOrEqual(2);
        expect(seqs(found)).toEqual([...seqs(found)].sort((a, b) => a - b));
        if (missing.length > 0) expect(drops.length + (at > whole.length - 200 ? 1 : 0)).toBeGreaterThan(0);
        expect(spool.length).toBe(0);
      }),
      { numRuns: 400 },
    );
  });

  it('takes any bytes for a folder', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 4 }), (parts) => {
        const files = createTestFiles();
        for (const [n, part] of parts.entries()) files.contents.set(`0000000${n}.seg`, Buffer.from(part));
        const { spool, add } = start({ files });
        add();
        expect(seqs(drain(spool))).toEqual([1]);
      }),
      { numRuns: 200 },
    );
  });
});

describe('what the spool gives up', () => {
  it('is told as an event soon, then at most once an hour, by reason', () => {
    const clock = createTestClock(NOW);
    const { spool } = start({});
    const { log } = keepingLog();
    const events: string[] = [];
    const report = createDropReport({ spool, clock, log, report: (event, detail) => events.push(`${event}: ${detail}`) });
    for (let n = 0; n < 100; n++) {
      spool.dropped.emit({ items: 2, from: NOW, to: NOW + 1_000, why: 'full' });
      clock.advance(60_000);
    }
    report.stop();
    expect(events).toHaveLength(2);
    expect(events[0]).toBe(
      'spool_dropped: 2 rows and messages from 2026-06-01T00:00:00.000Z to 2026-06-01T00:00:01.000Z were given up: the spool was full',
    );
    expect(events[1]).toContain('spool_dropped: 120 rows');
  });
});
