import { describe, expect, it } from 'vitest';
import { createHandWriter } from '../hand-writer.js';
import { INGEST_LIMITS } from './limits.js';
import { createQuarantine, type Problem } from './quarantine.js';

const setUp = () => {
  let now = 1_000;
  const quarantine = createQuarantine({ writer: createHandWriter(), now: () => now });
  const put = (more: Partial<Problem> = {}) =>
    quarantine.put({ device: 'pi', agent: 'pi', reason: 'not_json', detail: 'no JSON', payload: Buffer.from('{oops'), ...more });
  return {
    quarantine,
    put,
    wait: (ms: number) => {
      now += ms;
    },
  };
};

describe('quarantine', () => {
  it('keeps reason, sender and a sample, numbered', () => {
    const { put } = setUp();
    expect(put()).toEqual({
      kind: 'log',
      log: 'quarantine',
      number: 1,
      ts: 1_000,
      device: 'pi',
      keep: INGEST_LIMITS.quarantined,
      value: { agent: 'pi', reason: 'not_json', detail: 'no JSON', bytes: 5, payload: '{oops' },
    });
  });

  it('cuts the sample and takes any bytes', () => {
    const { put } = setUp();
    const change = put({ payload: Buffer.alloc(100_000, 0xff), detail: 'x'.repeat(9_000) });
    expect(JSON.stringify(change).length).toBeLessThan(4_000);
    expect(change).toMatchObject({ value: { bytes: 100_000 } });
  });

  it('stores at most ten a second and counts all by reason', () => {
    const { quarantine, put, wait } = setUp();
    const kept = Array.from({ length: 50 }, () => put());
    expect(kept.filter(Boolean)).toHaveLength(INGEST_LIMITS.quarantined_per_s);
    wait(1_000);
    expect(put({ reason: 'clock' })).toMatchObject({ number: 11 });
    expect(quarantine.counts()).toEqual({ not_json: 50, clock: 1 });
  });
});
