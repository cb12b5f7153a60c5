import { describeEngine } from '../conformance.js';
import { createMemoryEngine } from './memory.js';

describeEngine('memory', async () => {
  const engine = createMemoryEngine();
  return { engine, reopen: async () => engine, cleanup: async () => {} };
});
