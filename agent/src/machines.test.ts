import { readdirSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { roundTo, type Sample, seriesKey } from '@muster/shared/metrics';
import { loadPlugins } from '@muster/shared/plugins';
import { describe, expect, test } from 'vitest';
import type { ProbeDeclaration } from './probe.js';
import { withSettings } from './runner.js';
import { createFixtureHost, type HostState } from './testing/host.js';

/** A whole machine: every probe is played over it, and what is not expected must not be said. */
interface Machine {
  about: string;
  states: HostState[];
  /** Of each probe by its id, as in the settings file. */
  settings?: Record<string, object>;
  /** What the last read gives, by probe and series; a probe that is not named has nothing to say. */
  expect: Record<string, Record<string, number> | null>;
}

const folder = new URL('./testing/machines/', import.meta.url);
const machines = readdirSync(folder)
  .filter((file) => file.endsWith('.json'))
  .map((file): Machine & { name: string } => ({
    name: basename(file, '.json'),
    ...(JSON.parse(readFileSync(new URL(file, folder), 'utf8')) as Machine),
  }));
const probes = [...(await loadPlugins<ProbeDeclaration>(new URL('./probes/', import.meta.url))).values()];

/** Reads once per state, as the runner does over time: what the last read gives, and what still runs after the end. */
const play = async (probe: ProbeDeclaration, states: readonly HostState[]) => {
  const host = createFixtureHost();
  const memory = probe.memory?.();
  let samples: Sample[] | null = [];
  for (const state of states) {
    host.apply(state);
    samples = await probe.read({ host, memory, settings: undefined });
  }
  probe.close?.(memory);
  return { samples: samples ?? [], running: host.running() };
};

const valuesOf = (probe: ProbeDeclaration, samples: readonly Sample[]): [string, number][] =>
  samples.map(({ metric, labels, value }) => [seriesKey(metric, labels), roundTo(value, probe.metrics[metric]?.resolution)]);

const playAll = async ({ states, settings = {} }: Machine) =>
  Promise.all(
    probes.map(async (probe) => {
      const { samples, running } = await play(withSettings(probe, settings[probe.id]), states);
      return { id: probe.id, values: valuesOf(probe, samples), running };
    }),
  );

describe.each(machines)('$name: $about', (machine) => {
  test('tells what its hardware has to tell, probe by probe, and nothing else', async () => {
    const told = (await playAll(machine)).filter(({ values }) => values.length > 0);
    const expected = Object.entries(machine.expect).filter(([, values]) => values !== null);
    expect(Object.fromEntries(told.map(({ id, values }) => [id, Object.fromEntries(values)]))).toEqual(
      Object.fromEntries(expected),
    );
  });

  test('has no series that two probes tell, and no program that runs on', async () => {
    const told = await playAll(machine);
    const keys = told.flatMap(({ values }) => values.map(([key]) => key));
    expect(keys.filter((key, index) => keys.indexOf(key) !== index)).toEqual([]);
    expect(told.flatMap(({ running }) => running)).toEqual([]);
  });

  test('names only probes that there are', () => {
    const known = probes.map(({ id }) => id);
    const named = [...Object.keys(machine.expect), ...Object.keys(machine.settings ?? {})];
    expect(named.filter((id) => !known.includes(id))).toEqual([]);
  });
});
