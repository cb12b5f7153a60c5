import { START } from '../../conformance/subject.js';
import { describeEngine } from '../../conformance.js';
import type { Engine } from '../../store.js';
import { createFolder } from '../../testing/folder.js';
import { createSqliteEngine, type SqliteEngine } from './index.js';

const MINUTE = 60_000;

const createSubject = (now: () => number) => {
  const folder = createFolder();
  const create = () => createSqliteEngine({ file: folder.path('store.db') }, now);
  return { engine: create(), reopen: async () => create(), cleanup: async () => folder.remove() };
};

/** Does all that is due at these times, one after the other. */
const workThrough = (engine: SqliteEngine, times: readonly number[]): void => {
  for (const time of times) while (engine.work(time));
};

describeEngine('sqlite, rows in the head:', async () => createSubject(Date.now));

// Two hours after START some devices' windows are over, those of others are not.
describeEngine('sqlite, rows sealed and partly merged:', async () => {
  const times = [90, 100, 110, 120].map((minutes) => START + minutes * MINUTE);
  return {
    ...createSubject(() => START + 80 * MINUTE),
    settle: async (engine: Engine) => workThrough(engine as SqliteEngine, times),
  };
});

describeEngine('sqlite, rows merged:', async () => {
  const times = [12, 13, 14, 24].map((hours) => START + hours * 60 * MINUTE);
  return {
    ...createSubject(() => START + 60 * MINUTE),
    settle: async (engine: Engine) => workThrough(engine as SqliteEngine, times),
  };
});
