import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { INGEST_LIMITS } from './limits.js';
import { createSequences, insert, remove } from './sequence.js';

const isSound = (spans: readonly number[]): boolean => {
  for (let at = 0; at < spans.length; at += 2) {
    const [from = 0, to = 0, next = Number.POSITIVE_INFINITY] = spans.slice(at, at + 3);
    if (from > to || to + 1 >= next) return false;
  }
  return spans.length % 2 === 0;
};

describe('spans', () => {
  it('hold exactly the numbers that were inserted, in as few spans as there can be', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 60 }), { maxLength: 120, size: 'max' }), (seqs) => {
        const spans: number[] = [];
        const plain = new Set<number>();
        for (const seq of seqs) {
          expect(insert(spans, seq)).toBe(!plain.has(seq));
          plain.add(seq);
        }
        const held = [];
        for (let at = 0; at < spans.length; at += 2)
          for (let seq = spans[at] ?? 0; seq <= (spans[at + 1] ?? 0); seq++) held.push(seq);
        expect(held).toEqual([...plain].sort((a, b) => a - b));
        expect(isSound(spans)).toBe(true);
      }),
    );
  });
});

describe('spans that numbers are taken back from', () => {
  it('hold what is left', () => {
    const step = fc.record({ seq: fc.integer({ min: 1, max: 20 }), back: fc.boolean() });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80, size: 'max' }), (steps) => {
        const spans: number[] = [];
        const plain = new Set<number>();
        for (const { seq, back } of steps) {
          if (back) {
            remove(spans, seq);
            plain.delete(seq);
          } else {
            expect(insert(spans, seq)).toBe(!plain.has(seq));
            plain.add(seq);
          }
        }
        const held = [];
        for (let at = 0; at < spans.length; at += 2)
          for (let seq = spans[at] ?? 0; seq <= (spans[at + 1] ?? 0); seq++) held.push(seq);
        expect(held).toEqual([...plain].sort((a, b) => a - b));
      }),
    );
  });
});

describe('sequences', () => {
  it('know what was added, per device and boot', () => {
    const sequences = createSequences([], () => 0);
    expect(sequences.add('a', 'x', 1)).toBe('new');
    expect(sequences.add('a', 'x', 1)).toBe('known');
    expect(sequences.add('a', 'y', 1)).toBe('new');
    expect(sequences.add('b', 'x', 1)).toBe('new');
  });

  it('start from what the store recovered, in whatever order', () => {
    const intervals: [number, number][] = [
      [10, 20],
      [1, 5],
    ];
    const sequences = createSequences([{ device: 'a', boot: 'x', intervals }], () => 0);
    const found = [1, 5, 6, 9, 10, 20, 21].map((seq) => sequences.add('a', 'x', seq));
    expect(found).toEqual(['known', 'known', 'new', 'new', 'known', 'known', 'new']);
  });

  it('forget a boot that was not heard of for 30 days, and keep one that was', () => {
    let now = 0;
    const sequences = createSequences([], () => now);
    sequences.add('a', 'old', 1);
    sequences.add('a', 'kept', 1);
    now = 20 * 86_400_000;
    sequences.add('a', 'kept', 2);
    now = 31 * 86_400_000;
    expect(sequences.add('b', 'x', 1)).toBe('new');
    expect(sequences.add('a', 'kept', 1)).toBe('known');
    expect(sequences.add('a', 'old', 1)).toBe('new');
  });

  it('drop and count the oldest boots of a device that has too many intervals', () => {
    const sequences = createSequences([], () => 0);
    sequences.add('other', 'x', 1);
    for (let seq = 1; seq <= INGEST_LIMITS.intervals * 2; seq += 2) sequences.add('a', 'first', seq);
    sequences.add('a', 'second', 1);
    expect(sequences.dropped).toBe(1);
    expect(sequences.add('a', 'second', 1)).toBe('known');
    expect(sequences.add('a', 'first', 1)).toBe('new');
    expect(sequences.add('other', 'x', 1)).toBe('known');
  });

  it('stay bounded when every row has a boot of its own, or every second number is missing', () => {
    const sequences = createSequences([], () => 0);
    for (let at = 0; at < INGEST_LIMITS.intervals + 100; at++) sequences.add('a', `boot${at}`, 1);
    expect(sequences.dropped).toBe(100);
    const other = createSequences([], () => 0);
    for (let at = 0; at < INGEST_LIMITS.intervals + 100; at++) other.add('a', 'x', at * 2 + 1);
    expect(other.dropped).toBe(100);
    expect(other.add('a', 'x', (INGEST_LIMITS.intervals + 99) * 2 + 1)).toBe('known');
  });

  it('of a removed device are gone', () => {
    const sequences = createSequences([], () => 0);
    sequences.add('a', 'x', 1);
    sequences.forget('a');
    expect(sequences.add('a', 'x', 1)).toBe('new');
  });
});
