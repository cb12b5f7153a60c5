import { expect, it } from 'vitest';
import { createFresh } from './fresh.js';
import type { SpoolRow } from './spool.js';

let seq = 0;
const row = (device: string): SpoolRow => ({
  ...{ kind: 'row', device, boot: 'aaaaaaaa', seq: ++seq },
  ...{ ts: seq, columns: '00000000', values: '[]' },
});

it('rows of carried devices wait for the next row of their agent, and stand behind it', () => {
  const fresh = createFresh();
  const [roof, van, own] = [row('roof'), row('van'), row('pi-1')];
  fresh.hold(roof);
  fresh.hold(van);
  expect([fresh.has(roof), fresh.first(10)]).toEqual([true, []]);
  fresh.add(own);
  expect(fresh.first(10)).toEqual([own, roof, van]);
  expect(fresh.first(2)).toEqual([own, roof]);
  fresh.remove([own, roof]);
  expect([fresh.first(10), fresh.has(own)]).toEqual([[van], false]);
});

it('beyond 32 rows of the agent or 1,500 in all the oldest are left to back-fill', () => {
  const fresh = createFresh();
  const rows = Array.from({ length: 40 }, () => row('pi-1'));
  for (const one of rows) fresh.add(one);
  expect(fresh.first(100)).toEqual(rows.slice(8));
  const many = Array.from({ length: 2_000 }, () => row('van'));
  for (const one of many) fresh.hold(one);
  expect(fresh.has(many[499] ?? row('van'))).toBe(false);
  const next = row('pi-1');
  fresh.add(next);
  expect(fresh.first(3)).toEqual([next, many[500], many[501]]);
});
