import type { NetworkDeclaration } from './network.js';
import { loadPlugins } from './plugins.js';
import { loadPresets } from './presets.js';

/** The folder of reward sources, in `src` as well as in the build. */
export const NETWORKS_FOLDER = new URL('./networks/', import.meta.url);

/** Every reward source by its id, presets included; of a preset and a coded network with one id the coded one. */
export const loadNetworks = async (): Promise<Map<string, NetworkDeclaration>> => {
  const networks = await loadPlugins<NetworkDeclaration>(NETWORKS_FOLDER);
  return new Map([...(await loadPresets(networks)), ...networks]);
};

/** Of these ids only, where all of them are coded: an agent keeps no code in memory that it does not use. */
export const loadNamedNetworks = async (ids: ReadonlySet<string>): Promise<Map<string, NetworkDeclaration>> => {
  const networks = await loadPlugins<NetworkDeclaration>(NETWORKS_FOLDER, (id) => ids.has(id));
  return networks.size === ids.size ? networks : loadNetworks();
};
