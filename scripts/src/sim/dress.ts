import type { HubApi } from '../api.js';

/** Gives a simulated fleet the names, sites and tags that an operator would. */
const SITES = [
  { id: 'roof', name: 'Roof', tariff: '0.31' },
  { id: 'garage', name: 'Garage', tariff: '0.31' },
  { id: 'warehouse', name: 'Warehouse', tariff: '0.18' },
  { id: 'cars', name: 'Cars', tariff: null },
];
/** Kinds come in turn: hotspot, storage, GPU node, vehicle unit. */
const KIND_NAMES = ['Hotspot', 'Storage miner', 'GPU node', 'Vehicle'];
const KIND_SITES = ['roof', 'warehouse', 'garage', 'cars'];
const NETWORKS = ['helium', 'filecoin', 'render', 'dimo'];

export const dress = async (api: HubApi, { prefix, devices }: { prefix: string; devices: number }): Promise<void> => {
  for (const site of SITES) await api.post('/sites', { ...site, time_zone: 'UTC' });
  for (let index = 0; index < devices; index++) {
    const kind = index % KIND_NAMES.length;
    const name = `${KIND_NAMES[kind]} ${Math.floor(index / KIND_NAMES.length) + 1}`;
    const patch = { name, site: KIND_SITES[kind], tags: [NETWORKS[kind]] };
    await api.patch(`/devices/${prefix}-${String(index + 1).padStart(4, '0')}`, patch);
  }
};
