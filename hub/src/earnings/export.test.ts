import { textCell } from '@muster/shared/text';
import { describe, expect, it } from 'vitest';
import type { ExportFormat } from '../parts.js';
import { createFiatHarness, DAY, income, TODAY } from './testing/fiat.js';

const filled = async () => {
  const hub = createFiatHarness();
  hub.device('pi', { name: '=cmd|"calc"' });
  await hub.prices({ STORJ: '0.5' });
  const big = 123_456_789_012_345_678_901_234_567n;
  hub.earn(income('pi', big, { id: 'x-1', account: '+1', token: 'DIMO', decimals: 18, network: 'dimo', ts: TODAY - DAY }));
  hub.earn(income('pi', 150_000_000n, { id: 'x-2', ts: TODAY }));
  hub.earn(income('pi', -50_000_000n, { id: 'x-3', kind: 'correction', ts: TODAY + 1, exact: false }));
  hub.earn(income('pi', 7n, { id: 'x-4', kind: 'opening', ts: TODAY }));
  const text = async (format: ExportFormat) => {
    let all = '';
    for await (const part of hub.book.export({ from: TODAY - 9 * DAY, to: TODAY + DAY, format })) all += part;
    return all;
  };
  return { hub, text };
};

describe('an export of receipts', () => {
  it('has every receipt at the value of its day, exact, with ids that stay the same, and no opening', async () => {
    const { hub, text } = await filled();
    const first = await text('generic');
    const [head, ...lines] = first.trimEnd().split('\r\n');
    expect(head).toContain('id,time,device,name');
    expect(lines).toEqual([
      `x-1,2026-01-30T00:00:00.000Z,pi,"'=cmd|""calc""",dimo,'+1,DIMO,123456789.012345678901234567,123456789012345678901234567,18,increase,exact,node,USD,,,,,,`,
      `x-2,2026-01-31T00:00:00.000Z,pi,"'=cmd|""calc""",storj,a,STORJ,1.5,150000000,8,increase,exact,node,USD,0.75000000,0.5,USD,fixed,2026-01-31,fixed`,
      `x-3,2026-01-31T00:00:00.001Z,pi,"'=cmd|""calc""",storj,a,STORJ,-0.5,-50000000,8,correction,estimated,node,USD,-0.25000000,0.5,USD,fixed,2026-01-31,fixed`,
    ]);
    hub.restart();
    expect(await text('generic')).toBe(first);
  });

  it('has the columns of Koinly and CoinTracking, with what went out on the other side', async () => {
    const { text } = await filled();
    const koinly = (await text('koinly')).split('\r\n');
    expect(koinly[2]).toBe(`2026-01-31 00:00:00 UTC,,,1.5,STORJ,,,0.75000000,USD,reward,"'=cmd|""calc"", storj",x-2`);
    expect(koinly[3]).toContain(',0.5,STORJ,,,,,0.25000000,USD,cost,');
    const tracking = (await text('cointracking')).split('\r\n');
    expect(tracking[2]).toBe(`Reward / Bonus,1.5,STORJ,,,,,storj,pi,"'=cmd|""calc""",2026-01-31 00:00:00,x-2,0.75000000,`);
    expect(tracking[3]).toContain('Other Fee,,,0.5,STORJ');
    for (const lines of [koinly, tracking]) expect(new Set(lines.filter(Boolean).map((line) => cells(line))).size).toBe(1);
  });

  it('is JSON with amounts as text and an unknown value as null', async () => {
    const { text } = await filled();
    const found = JSON.parse(await text('json')) as { id: string; amount: string; fiat: string | null }[];
    expect(found.map(({ id, amount, fiat }) => [id, amount, fiat])).toEqual([
      ['x-1', '123456789012345678901234567', null],
      ['x-2', '150000000', '0.75000000'],
      ['x-3', '-50000000', '-0.25000000'],
    ]);
  });
});

const cells = (line: string): number => line.replaceAll(/"([^"]|"")*"/g, '').split(',').length;

it('a cell of text is never a formula, and is quoted where it must be', () => {
  const cases = ['=1+1', '+1', '-1', '@x', '\tx', '\rx', 'a,b', 'a"b', 'a\nb', 'plain'];
  expect(cases.map(textCell)).toEqual(["'=1+1", "'+1", "'-1", "'@x", "'\tx", '"\'\rx"', '"a,b"', '"a""b"', '"a\nb"', 'plain']);
});
