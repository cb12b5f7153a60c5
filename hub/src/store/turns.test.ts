import { expect, it } from 'vitest';
import { createTurns } from './turns.js';

/** Work that ends when the test says so. */
const createWork = () => {
  const ends: ((value: string) => void)[] = [];
  return { ends, work: () => new Promise<string>((resolve) => ends.push(resolve)) };
};
const turn = () => new Promise((resolve) => setImmediate(resolve));

it('runs as many at once as it may, the others in order of arrival', async () => {
  const turns = createTurns({ at_once: 2, most: 9 });
  const { ends, work } = createWork();
  const answers = [turns.run(work), turns.run(work), turns.run(work)];
  await turn();
  expect([ends.length, turns.open]).toEqual([2, 3]);
  ends[1]?.('second');
  expect(await answers[1]).toBe('second');
  await turn();
  expect(ends).toHaveLength(3);
  ends[0]?.('first');
  ends[2]?.('third');
  expect(await Promise.all(answers)).toEqual(['first', 'second', 'third']);
  expect(turns.open).toBe(0);
});

it('refuses more than it has room for, and takes more when there is room again', async () => {
  const turns = createTurns({ at_once: 1, most: 2 });
  const { ends, work } = createWork();
  const [first, second] = [turns.run(work), turns.run(async () => 'waited')];
  await expect(turns.run(work)).rejects.toMatchObject({ code: 'busy' });
  await turn();
  ends[0]?.('done');
  expect(await Promise.all([first, second])).toEqual(['done', 'waited']);
  expect(await turns.run(async () => 'again')).toBe('again');
});

it('never begins what was called off before its turn', async () => {
  const turns = createTurns({ at_once: 1, most: 5 });
  const { ends, work } = createWork();
  const gone = new AbortController();
  const first = turns.run(work);
  const second = turns.run(async () => expect.fail('it was called off'), gone.signal);
  gone.abort(new Error('the client went away'));
  await expect(second).rejects.toThrow('went away');
  expect(turns.open).toBe(1);
  ends[0]?.('done');
  await first;
  await expect(turns.run(work, gone.signal)).rejects.toThrow('went away');
  expect(turns.open).toBe(0);
});

it('goes on after work that fails', async () => {
  const turns = createTurns({ at_once: 1, most: 5 });
  const failed = turns.run(() => Promise.reject(new Error('torn')));
  const next = turns.run(async () => 'fine');
  await expect(failed).rejects.toThrow('torn');
  expect(await next).toBe('fine');
});
