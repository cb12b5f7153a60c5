import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalKey, counter, gauge, parseLabels, parseSeriesKey, roundTo, seriesKey, undeclared } from './metrics.js';

const metric = fc.stringMatching(/^[a-z][a-z0-9_.-]{0,20}$/).filter((id) => id !== 'constructor' && id !== 'prototype');
const labels = fc.dictionary(fc.stringMatching(/^[a-z][a-z0-9_.]{0,10}$/), fc.string({ unit: 'grapheme', maxLength: 20 }), {
  maxKeys: 4,
});

describe('series keys', () => {
  it('are metric and labels in order', () => {
    expect(seriesKey('hw.temperature')).toBe('hw.temperature');
    expect(seriesKey('system.network.io', { direction: 'receive', device: 'eth0' })).toBe(
      'system.network.io{device=eth0,direction=receive}',
    );
  });

  it('encode what would break them', () => {
    const key = seriesKey('disk.free', { path: 'a,b={c}%\n' });
    expect(key).toBe('disk.free{path=a%2Cb%3D%7Bc%7D%25%0A}');
    expect(parseSeriesKey(key)?.labels['path']).toBe('a,b={c}%\n');
  });

  it('are read back as they were made', () => {
    fc.assert(
      fc.property(metric, labels, (id, named) => {
        const parsed = parseSeriesKey(seriesKey(id, named));
        expect(parsed?.metric).toBe(id);
        expect({ ...parsed?.labels }).toEqual({ ...named });
      }),
    );
  });

  it('any text is a key or null, never a throw; a key in order stays as it is', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom('a', 'b', '{', '}', '=', ',', '%', '2', 'C', '.', 'é') }), (text) => {
        const parsed = parseSeriesKey(text);
        if (parsed) expect(canonicalKey(canonicalKey(text))).toBe(canonicalKey(text));
        else expect(canonicalKey(text)).toBe(text);
      }),
      { numRuns: 2_000 },
    );
  });

  it('with labels out of order mean the same series', () => {
    expect(canonicalKey('a{y=2,x=1}')).toBe('a{x=1,y=2}');
  });

  it.each(['', 'A', '1a', 'a{', 'a{b}', 'a{b=c', 'a}', 'a{b=%}', 'a{b=1,b=2}', 'a{=1}', 'a{b=1,}', 'constructor', 'é'])(
    '%j is none',
    (text) => expect(parseSeriesKey(text)).toBeNull(),
  );

  it('labels alone are read for queries', () => {
    expect({ ...parseLabels('zone=cpu,core=1') }).toEqual({ zone: 'cpu', core: '1' });
    expect({ ...parseLabels('') }).toEqual({});
    expect(parseLabels('zone')).toBeNull();
  });
});

describe('declarations', () => {
  it('hold kind, unit and title', () => {
    expect(gauge('Cel', 'Temperature')).toEqual({ kind: 'gauge', unit: 'Cel', title: 'Temperature' });
    expect(counter('By', 'Traffic', { resolution: 1024 })).toMatchObject({ kind: 'counter', resolution: 1024 });
    expect(undeclared('my.metric')).toEqual({ kind: 'gauge', unit: '1', title: 'my.metric' });
  });
});

describe('rounding at the source', () => {
  it('gives the nearest step without binary dust', () => {
    expect(roundTo(0.30000000000000004, 0.1)).toBe(0.3);
    expect(roundTo(1500, 1024)).toBe(1024);
    expect(roundTo(-1.26, 0.5)).toBe(-1.5);
  });

  it('without a step changes nothing', () => {
    expect(roundTo(1.23456789, undefined)).toBe(1.23456789);
    expect(roundTo(1.5, 0)).toBe(1.5);
  });

  it('is at most half a step away and rounding again changes nothing', () => {
    fc.assert(
      fc.property(fc.integer({ min: -1e9, max: 1e9 }), fc.constantFrom(0.001, 0.01, 0.5, 1, 1024), (raw, step) => {
        const rounded = roundTo(raw / 7, step);
        expect(Math.abs(rounded - raw / 7)).toBeLessThanOrEqual(step * 0.5001);
        expect(roundTo(rounded, step)).toBe(rounded);
      }),
    );
  });
});
