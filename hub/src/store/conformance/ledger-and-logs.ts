import { expect, it } from 'vitest';
import type { Change, LogName } from '../store.js';
import { type Bench, entry, START } from './subject.js';

const record = (number: number, extra: Partial<Extract<Change, { kind: 'log' }>> = {}): Change => ({
  kind: 'log',
  log: 'alerts',
  number,
  ts: START + number,
  device: number % 2 ? 'pi-1' : null,
  value: { number, text: `event ${number}` },
  ...extra,
});
const numbers = (records: { number: number }[]): number[] => records.map(({ number }) => number);
const upTo = (n: number): number[] => Array.from({ length: n }, (_, index) => index + 1);

export const logCases = (bench: Bench): void => {
  it('reads a log after a number, in order, with the records as they were written', async () => {
    await bench.engine().commit(upTo(6).map((number) => record(number)));
    const read = await bench.engine().log({ log: 'alerts', after: 2, limit: 3 });
    expect(numbers(read)).toEqual([3, 4, 5]);
    expect(read[0]).toEqual({ number: 3, ts: START + 3, device: 'pi-1', value: { number: 3, text: 'event 3' } });
    expect(await bench.engine().log({ log: 'audit', after: 0, limit: 3 })).toEqual([]);
  });

  it('reads newest first, on from a number, and of one device', async () => {
    await bench.engine().commit(upTo(6).map((number) => record(number)));
    const newest = (after: number) => bench.engine().log({ log: 'alerts', after, limit: 2, newest: true });
    expect(numbers(await newest(0))).toEqual([6, 5]);
    expect(numbers(await newest(5))).toEqual([4, 3]);
    expect(numbers(await bench.engine().log({ log: 'alerts', after: 1, limit: 9, device: 'pi-1' }))).toEqual([3, 5]);
  });

  it('keeps at most the newest records that were asked for', async () => {
    for (const number of upTo(20)) await bench.engine().commit([record(number, { log: 'quarantine', keep: 5 })]);
    expect(numbers(await bench.engine().log({ log: 'quarantine', after: 0, limit: 100 }))).toEqual([16, 17, 18, 19, 20]);
  });

  it('recovers the newest number of every log', async () => {
    await bench.engine().commit([...upTo(3).map((number) => record(number)), record(7, { log: 'quarantine', keep: 1 })]);
    const expected: Record<LogName, number> = { alerts: 3, audit: 0, quarantine: 7 };
    expect((await bench.reopen()).numbers).toEqual(expected);
  });
};

export const entryCases = (bench: Bench): void => {
  const ids = async (query: object = {}) => (await bench.engine().entries({ limit: 100, ...query })).map(({ id }) => id);

  it('stores an entry once per id and gives it back exactly', async () => {
    const amount = `9${'0'.repeat(60)}1`;
    await bench.engine().commit([entry('e1', { amount, exact: false }), entry('e1', { amount: '5' })]);
    await bench.engine().commit([entry('e1', { amount: '7' })]);
    const [only, ...more] = await bench.engine().entries({ limit: 10 });
    expect(more).toEqual([]);
    expect(only).toEqual({ ...(entry('e1') as Extract<Change, { kind: 'entry' }>).entry, amount, exact: false });
  });

  it('filters by time, device, network and opening', async () => {
    await bench
      .engine()
      .commit([
        entry('e1', { ts: START, kind: 'opening' }),
        entry('e2', { ts: START + 10, device: 'pi-2' }),
        entry('e3', { ts: START + 20, network: 'helium', amount: '-4', kind: 'correction' }),
      ]);
    expect(await ids()).toEqual(['e1', 'e2', 'e3']);
    expect(await ids({ from: START + 10, to: START + 20 })).toEqual(['e2']);
    expect(await ids({ device: 'pi-2' })).toEqual(['e2']);
    expect(await ids({ network: 'helium' })).toEqual(['e3']);
    expect(await ids({ without_opening: true })).toEqual(['e2', 'e3']);
  });

  it('pages by time and id, none twice and none missed', async () => {
    const all = upTo(23).map((n) => entry(`e${n}`, { ts: START + (n % 4) }));
    await bench.engine().commit(all);
    const seen: string[] = [];
    for (let page = await ids({ limit: 5 }); page.length; page = await ids({ limit: 5, after: seen.at(-1) })) seen.push(...page);
    expect(seen).toEqual(await ids());
    expect(new Set(seen).size).toBe(23);
  });

  it('refuses to go on after an entry that it does not have', async () => {
    await expect(ids({ after: 'nobody' })).rejects.toMatchObject({ code: 'bad_request' });
  });
};
