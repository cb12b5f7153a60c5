import { parseSeriesKey, roundTo, type Sample, seriesKey } from '@muster/shared/metrics';
import { loadPlugins } from '@muster/shared/plugins';
import { readFixtures } from '@muster/shared/testing/cases';
import { WIRE_LIMITS } from '@muster/shared/wire/limits';
import { metric as wireMetric } from '@muster/shared/wire/messages';
import fc from 'fast-check';
import * as v from 'valibot';
import { describe, expect, test } from 'vitest';
import type { Host, ProbeDeclaration } from './probe.js';
import { withSettings } from './runner.js';
import { createFixtureHost, type HostState, type ProbeCase } from './testing/host.js';

const folder = new URL('./probes/', import.meta.url);
const probes = await loadPlugins<ProbeDeclaration>(folder);
const fixtures = readFixtures<ProbeCase>(folder);
const all = fixtures.flatMap(({ id, cases }) => (cases ?? []).map((one) => ({ id, ...one })));

const probeOf = (id: string): ProbeDeclaration => {
  const probe = probes.get(id);
  if (!probe) throw new Error(`probes/${id}.ts was not loaded`);
  return probe;
};

/** Reads once per state, as the runner does over time: what the last read gives, and what still runs after the end. */
const play = async (probe: ProbeDeclaration, reads: readonly HostState[]) => {
  const host = createFixtureHost();
  const memory = probe.memory?.();
  let samples: Sample[] | null = [];
  for (const state of reads) {
    host.apply(state);
    samples = await probe.read({ host, memory, settings: undefined });
  }
  probe.close?.(memory);
  return { samples, running: host.running() };
};

const byKey = (probe: ProbeDeclaration, samples: readonly Sample[] | null) =>
  samples &&
  Object.fromEntries(
    samples.map(({ metric, labels, value }) => [seriesKey(metric, labels), roundTo(value, probe.metrics[metric]?.resolution)]),
  );

const expectSound = (probe: ProbeDeclaration, samples: readonly Sample[] | null) => {
  const keys = (samples ?? []).map(({ metric, labels }) => seriesKey(metric, labels));
  expect(new Set(keys).size, 'no series comes twice').toBe(keys.length);
  for (const key of keys) {
    expect(parseSeriesKey(key), key).not.toBeNull();
    expect(key.length).toBeLessThanOrEqual(WIRE_LIMITS.key_chars);
  }
  for (const { metric, value } of samples ?? []) {
    expect(probe.metrics, `${probe.id} must declare ${metric}`).toHaveProperty([metric]);
    expect(value).toSatisfy(Number.isFinite);
  }
};

describe('every probe', () => {
  test.each(fixtures)('$id has a fixture with good, empty and broken cases', ({ cases, file }) => {
    expect(cases, `add agent/src/probes/${file}`).not.toBeNull();
    for (const kind of ['good', 'empty', 'broken']) {
      expect(
        cases?.map(({ name }) => name.split(':')[0]),
        `add a case "${kind}: …" to ${file}`,
      ).toContain(kind);
    }
  });

  test.each([...probes.values()])('$id declares metrics that the wire takes, and a step for its bytes', (probe) => {
    for (const [id, declaration] of Object.entries(probe.metrics)) {
      v.parse(wireMetric, { id, ...declaration });
      if (declaration.unit === 'By') expect([1_024, 1_048_576], id).toContain(declaration.resolution);
    }
  });

  test('declares a metric that another probe has as well in the same way', () => {
    const declared = [...probes.values()].flatMap(({ metrics }) => Object.entries(metrics));
    const first = new Map(declared.toReversed());
    for (const [id, declaration] of declared) expect(declaration, id).toEqual(first.get(id));
  });

  test.each(all)('$id gives what is expected, $name', async ({ id, reads, settings, expect: expected }) => {
    const probe = withSettings(probeOf(id), settings);
    const { samples, running } = await play(probe, reads);
    expectSound(probe, samples);
    expect(byKey(probe, samples)).toEqual(byKey(probe, expected));
    expect(running, 'close ends what the probe holds open').toEqual([]);
  });
});

describe('a sensor that answers late', () => {
  test('is asked again only when sensors are looked for the next time', async () => {
    const zone = '/sys/class/thermal/thermal_zone0';
    const host = createFixtureHost({ files: { [`${zone}/type`]: 'cpu-thermal', [`${zone}/temp`]: '40000' } });
    let late_ms = 0;
    const slow: Host = {
      ...host,
      read(path) {
        late_ms += path.endsWith('/temp') ? 3_000 : 0;
        return host.read(path);
      },
      monotonic: () => host.monotonic() + late_ms,
    };
    const probe = probeOf('temperature');
    const memory = probe.memory?.();
    const read = async () => (await probe.read({ host: slow, memory, settings: undefined }))?.length;
    expect([await read(), await read()]).toEqual([1, 0]);
    host.apply({ at_ms: 300_000 });
    expect(await read()).toBe(1);
  });
});

describe('garbage', () => {
  const good = all.filter(({ name }) => name.startsWith('good:'));

  /** Noise, numbers without sense, and the real text cut or with one character changed. */
  const garbage = (text: string) =>
    fc.oneof(
      fc.string({ maxLength: 200 }),
      fc.string({ unit: 'binary', maxLength: 200 }),
      fc
        .array(fc.constantFrom('0', '-1', '1e999', '18446744073709551615', 'NaN', ':', ' - ', '/', ' ', '\n', 'eth0:', 'sda'), {
          maxLength: 60,
        })
        .map((parts) => parts.join('')),
      fc.nat(text.length).map((at) => text.slice(0, at)),
      fc
        .tuple(fc.nat(text.length), fc.string({ maxLength: 8 }))
        .map(([at, noise]) => text.slice(0, at) + noise + text.slice(at + 1)),
      fc.constant(`${text}${text}`),
    );

  /** Each text that the machine gives, and the machine with another text in its place. */
  const texts = (reads: readonly HostState[]): { text: string; put(text: string): HostState[] }[] =>
    reads.flatMap((state, index) => {
      const put = (part: object) => reads.map((one, at) => (at === index ? { ...one, ...part } : one));
      const files = Object.entries(state.files ?? {}).map(([path, text]) => ({
        text: text ?? '',
        put: (noise: string) => put({ files: { ...state.files, [path]: noise } }),
      }));
      const replies = (['programs', 'replies', 'answers'] as const).flatMap((kind) =>
        Object.entries(state[kind] ?? {}).map(([key, reply]) => ({
          text: reply?.text ?? '',
          put: (noise: string) => put({ [kind]: { ...state[kind], [key]: { ...reply, text: noise } } }),
        })),
      );
      return [...files, ...replies];
    });

  test.each(good.filter(({ reads }) => texts(reads).length > 0))('in any text never breaks $id: $name', async (one) => {
    const probe = withSettings(probeOf(one.id), one.settings);
    for (const { text, put } of texts(one.reads)) {
      const property = fc.asyncProperty(garbage(text), async (noise) =>
        expectSound(probe, (await play(probe, put(noise))).samples),
      );
      await fc.assert(property, { numRuns: 40 });
    }
  });

  test.each(good.filter(({ reads }) => reads.some(({ commands }) => commands)))(
    'in the lines of a program never breaks $id: $name',
    async ({ id, reads, settings }) => {
      const probe = withSettings(probeOf(id), settings);
      const programs = new Set(reads.flatMap(({ commands }) => Object.keys(commands ?? {})));
      for (const program of programs) {
        const lines = reads.flatMap(({ commands }) => commands?.[program] ?? []);
        const line = fc.oneof(...lines.map(garbage), fc.string());
        const property = fc.asyncProperty(fc.array(line, { maxLength: 20 }), async (noise) => {
          const spoilt = reads.map((state) => ({ ...state, commands: { ...state.commands, [program]: noise } }));
          expectSound(probe, (await play(probe, spoilt)).samples);
        });
        await fc.assert(property, { numRuns: 200 });
      }
    },
  );
});
