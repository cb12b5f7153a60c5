import type { NetworkDeclaration } from './network.js';
import { loadPlugins } from './plugins.js';

/** The folder of reward sources, in `src` as well as in the build. */
export const NETWORKS_FOLDER = new URL('./networks/', import.meta.url);

/** Every reward source by its id. */
export const loadNetworks = (): Promise<Map<string, NetworkDeclaration>> => loadPlugins<NetworkDeclaration>(NETWORKS_FOLDER);
