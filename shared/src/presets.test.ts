import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import * as v from 'valibot';
import { describe, expect, it } from 'vitest';
import { asAppError } from './errors.js';
import { silentLog } from './log.js';
import type { NetworkDeclaration } from './network.js';
import { NETWORKS_FOLDER } from './network-plugins.js';
import { loadPlugins } from './plugins.js';
import { fillPart } from './preset-template.js';
import { PRESETS_FOLDER, presetNetwork, readPresets } from './presets.js';
import { type NetworkCase, playCase } from './testing/network.js';

/** A case of a preset; `without` takes general kinds away. */
interface PresetCase extends NetworkCase {
  without?: string[];
}

const kinds = await loadPlugins<NetworkDeclaration>(NETWORKS_FOLDER);
const presets = await readPresets();
const casesOf = (id: string): PresetCase[] => {
  const file = `${fileURLToPath(PRESETS_FOLDER)}/${id}.fixture.json`;
  return (JSON.parse(readFileSync(file, 'utf8')) as { cases: PresetCase[] }).cases;
};
const kindsFor = ({ without = [] }: PresetCase) => new Map([...kinds].filter(([id]) => !without.includes(id)));

const outcome = async (network: NetworkDeclaration, one: NetworkCase) => {
  try {
    return await playCase(network, one);
  } catch (error) {
    return { reply: { error: { code: asAppError(error).code } }, kept: one.memory };
  }
};

describe.each(presets)('preset $id', (preset) => {
  const cases = casesOf(preset.id);

  /** Kinds that this case would use and that are not here. */
  const missing = ({ config, without = [] }: PresetCase): string[] =>
    Object.values(preset.parts)
      .filter((part) => fillPart(preset, part, v.parse(v.record(v.string(), v.union([v.string(), v.number()])), config)) !== null)
      .map(({ kind }) => kind)
      .filter((kind) => !kinds.has(kind) && !without.includes(kind));

  it('has at least a good, an empty and a broken case, and an address of its documentation', () => {
    expect(cases.length).toBeGreaterThanOrEqual(3);
    expect(preset.docs).toMatch(/^https:/);
  });

  for (const one of cases) {
    const lacking = missing(one);
    it.skipIf(lacking.length > 0)(`${one.name}${lacking.length > 0 ? ` (needs ${lacking.join(', ')})` : ''}`, async () => {
      const { reply, kept } = await outcome(presetNetwork(preset, kindsFor(one)), one);
      expect(reply).toEqual(one.expect);
      if (one.keeps !== undefined) expect(kept).toEqual(one.keeps);
    });
  }
});

describe('a preset that the hub asks', () => {
  it('tells of each device when its parts heard it last', async () => {
    const asked = {
      id: 'thing',
      title: 'Thing',
      docs: 'https://example.org',
      tokens: {},
      config: v.any(),
      metrics: {},
      every: 60_000,
    };
    const expects = { cadence: 1, silence_is_normal_for: 1 };
    const onHub: NetworkDeclaration['onHub'] = async ({ config }) => ({
      devices: new Map([['pi', { samples: [], ...(config as { seen_at?: number }) }]]),
    });
    const preset = { ...presets[0], parts: { old: part(5), new: part(7), odd: part(undefined) } } as (typeof presets)[number];
    const network = presetNetwork({ ...preset, settings: {} }, new Map([['thing', { ...asked, expects, onHub }]]));
    const reply = await network.onHub?.({
      ...{ config: {}, http: { request: async () => Promise.reject(new Error('none')) }, host: null, now: 9, log: silentLog },
      ...{ grpc: { unary: async () => new Uint8Array() }, memory: { get: () => undefined, put: () => {} } },
      ...{ signal: new AbortController().signal, devices: ['pi'] },
    });
    expect(reply?.devices.get('pi')?.seen_at).toBe(7);
  });
});

const part = (seen_at: number | undefined) => ({ kind: 'thing', needs: [], config: seen_at === undefined ? {} : { seen_at } });

describe('the presets', () => {
  it('are the eight that the documentation names, each with a fixture', () => {
    const files = readdirSync(fileURLToPath(PRESETS_FOLDER)).filter((file) => file.endsWith('.fixture.json'));
    expect(files.map((file) => file.replace('.fixture.json', ''))).toEqual(presets.map(({ id }) => id));
    expect(presets.map(({ id }) => id)).toEqual(
      expect.arrayContaining(['akash', 'flux', 'geodnet', 'golem', 'mysterium', 'nosana', 'srcful', 'weatherxm']),
    );
  });
});
