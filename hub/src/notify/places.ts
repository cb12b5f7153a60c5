/** Where a device is: its site, or the address that it shares with others. */
import type { Device, EarningsBook, Registry } from '../parts.js';
import { documentsOf } from '../shelf.js';
import type { Recovered, Writer } from '../store/store.js';
import type { Place } from './incidents.js';

/** What each device earns on is worked out anew so often: silences and routes by network ask for every alert. */
const FRESH_MS = 10_000;
/** Addresses kept; a fleet is smaller. */
const MOST = 100_000;
/** An agent on the move has another address at each connection: it is written at most this often. */
const SAVE_MS = 600_000;
const COLLECTION = 'addresses';

export interface PlaceNeeds {
  device(id: string): Pick<Device, 'site' | 'carried_by'> | undefined;
  sites: Pick<Registry['sites'], 'get'>;
  networks: EarningsBook['networks'];
  now(): number;
  writer: Pick<Writer, 'queue' | 'accepts'>;
}

export const createPlaces = (needs: PlaceNeeds, documents: Recovered['documents']) => {
  const { device, sites, networks, now } = needs;
  const addresses = createAddresses(needs, documents);
  let earning = { at: Number.NEGATIVE_INFINITY, pairs: new Set<string>() };
  return {
    /** An agent connected from this address. */
    heard: addresses.heard,
    forget: addresses.forget,
    of(id: string): Place | null {
      const about = device(id);
      if (!about) return null;
      if (about.site !== null)
        return { id: `site:${about.site}`, name: sites.get(about.site)?.name ?? about.site, site: about.site };
      const shared = addresses.of(about.carried_by ?? id);
      return shared === undefined ? null : { id: `net:${shared}`, name: shared, site: null };
    },
    earns(id: string, network: string): boolean {
      if (Math.abs(now() - earning.at) > FRESH_MS)
        earning = { at: now(), pairs: new Set(networks().map((one) => `${one.device}\n${one.network}`)) };
      return earning.pairs.has(`${id}\n${network}`);
    },
  };
};

/** From where each agent connected last, over restarts: whoever is away when the hub starts shows no address. */
const createAddresses = ({ writer, now }: PlaceNeeds, documents: Recovered['documents']) => {
  const known = documentsOf<string>(documents, COLLECTION);
  const saved = new Map<string, number>();
  const write = (agent: string, value: string | null) => {
    if (writer.accepts(200)) writer.queue([{ kind: 'document', collection: COLLECTION, key: agent, value }], { bytes: 200 });
  };
  return {
    of: (agent: string): string | undefined => known.get(agent),
    heard(agent: string, remote: string) {
      const address = sharedAddress(remote);
      const before = known.get(agent);
      if (address === (before ?? null)) return;
      if (address === null) known.delete(agent);
      else if (known.size < MOST || before !== undefined) known.set(agent, address);
      if (now() - (saved.get(agent) ?? Number.NEGATIVE_INFINITY) < SAVE_MS) return;
      saved.set(agent, now());
      write(agent, address);
    },
    forget(agent: string) {
      saved.delete(agent);
      if (known.delete(agent)) write(agent, null);
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
