import { readdir, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import * as v from 'valibot';
import { assert } from './errors.js';
import { gauge, type MetricDeclaration } from './metrics.js';
import type { NetworkDeclaration } from './network.js';
import { askOnDevice, askOnHub, type FilledPart } from './preset-run.js';
import { fillPart, type Preset, presetSchema, settingsSchema, type Values } from './preset-template.js';

/** The folder of presets, in `src` as well as in the build. */
export const PRESETS_FOLDER = new URL('./presets/', import.meta.url);

/** Every preset as a network of its own; a part of a kind that is not here is left out, and so is a preset without parts. */
export const loadPresets = async (
  kinds: ReadonlyMap<string, NetworkDeclaration>,
  folder = PRESETS_FOLDER,
): Promise<Map<string, NetworkDeclaration>> => {
  const presets = await readPresets(folder);
  const networks = presets.filter((preset) => partsOf(preset, kinds).length > 0).map((preset) => presetNetwork(preset, kinds));
  return new Map(networks.map((network) => [network.id, network]));
};

export const readPresets = async (folder = PRESETS_FOLDER): Promise<Preset[]> => {
  const path = fileURLToPath(folder);
  const files = (await readdir(path)).filter((file) => /^[a-z0-9_]+\.json$/.test(file)).sort();
  return Promise.all(files.map(async (file) => asPreset(JSON.parse(await readFile(`${path}/${file}`, 'utf8')), file)));
};

const asPreset = (json: unknown, file: string): Preset => {
  const result = v.safeParse(presetSchema, json);
  assert(
    result.success,
    `${file}: ${result.success ? '' : `${v.getDotPath(result.issues[0]) ?? ''} ${result.issues[0].message}`}`,
  );
  assert(`${result.output.id}.json` === file, `${file} must hold the preset with this id`);
  return result.output;
};

interface Part {
  name: string;
  kind: NetworkDeclaration;
  template: Preset['parts'][string];
}

const partsOf = (preset: Preset, kinds: ReadonlyMap<string, NetworkDeclaration>): Part[] =>
  Object.entries(preset.parts).flatMap(([name, template]) => {
    const kind = kinds.get(template.kind);
    return kind ? [{ name, kind, template }] : [];
  });

/** Whether a part of several answers: one that fails hides neither the others nor itself. */
const PART_UP = gauge('1', 'Whether a part of this source answers');

export const presetNetwork = (preset: Preset, kinds: ReadonlyMap<string, NetworkDeclaration>): NetworkDeclaration => {
  const parts = partsOf(preset, kinds);
  const has_several = Object.keys(preset.parts).length > 1;
  const filled = (values: Values): FilledPart[] =>
    parts.flatMap((part) => {
      const config = fillPart(preset, part.template, values);
      return config === null ? [] : [{ name: part.name, kind: part.kind, config: v.parse(part.kind.config, config) }];
    });
  const partsCall = (config: unknown) => ({ network: preset.id, parts: filled(config as Values), has_several });
  const { id, title, docs, tokens, every, expects } = preset;
  return {
    ...{ id, title, docs, tokens, every, expects, metrics: {} },
    config: v.pipe(
      settingsSchema(preset),
      v.rawCheck(({ dataset, addIssue }) => {
        const message = dataset.typed ? problemOf(preset, parts, dataset.value as Values) : null;
        if (message !== null) addIssue({ message });
      }),
    ),
    configured: (config) => ({ network: id, metrics: metricsOf(filled(config as Values), has_several) }),
    ...(parts.some(({ kind }) => kind.onDevice) && { onDevice: (call) => askOnDevice(call, partsCall(call.config)) }),
    ...(parts.some(({ kind }) => kind.onHub) && { onHub: (call) => askOnHub(call, partsCall(call.config)) }),
  };
};

/** What is wrong with settings beyond each alone; a sentence, or null. */
const problemOf = (preset: Preset, parts: readonly Part[], values: Values): string | null => {
  let used = 0;
  for (const { template, kind, name } of parts) {
    const config = fillPart(preset, template, values);
    if (config === null) continue;
    used++;
    const result = v.safeParse(kind.config, config);
    if (!result.success)
      return `does not fit part "${name}": ${v.getDotPath(result.issues[0]) ?? ''} ${result.issues[0].message}`;
  }
  const wanted = parts.map(({ template }) => template.needs.join(' with '));
  return used > 0 ? null : `needs ${wanted.join(', or ')}`;
};

const metricsOf = (filled: readonly FilledPart[], has_several: boolean): Record<string, MetricDeclaration> => {
  const all = filled.map(({ kind, config }) => kind.configured?.(config).metrics ?? kind.metrics);
  return Object.assign(has_several ? { part_up: PART_UP } : {}, ...all);
};
