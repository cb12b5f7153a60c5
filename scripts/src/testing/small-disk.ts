/** Fills a store on a file system of a few MB until it is full, makes room, and goes on: FOLDER. Prints what became of the rows. */
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createSqliteEngine } from '@muster/hub/store/engines/sqlite/index';
import { asAppError } from '@muster/shared/errors';
import { changesOf, groupsOf, workAll } from '../bench/store/feed.js';
import { type Report, reportsOf } from '../bench/store/reports.js';

export interface SmallDisk {
  /** Codes of refused commits, one each. */
  refused: string[];
  acknowledged: number;
  /** Of those, what is there while it runs, and after a new start. */
  stored: number;
  stored_later: number;
  faults: string[];
}

const DEVICES = 20;
const FILLER_BYTES = 1_000_000;
const TRIES_WHILE_FULL = 20;
const GROUPS_AFTER = 50;
const FROM = Date.UTC(2026, 5, 1);

const [folder = ''] = process.argv.slice(2);
const filler = join(folder, 'filler');
const file = join(folder, 'store.db');

const run = async (): Promise<SmallDisk> => {
  const clock = { now: FROM };
  const engine = createSqliteEngine({ file }, () => clock.now);
  writeFileSync(filler, Buffer.alloc(FILLER_BYTES, 1));
  await engine.open();
  const refused: string[] = [];
  const acknowledged: Report[] = [];
  const store = async (group: readonly Report[]): Promise<boolean> => {
    clock.now = Math.max(clock.now, group.at(-1)?.arrived ?? 0);
    try {
      await engine.commit(changesOf(group));
      acknowledged.push(...group);
      return true;
    } catch (error) {
      refused.push(asAppError(error).code);
      return false;
    } finally {
      await workAll(engine, clock.now);
    }
  };
  const plan = { devices: DEVICES, seed: 3, from: FROM, beats: 100_000, every_ms: 10_000 };
  const groups = groupsOf(reportsOf({ ...plan, grain: 'native', irregular: false }), { items: 500, ms: 300_000 });
  const next = () => groups.next().value as Report[];
  let waiting = next();
  while (await store(waiting)) waiting = next();
  for (let tries = 0; tries < TRIES_WHILE_FULL; tries++) if (await store(waiting)) waiting = next();
  rmSync(filler);
  for (let done = 0; done < GROUPS_AFTER && refused.length < 1_000; ) {
    if (!(await store(waiting))) continue;
    waiting = next();
    done += 1;
  }
  const stored = await countStored(engine, acknowledged);
  const faults = await engine.verify();
  await engine.close();
  const again = createSqliteEngine({ file }, () => clock.now);
  await again.open();
  const stored_later = await countStored(again, acknowledged);
  faults.push(...(await again.verify()));
  await again.close();
  return { refused, acknowledged: acknowledged.length, stored, stored_later, faults };
};

type Rows = ReturnType<typeof createSqliteEngine>['rows'];

const countStored = async ({ rows }: { rows: Rows }, reports: readonly Report[]): Promise<number> => {
  const wanted = new Map<string, Set<number>>();
  for (const { device, ts } of reports) wanted.set(device, (wanted.get(device) ?? new Set()).add(ts));
  let found = 0;
  for (const [device, times] of wanted)
    for (let page = await rows(device, 0, 5_000); page.length; page = await rows(device, page.at(-1)?.ts ?? 0, 5_000))
      for (const { ts } of page) if (times.delete(ts)) found += 1;
  return found;
};

process.stdout.write(`${JSON.stringify(await run())}\n`);
