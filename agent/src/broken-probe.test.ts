import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createSystemClock } from '@muster/shared/clock';
import { silentLog } from '@muster/shared/log';
import { gauge } from '@muster/shared/metrics';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { createHost } from './host.js';
import { defineProbe, type LineSource, type ProbeDeclaration } from './probe.js';
import uptime from './probes/uptime.js';
import { createRunner } from './runner.js';
import { createSeriesTable } from './series.js';

/** Real programs that misbehave, read by a real host: what else the agent reports goes on, and its own cost stays small. */
const open: (() => void)[] = [];
afterEach(() => {
  for (const close of open.splice(0).reverse()) close();
});

const folderWith = (program: string, script: string) => {
  const folder = mkdtempSync(join(tmpdir(), 'muster-broken-'));
  open.push(() => rmSync(folder, { recursive: true, force: true }));
  writeFileSync(join(folder, program), `#!/bin/sh\n${script}\n`);
  chmodSync(join(folder, program), 0o755);
  return folder;
};

/** As the GPU probe does: a program that is kept running, its newest line a number. */
const follower = defineProbe<{ source?: LineSource | null }>({
  id: 'follower',
  title: 'Follower',
  every: 250,
  metrics: { temperature: gauge('Cel', 'T') },
  memory: () => ({}),
  async read({ host, memory }) {
    memory.source ??= host.follow('sensor', []);
    const line = memory.source?.lines().at(-1);
    return line === undefined ? [] : [{ metric: 'temperature', value: Number(line) }];
  },
  close: ({ source }) => source?.stop(),
});

/** A program that is run for each read. */
const caller = defineProbe({
  id: 'caller',
  title: 'Caller',
  every: 250,
  deadline: 500,
  metrics: { temperature: gauge('Cel', 'T') },
  async read({ host }) {
    const result = await host.run('sensor', [], 300);
    if (result === null) throw new Error('the program was killed');
    return [{ metric: 'temperature', value: Number(result.text) }];
  },
});

const INTERVAL_MS = 250;

const startRunner = (script: string) => {
  const clock = createSystemClock();
  const host = createHost({ clock, program_folders: [folderWith('sensor', script)] });
  const series = createSeriesTable(clock);
  const probes = [follower, caller, { ...uptime, every: INTERVAL_MS }] as ProbeDeclaration[];
  const runner = createRunner({ probes, host, clock, log: silentLog, series }, { interval_ms: INTERVAL_MS });
  open.push(host.stop, runner.stop);
  let rows = 0;
  let missing = 0;
  const cycle = async () => {
    await runner.cycle();
    rows++;
    const { columns, values } = series.row();
    const at = series.lists().get(columns)?.indexOf('system.uptime') ?? -1;
    if (typeof values[at] !== 'number') missing++;
  };
  const timer = setInterval(() => void cycle(), INTERVAL_MS);
  open.push(() => clearInterval(timer));
  return { rows: () => rows, missing: () => missing };
};

const until = (condition: () => unknown) => vi.waitFor(() => expect(condition()).toBeTruthy(), { timeout: 30_000, interval: 20 });

const MISBEHAVIOURS: [string, string][] = [
  ['hangs', 'exec sleep 1000'],
  ['dies at once', 'exit 3'],
  ['prints garbage', 'while :; do head -c 300 /dev/urandom; sleep 0.02; done'],
  ['floods', 'exec cat /dev/zero'],
  ['floods with lines', 'exec yes garbage'],
];

describe('a program that a probe reads', () => {
  it.each(MISBEHAVIOURS)('costs only its probe when it %s', async (what, script) => {
    const before = { cpu: process.cpuUsage(), rss: process.memoryUsage.rss() };
    const run = startRunner(script);
    await until(() => run.rows() >= 16);
    expect(run.missing()).toBe(0);
    const { user, system } = process.cpuUsage(before.cpu);
    console.log(`figure: a program that ${what}: ${((user + system) / 1e6).toFixed(2)} CPU s in 4 s`);
    expect(process.memoryUsage.rss() - before.rss).toBeLessThan(150e6);
  });

  it('is killed when it floods, and read again once it has come to its senses', async () => {
    const folder = folderWith('sensor', 'exec yes garbage');
    const clock = createSystemClock();
    let restart = () => {};
    // Only the wait for the restart is moved by hand.
    const after = (ms: number, task: () => void) => {
      if (ms < 5_000) return clock.after(ms, task);
      restart = task;
      return () => {};
    };
    const impatient = { ...clock, after };
    const host = createHost({ clock: impatient, program_folders: [folder] });
    open.push(host.stop);
    const source = host.follow('sensor', []);
    await until(() => source?.alive() === false);
    expect(source?.lines().length).toBeLessThanOrEqual(256);
    writeFileSync(join(folder, 'sensor'), '#!/bin/sh\necho 42\nexec sleep 1000\n');
    restart();
    await until(() => source?.lines().at(-1) === '42');
  });
});
