import { describeEngine } from '../../conformance.js';
import { createFolder } from '../../testing/folder.js';
import { createSqliteEngine } from './index.js';

describeEngine('sqlite', async () => {
  const folder = createFolder();
  const create = () => createSqliteEngine({ file: folder.path('store.db') });
  return { engine: create(), reopen: async () => create(), cleanup: async () => folder.remove() };
});
