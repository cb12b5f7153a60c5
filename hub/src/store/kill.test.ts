import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { builtUrl } from './built.js';
import { createSqliteEngine } from './engines/sqlite/index.js';
import { createFolder } from './testing/folder.js';

const child = fileURLToPath(builtUrl(import.meta.url, './testing/kill-child.js'));

/** Runs the child until it has acknowledged `enough`, kills it at once, and answers every seq that it has printed. */
const runAndKill = async (file: string, boot: string, enough: number): Promise<number[]> => {
  const running = spawn(process.execPath, [child, file, boot], { stdio: ['ignore', 'pipe', 'inherit'], execArgv: [] } as object);
  const acknowledged: number[] = [];
  const exited = new Promise<void>((resolve) => running.on('exit', () => resolve()));
  for await (const line of createInterface({ input: running.stdout as NodeJS.ReadableStream })) {
    acknowledged.push(Number(line));
    if (acknowledged.length === enough) running.kill('SIGKILL');
  }
  await exited;
  return acknowledged;
};

it('has every acknowledged row after SIGKILL at random moments, and none twice', async () => {
  const folder = createFolder();
  const file = folder.path('store.db');
  const moments = fc.sample(fc.integer({ min: 1, max: 400 }), 10);
  let rows = 0;
  for (const [index, enough] of moments.entries()) {
    const boot = `boot${index}aaa`;
    const acknowledged = await runAndKill(file, boot, enough);
    expect(acknowledged.length).toBeGreaterThanOrEqual(enough);
    const engine = createSqliteEngine({ file });
    const { sequences } = await engine.open();
    const stored = sequences.find((one) => one.boot === boot)?.intervals ?? [];
    expect(stored).toHaveLength(1);
    expect(stored[0]?.[0]).toBe(1);
    expect(stored[0]?.[1]).toBeGreaterThanOrEqual(Math.max(...acknowledged));
    rows += stored[0]?.[1] ?? 0;
    expect((await engine.stats()).rows).toBe(rows);
    expect(await engine.verify()).toEqual([]);
    await engine.close();
  }
  folder.remove();
}, 60_000);
