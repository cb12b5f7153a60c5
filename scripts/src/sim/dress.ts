import { formatUnits } from '@muster/shared/money';
import type { HubApi } from '../api.js';
import { createRandom } from './random.js';

/** Gives a simulated fleet the names, sites, tags, power and prices that an operator would. */
const NIGHT = [{ days: [1, 2, 3, 4, 5, 6, 7], from: '22:00', to: '06:00', tariff: '0.13' }];
const SITES = [
  { id: 'roof', name: 'Roof', tariff: '0.31' },
  { id: 'garage', name: 'Garage', tariff: '0.31' },
  { id: 'warehouse', name: 'Warehouse', tariff: '0.18', tariff_periods: NIGHT },
  { id: 'cars', name: 'Cars', tariff: null },
];
/** Kinds come in turn: hotspot, storage, GPU node, vehicle. A vehicle's unit runs on its battery. */
const KINDS = [
  { name: 'Hotspot', site: 'roof', network: 'helium', watts: 5, purchase_price: '249.00' },
  { name: 'Storage miner', site: 'warehouse', network: 'filecoin', watts: 130, purchase_price: '2400.00' },
  { name: 'GPU node', site: 'garage', network: 'render', watts: 210, purchase_price: '1850.00' },
  { name: 'Vehicle', site: 'cars', network: 'dimo', watts: 0, purchase_price: '129.00' },
];
/** Every ninth device stands at somebody else's place. */
const HOSTED = 9;

export const dress = async (api: HubApi, { prefix, devices }: { prefix: string; devices: number }): Promise<void> => {
  for (const site of SITES) await api.post('/sites', { ...site, time_zone: 'UTC' });
  for (let index = 0; index < devices; index++) {
    const kind = KINDS[index % KINDS.length];
    if (!kind) continue;
    const { site, network, watts, purchase_price } = kind;
    const name = `${kind.name} ${Math.floor(index / KINDS.length) + 1}`;
    const hosting_share = index % HOSTED === HOSTED - 1 ? 0.2 : null;
    const patch = { name, site, tags: [network], watts, purchase_price, hosting_share };
    await api.patch(`/devices/${prefix}-${String(index + 1).padStart(4, '0')}`, patch);
  }
};

const DAY_MS = 86_400_000;
/** In 1e-6 of a USD. */
const DEMO_PRICES = { HNT: 1_870_000n, FIL: 1_310_000n, RENDER: 2_915_000n, DIMO: 18_300n };

/** Made-up prices by hand, another each week: nothing goes out. */
export const priceTokens = async (
  api: HubApi,
  { days, now, seed }: { days: number; now: number; seed: number },
): Promise<void> => {
  const { sources } = await api.get<{ sources: Record<string, unknown> }>('/prices');
  const weeks = Math.ceil(days / 7) + 1;
  const made = Object.entries(DEMO_PRICES).map(([token, newest]) => {
    const random = createRandom(seed).fork(token);
    let price = newest;
    const prices = Array.from({ length: weeks }, (_, week) => {
      const from = new Date(now - week * 7 * DAY_MS).toISOString().slice(0, 10);
      const told = { from, price: formatUnits(price, 6) };
      price = (price * BigInt(Math.round(1_000 + random.normal() * 40))) / 1_000n;
      return told;
    });
    return [token, { provider: 'manual', currency: 'USD', prices: prices.reverse() }];
  });
  await api.put('/prices', { currency: 'USD', sources: { ...sources, ...Object.fromEntries(made) } });
};
