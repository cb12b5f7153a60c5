import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readRenderLog } from './lib/render-log.js';
import { partsOf } from './lib/render-split.js';

describe('the log of a rendering client', () => {
  it('tells frames and their time without the dust of doubles, and forgets a streak of failures after a frame that went well', () => {
    const done = (seconds: string) =>
      `2025-10-23 14:05:47 INFO: [1] sent render finished, job completed successfully (render time ${seconds} seconds)`;
    const failed = '2025-10-23 14:06:02 ERROR: [1] job failed';
    const log = readRenderLog([failed, failed, done('0.1'), done('0.2'), failed, 'half a li'].join('\r\n'));
    expect(log).toMatchObject({ frames_ok: 2, frames_failed: 3, failing_streak: 1, render_seconds: 0.3, ends_in_error: true });
    expect(log.median_seconds).toBe(0.2);
  });

  it('of a client that just began tells nothing that it does not know', () => {
    expect(readRenderLog('')).toMatchObject({ usable_gpus: null, last_local: null, median_seconds: null, frames_ok: 0 });
  });
});

describe('the split of a payout by weight', () => {
  it('adds up to the last base unit, whatever the weights', () => {
    const weights = fc.uniqueArray(fc.tuple(fc.string(), fc.integer({ min: 1, max: 1_000_000_000 })), {
      minLength: 1,
      maxLength: 20,
      selector: ([name]) => name,
    });
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 2n ** 200n }), weights, (amount, list) => {
        const parts = [...partsOf(amount, new Map(list)).values()];
        expect(parts.reduce((sum, part) => sum + part, 0n)).toBe(amount);
        expect(parts.every((part) => part >= 0n)).toBe(true);
      }),
    );
  });
});
