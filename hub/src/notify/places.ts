/** Where a device is: its site, the address that it shares with others, and what its tags say. */
import type { Device, EarningsBook, Registry } from '../parts.js';
import { documentsOf } from '../shelf.js';
import type { Json, Recovered, Writer } from '../store/store.js';
import type { Place } from './incidents.js';
import { NOTIFY_LIMITS as L } from './limits.js';

/** What is worked out over the whole fleet is good for so long: silences and routes by network ask for every alert. */
const FRESH_MS = 10_000;
/** Addresses kept; a fleet is smaller. */
const MOST = 100_000;
/** An agent on the move has another address at each connection: it is written at most this often. */
const SAVE_MS = 600_000;
const COLLECTION = 'addresses';

type About = Pick<Device, 'id' | 'site' | 'tags' | 'carried_by'>;

export interface PlaceNeeds {
  device(id: string): About | undefined;
  all(): Iterable<About>;
  sites: Pick<Registry['sites'], 'get'>;
  networks: EarningsBook['networks'];
  now(): number;
  writer: Pick<Writer, 'queue' | 'accepts'>;
}

export const createPlaces = (needs: PlaceNeeds, documents: Recovered['documents'] = []) => {
  const { device, now } = needs;
  const addresses = createAddresses(needs, documents);
  const fresh = <T>(make: () => T): (() => T) => {
    let made: { at: number; value: T } | null = null;
    return () => {
      if (!made || Math.abs(now() - made.at) > FRESH_MS) made = { at: now(), value: make() };
      return made.value;
    };
  };
  const earning = fresh(() => new Set(needs.networks().map((one) => `${one.device}\n${one.network}`)));
  const fleet = fresh(() => countFleet(needs.all(), idsOf));

  const addressOf = ({ id, carried_by }: About): string | undefined => addresses.of(carried_by ?? id);
  const idsOf = (about: About): string[] => {
    const { site, tags } = about;
    const address = addressOf(about);
    return [
      ...(site === null ? [] : [`site:${site}`]),
      ...(address === undefined ? [] : [`net:${address}`]),
      ...tags.map((tag) => `tag:${tag}`),
    ];
  };
  const placeOf = (id: string): Place => {
    const [kind = '', name = ''] = [id.slice(0, 3), id.slice(4)];
    const devices = fleet().sizes.get(id) ?? 0;
    if (kind === 'sit') {
      const site = id.slice(5);
      return { id, name: needs.sites.get(site)?.name ?? site, site, devices };
    }
    // Of a tag that thousands bear all over the world a few go away at once every day.
    if (kind === 'tag')
      return { id, name: `Tag ${name}`, site: null, least: Math.max(L.incident_devices, Math.ceil(devices / 2)) };
    return { id, name, site: null, devices };
  };
  return {
    heard: addresses.heard,
    forget: addresses.forget,
    /** Where it stands: a site or an address. */
    of(id: string): Place | null {
      const about = device(id);
      const first = about && idsOf(about).find((one) => !one.startsWith('tag:'));
      return first === undefined ? null : placeOf(first);
    },
    /** All that it may share with others, the narrowest first. */
    all(id: string): Place[] {
      const about = device(id);
      return about ? idsOf(about).map(placeOf) : [];
    },
    /** Devices that an agent speaks for. */
    carried: (agent: string): readonly string[] => fleet().carried.get(agent) ?? NOBODY,
    earns: (id: string, network: string): boolean => earning().has(`${id}\n${network}`),
  };
};
export type Places = ReturnType<typeof createPlaces>;

const NOBODY: readonly string[] = [];

const countFleet = (all: Iterable<About>, idsOf: (about: About) => string[]) => {
  const sizes = new Map<string, number>();
  const carried = new Map<string, string[]>();
  for (const about of all) {
    for (const id of idsOf(about)) sizes.set(id, (sizes.get(id) ?? 0) + 1);
    const { carried_by } = about;
    if (carried_by !== null) carried.set(carried_by, [...(carried.get(carried_by) ?? []), about.id]);
  }
  return { sizes, carried };
};

/** From where each agent connected last, over restarts: who is away when the hub starts shows no address. */
const createAddresses = ({ writer, now }: PlaceNeeds, documents: Recovered['documents']) => {
  const known = documentsOf<string>(documents, COLLECTION);
  const saved = new Map<string, number>();
  const write = (agent: string, value: Json) => {
    if (writer.accepts(200)) writer.queue([{ kind: 'document', collection: COLLECTION, key: agent, value }], { bytes: 200 });
  };
  return {
    of: (agent: string): string | undefined => known.get(agent),
    /** An agent connected from this address. */
    heard(agent: string, remote: string) {
      const address = sharedAddress(remote);
      const before = known.get(agent);
      if (address === before || (address === null && before === undefined)) return;
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

/** A public address stands for a place, of a private one the subnet, of IPv6 the /64; this machine is none. */
export const sharedAddress = (remote: string): string | null => {
  const plain = remote.replace(/^::ffff:(?=\d+\.)/i, '').replace(/%.*$/, '');
  if (plain === '' || plain === '::1' || plain === '::' || plain.startsWith('127.')) return null;
  if (PRIVATE.test(plain)) return `${plain.split('.').slice(0, 3).join('.')}.0/24`;
  return plain.includes(':') ? `${networkOf(plain)}::/64` : plain;
};

/** The first four groups, however the address is shortened. */
const networkOf = (address: string): string => {
  const [head = '', tail] = address.toLowerCase().split('::');
  const groups = head === '' ? [] : head.split(':');
  const rest = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = tail === undefined ? [] : Array.from({ length: Math.max(0, 8 - groups.length - rest.length) }, () => '0');
  return [...groups, ...zeros, ...rest]
    .slice(0, 4)
    .map((group) => group.replace(/^0+(?=.)/, ''))
    .join(':');
};
