import { readdirSync, readFileSync } from 'node:fs';
import { roundTo, seriesKey } from '@muster/shared/metrics';
import { loadPlugins } from '@muster/shared/plugins';
import { describe, expect, test } from 'vitest';
import type { ProbeDeclaration } from './probe.js';
import { withSettings } from './runner.js';
import { createFixtureHost, type HostState } from './testing/host.js';

/** A whole machine, played to every probe. */
interface Machine {
  about: string;
  states: HostState[];
  settings?: Record<string, unknown>;
  expect: Record<string, Record<string, number> | null>;
}

const folder = new URL('./testing/machines/', import.meta.url);
const machines = readdirSync(folder).map((file) => ({
  file,
  ...(JSON.parse(readFileSync(new URL(file, folder), 'utf8')) as Machine),
}));
const probes = [...(await loadPlugins<ProbeDeclaration>(new URL('./probes/', import.meta.url))).values()];

const play = async (declared: ProbeDeclaration, { states, settings }: Machine) => {
  const probe = withSettings(declared, settings?.[declared.id]);
  const host = createFixtureHost();
  const memory = probe.memory?.();
  let told: Record<string, number> | null = {};
  for (const state of states) {
    host.apply(state);
    const samples = await probe.read({ host, memory, settings: undefined });
    const pairs = samples?.map(({ metric, labels, value }) => [
      seriesKey(metric, labels),
      roundTo(value, probe.metrics[metric]?.resolution),
    ]);
    if (!pairs) {
      told = null;
      break;
    }
    told = Object.fromEntries(pairs);
  }
  probe.close?.(memory);
  return told;
};

describe.each(machines)('$file: $about', (machine) => {
  test.each(probes)('$id tells what is there and nothing else', async (probe) => {
    const told = await play(probe, machine);
    expect(told ?? {}).toEqual(machine.expect[probe.id] ?? {});
    if (machine.expect[probe.id] === null) expect(told).toBeNull();
  });
});
