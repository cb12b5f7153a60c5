/** Where a device is: its site, or the address that it shares with others. */
import type { Device, EarningsBook, Registry } from '../parts.js';
import type { Place } from './incidents.js';

/** What each device earns on is worked out anew so often: silences and routes by network ask for every alert. */
const FRESH_MS = 10_000;
/** Addresses kept; a fleet is smaller. */
const MOST = 100_000;

export interface PlaceNeeds {
  device(id: string): Pick<Device, 'site' | 'carried_by'> | undefined;
  sites: Pick<Registry['sites'], 'get'>;
  networks: EarningsBook['networks'];
  now(): number;
}

export const createPlaces = ({ device, sites, networks, now }: PlaceNeeds) => {
  const addresses = new Map<string, string>();
  let earning = { at: Number.NEGATIVE_INFINITY, pairs: new Set<string>() };
  return {
    /** An agent connected from this address. */
    heard(agent: string, remote: string) {
      if (addresses.size < MOST || addresses.has(agent)) addresses.set(agent, remote);
    },
    of(id: string): Place | null {
      const about = device(id);
      if (!about) return null;
      if (about.site !== null)
        return { id: `site:${about.site}`, name: sites.get(about.site)?.name ?? about.site, site: about.site };
      const shared = sharedAddress(addresses.get(about.carried_by ?? id) ?? '');
      return shared === null ? null : { id: `net:${shared}`, name: shared, site: null };
    },
    earns(id: string, network: string): boolean {
      if (Math.abs(now() - earning.at) > FRESH_MS)
        earning = { at: now(), pairs: new Set(networks().map((one) => `${one.device}\n${one.network}`)) };
      return earning.pairs.has(`${id}\n${network}`);
    },
  };
};

const PRIVATE = /^(10|192\.168|172\.(1[6-9]|2\d|3[01])|169\.254|100\.(6[4-9]|[7-9]\d|1[01]\d|12[0-7]))\./;

/** A public address stands for a place, of a private one the subnet; this machine is none. */
export const sharedAddress = (remote: string): string | null => {
  if (remote === '' || remote === '::1' || remote.startsWith('127.')) return null;
  if (PRIVATE.test(remote)) return `${remote.split('.').slice(0, 3).join('.')}.0/24`;
  if (!remote.includes(':')) return remote;
  const [head = ''] = remote.split('::');
  const groups = head.split(':').slice(0, 4);
  return `${groups.join(':')}${groups.length < 4 ? '' : '::/64'}`;
};
