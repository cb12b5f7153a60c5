import type { Change } from '../store.js';

interface Held {
  changes: readonly Change[];
  answer: (error?: unknown) => void;
}

/** An engine whose commits end when the test says so. */
export const createHandEngine = () => {
  const held: Held[] = [];
  const commits: (readonly Change[])[] = [];
  return {
    commits,
    get open() {
      return held.length;
    },
    commit: (changes: readonly Change[]): Promise<void> =>
      new Promise((resolve, reject) => {
        commits.push(changes);
        held.push({ changes, answer: (error) => (error ? reject(error) : resolve()) });
      }),
    /** Ends the oldest open commit and lets everything that follows happen. */
    async answer(error?: unknown): Promise<void> {
      held.shift()?.answer(error);
      await turn();
    },
  };
};

/** Until all promises that can settle have settled. */
export const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
