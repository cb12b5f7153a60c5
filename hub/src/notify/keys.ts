/** Keys that the hub makes once for itself and keeps. */
import type { Recovered } from '../store/store.js';
import type { Papers } from './papers.js';

const COLLECTION = 'notify';

/** Read from what was stored, else made by `make` when it is first needed, and stored. */
export const createKeptKey = (
  { papers, documents }: { papers: Papers; documents: Recovered['documents'] },
  name: string,
  make: () => string,
): (() => string) => {
  const found = documents.find(({ collection, key }) => collection === COLLECTION && key === name)?.value;
  let value = typeof found === 'string' ? found : null;
  return () => {
    if (value !== null) return value;
    const made = make();
    papers.put(COLLECTION, name, () => made);
    value = made;
    return made;
  };
};
