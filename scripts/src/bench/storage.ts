import { statSync } from 'node:fs';
import type { BenchFigures, BenchOptions } from './main.js';
import { runChild } from './store/child.js';
import { benchFolder, vacuum } from './store/disk.js';
import type { Filled } from './store/filler.js';
import { amount, readOptions } from './store/options.js';
import { comparePeers } from './store/peers.js';
import type { FleetPlan } from './store/reports.js';

/** Bytes per sample on disk and bytes written per sample, every table counted. */
export const title = 'bytes per sample kept, and bytes written per sample (--devices --few --hours --seed --peers 0|1)';

const OPTIONS = {
  devices: amount('devices', 1_000, 100_000, 'Devices of the large fleet'),
  few: amount('few', 100, 10_000, 'Devices of the small fleet'),
  hours: amount('hours', 24, 10_000, 'Hours of reports'),
  seed: amount('seed', 1, 2 ** 31, 'The same seed gives the same fleet'),
  peers: amount('peers', 1, 1, 'Compare with time-series databases that are installed'),
};

const EVERY_MS = 10_000;
const HOUR_MS = 3_600_000;
/** Hours are rolled up four days at a time: after this every tier holds all of it, and what it was made of is gone. */
const IDLE_MINUTES = 6 * 24 * 60;

interface Measured {
  per_sample: number;
  written_per_sample: number;
  bytes: number;
}

export const run = async ({ flags, print }: BenchOptions): Promise<BenchFigures> => {
  const { devices, few, hours, seed, peers } = readOptions(OPTIONS, flags);
  const from = Math.floor(Date.now() / HOUR_MS) * HOUR_MS - hours * HOUR_MS;
  const base: FleetPlan = {
    ...{ devices, seed, from, beats: (hours * HOUR_MS) / EVERY_MS, every_ms: EVERY_MS },
    ...{ grain: 'rounded', irregular: false },
  };
  const folder = benchFolder(devices * hours * 1_000_000);
  const measure = (label: string, plan: Partial<FleetPlan>) =>
    measureFleet({ ...base, ...plan }, { label, print, file: folder.path(`${label.replaceAll(/\W+/g, '-')}.db`) });
  try {
    const rounded = await measure('rounded at the source', {});
    const native = await measure('unrounded', { grain: 'native' });
    const small = await measure(`${few} devices`, { devices: few });
    await measure('another seed', { seed: seed + 1 });
    await measure('irregular', { irregular: true });
    if (peers) await comparePeers({ ...base, devices: few }, { own: small, folder: folder.path('peers'), print });
    return {
      bytes_per_sample: rounded.per_sample,
      bytes_per_sample_unrounded: native.per_sample,
      written_per_sample_1000: rounded.written_per_sample,
      written_per_sample_100: small.written_per_sample,
    };
  } finally {
    folder.remove();
  }
};

interface Place {
  label: string;
  file: string;
  print: BenchOptions['print'];
}

const measureFleet = async (plan: FleetPlan, { label, file, print }: Place): Promise<Measured> => {
  const filled = await runChild<Filled>('filler.js', { file, plan, idle_minutes: IDLE_MINUTES });
  const closed = statSync(file).size;
  const { bytes, tables } = vacuum(file);
  const { samples, rows, commits, written, cpu_s } = filled;
  const each = (value: number) => (value / samples).toFixed(3);
  print(`${label}: ${plan.devices} devices, ${millions(rows)} rows, ${millions(samples)} samples in ${commits} commits`);
  print(`  kept ${each(bytes)} B/sample (${each(closed)} before VACUUM), written ${each(written)} B/sample`);
  print(
    `  ${tables
      .slice(0, 6)
      .map((table) => `${table.name} ${each(table.bytes)}`)
      .join(', ')}`,
  );
  print(`  ${((cpu_s / samples) * 1e9).toFixed(0)} ns CPU per sample, fleet included; ${commitTimes(filled)}`);
  return { per_sample: bytes / samples, written_per_sample: written / samples, bytes };
};

const commitTimes = ({ commit_p50_ms, commit_p99_ms, commit_max_ms }: Filled): string =>
  `commit p50 ${commit_p50_ms.toFixed(2)}, p99 ${commit_p99_ms.toFixed(1)}, max ${commit_max_ms.toFixed(0)} ms`;

const millions = (value: number): string => `${(value / 1e6).toFixed(2)} M`;
