import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { createSpoolFiles } from './files.js';
import { holderOf, lockFolder } from './lock.js';
import { createSpans } from './spans.js';

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

describe('a folder', () => {
  it('belongs to one agent at a time, and to the next after a crash', () => {
    const folder = mkdtempSync(join(tmpdir(), 'muster-spool-'));
    folders.push(folder);
    expect(holderOf(folder)).toBeNull();
    const release = lockFolder(folder);
    expect(holderOf(folder)).toBe(process.pid);
    expect(() => lockFolder(folder)).toThrow(`Another agent (process ${process.pid}) already uses ${folder}`);
    release();
    lockFolder(folder)();
    const files = createSpoolFiles(folder);
    const file = files.open('lock');
    files.write(file, Buffer.from('999999 some-boot 12345'), 0);
    files.close(file);
    expect(holderOf(folder)).toBeNull();
    lockFolder(folder)();
  });
});

describe('a set of byte ranges', () => {
  it('equals a plain set of bytes', () => {
    const range = fc.tuple(fc.integer({ min: 0, max: 60 }), fc.integer({ min: 0, max: 20 }));
    fc.assert(
      fc.property(fc.array(range, { maxLength: 30 }), (ranges) => {
        const spans = createSpans();
        const plain = new Set<number>();
        for (const [from, length] of ranges) {
          spans.add(from, from + length);
          for (let at = from; at < from + length; at++) plain.add(at);
        }
        for (let at = 0; at < 90; at++) {
          expect(spans.has(at)).toBe(plain.has(at));
          let gap = at;
          while (plain.has(gap)) gap++;
          expect(spans.gapFrom(at)).toBe(gap);
        }
        expect(spans.list().every(([from], n, all) => n === 0 || (all[n - 1]?.[1] ?? 0) < from)).toBe(true);
      }),
    );
  });
});
