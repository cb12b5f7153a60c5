import { AppError } from '@muster/shared/errors';
import { expect, it } from 'vitest';
import { createHeads, type Head } from './head.js';
import type { PendingWindow } from './pending.js';
import { createWork, WORK_RULES, type WorkNeeds } from './work.js';

const START = 1_000_000_000_000;
const MINUTE = 60_000;
const diskFull = () => Object.assign(new Error('database or disk is full'), { code: 'SQLITE_FULL' });

/** A store whose parts only say what they were asked to do. */
const create = (overrides: Partial<WorkNeeds> = {}) => {
  const done: string[] = [];
  const heads = createHeads(() => new Uint32Array(0));
  const due: Head[] = [];
  const pending: PendingWindow[] = [];
  function* steps(name: string) {
    done.push(`${name} 1`);
    yield;
    done.push(`${name} 2`);
  }
  const needs: WorkNeeds = {
    heads,
    rebuild: () => false,
    dueHeads: (_now, stuck) => due.filter((head) => !stuck.has(head)),
    seal(queue) {
      const [head] = queue.slice(0, 1);
      done.push(`seal ${head?.device}`);
      if (head) due.splice(due.indexOf(head), 1);
      return 1;
    },
    duePending: () => pending.splice(0),
    compact: ({ device }) => steps(`merge ${device}`),
    trim: () => steps('trim'),
    sweep: () => steps('sweep'),
    ticks: () => 0,
    ...overrides,
  };
  const work = createWork(needs, WORK_RULES, START);
  const all = (now: number) => {
    while (work.slice(now));
    return done.splice(0);
  };
  return { work, all, due, heads, pending, done };
};

it('reads back what was in memory before anything else', () => {
  let left = 5;
  const { work, due, heads } = create({ rebuild: () => --left > 0, ticks: () => 5 - left });
  due.push(heads.place(1, 1));
  expect(work.recovered).toBe(false);
  while (!work.recovered) expect(work.slice(START)).toBe(true);
  expect(left).toBe(0);
});

it('seals, then merges, one bounded step at a time', () => {
  const { all, due, heads, pending } = create();
  due.push(heads.place(1, 1), heads.place(2, 1));
  pending.push({ device: 3, window: 1, since: 0, touched: 0 });
  expect(all(START)).toEqual(['seal 1', 'seal 2', 'merge 3 1', 'merge 3 2']);
});

it('trims and sweeps by the clock, and also when that was set back', () => {
  const { all } = create();
  expect(all(START)).toEqual([]);
  expect(all(START + 5 * MINUTE)).toEqual(['trim 1', 'trim 2']);
  expect(all(START + 10 * MINUTE)).toEqual(['trim 1', 'trim 2', 'sweep 1', 'sweep 2']);
  expect(all(START - 60 * MINUTE)).toEqual(['trim 1', 'trim 2', 'sweep 1', 'sweep 2']);
});

it('waits after a fault of the disk, then deletes before it adds', () => {
  let full = true;
  const { work, all, due, heads, done } = create({
    seal() {
      if (full) throw diskFull();
      done.push('seal');
      return due.splice(0).length;
    },
  });
  due.push(heads.place(1, 1));
  expect(all(START)).toEqual([]);
  expect(work.fault).toMatch(/full/);
  full = false;
  expect(all(START + 1_000)).toEqual([]);
  expect(all(START + 5_000)).toEqual(['trim 1', 'trim 2', 'sweep 1', 'sweep 2', 'seal']);
  expect(work.fault).toBeNull();
});

it('deletes first when a commit found the disk full', () => {
  const { work, all, due, heads } = create();
  all(START);
  due.push(heads.place(1, 1));
  work.makeRoom();
  expect(all(START + 1_000)).toEqual(['trim 1', 'trim 2', 'sweep 1', 'sweep 2', 'seal 1']);
});

it('leaves alone a head that cannot be sealed, seals the others, and says so', () => {
  const { work, all, due, heads, done } = create({
    seal(queue) {
      if (queue.some(({ device }) => device === 2)) throw new AppError('damaged', 'these rows cannot be read');
      for (const head of queue) {
        done.push(`seal ${head.device}`);
        due.splice(due.indexOf(head), 1);
      }
      return queue.length;
    },
  });
  due.push(...[1, 2, 3].map((device) => heads.place(device, 1)));
  expect(all(START)).toEqual(['seal 1', 'seal 3']);
  expect(work.fault).toMatch(/cannot be read/);
  due.push(heads.place(4, 1));
  expect(all(START + 1_000)).toEqual(['seal 4']);
});

it('seals the oldest rows early when the heads grow too large', () => {
  const asked: number[] = [];
  const { work, heads } = create({
    seal(queue) {
      asked.push(...queue.map(({ device }) => device));
      for (const head of queue) heads.remove(head);
      return queue.length;
    },
  });
  const bytes = new Uint8Array(WORK_RULES.head_bytes / 4 + 1);
  for (const device of [4, 3, 2, 1, 5, 6, 7, 8]) {
    const row = { list: 1, bytes, from: 0, to: bytes.length / 2, samples: 0, ts: START, journal: device, now: START };
    heads.append(heads.place(device, 1), { ...row, to: Math.floor(bytes.length) });
  }
  work.slice(START);
  work.slice(START + 1_000);
  expect(asked.slice(0, 2)).toEqual([1, 2]);
});
