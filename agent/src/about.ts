import type { About } from '@muster/shared/wire/messages';
import { plainFacts, type ReadInventory } from './inventory.js';
import type { Task } from './schedule.js';

/** What is known about this machine, read anew every hour and on command. */
export interface AboutThisMachine {
  now(): About;
  read(): Promise<void>;
  task: Task;
  stop(): void;
}

const EVERY_MS = 3_600_000;

export const createAbout = (inventory: ReadInventory, changed: () => void): AboutThisMachine => {
  const ended = new AbortController();
  let about = plainFacts();
  const read = async () => {
    const found = await inventory(ended.signal);
    if (ended.signal.aborted || JSON.stringify(found) === JSON.stringify(about)) return;
    about = found;
    changed();
  };
  const run = async () => {
    await read();
    return EVERY_MS;
  };
  return { now: () => about, read, task: { name: 'inventory', first_ms: 0, run }, stop: () => ended.abort() };
};
