/** Devices of one place that go away together are one incident: gathered while their alerts are pending, so that one notice names them all. */
import type { LiveAlert } from '@muster/shared/wire/live';
import type { AtStake, Incident } from '../parts.js';
import { documentsOf } from '../shelf.js';
import type { Recovered } from '../store/store.js';
import { NOTIFY_LIMITS as L } from './limits.js';
import type { Told } from './memos.js';
import type { Papers } from './papers.js';

const COLLECTION = 'incidents';

/** What devices share: a site, an address, a tag. */
export interface Place {
  id: string;
  name: string;
  site: string | null;
  /** How many are there; undefined where nobody is as a whole, such as at a tag. */
  devices?: number | undefined;
  /** So many must go away together to be an incident; a few unless said otherwise. */
  least?: number | undefined;
}

export interface IncidentNeeds {
  papers: Papers;
  now(): number;
  newId(): string;
  /** The narrowest first. */
  placesOf(device: string): readonly Place[];
  stake(devices: readonly string[]): AtStake | null;
  /** One began, ended, or has other devices. */
  changed?: (() => void) | undefined;
}

interface Kept extends Omit<Incident, 'count' | 'away' | 'per_hour'> {
  at: string;
  /** Devices that are still away. */
  gone: string[];
  /** When the last one joined. */
  joined: number;
  /** Since when only a few are away. */
  rest_since: number | null;
  told: Told[] | null;
  /** How many devices it had when it was told of last. */
  told_count?: number | undefined;
}

/** What became of an incident when a device came back. */
export type Return = { incident: string; over: boolean } | null;

export const createIncidents = (needs: IncidentNeeds, documents: Recovered['documents']) => {
  const { now } = needs;
  const book = createBook(needs, documents);
  const { kept, open, byDevice, save, close } = book;
  const lone = createLone();
  const view = viewBy(needs.stake);
  const beside = createBeside(lone, book);

  return {
    /** An alert that a device is away: pending or firing. */
    gather({ device, since }: LiveAlert) {
      if (byDevice.has(device)) return;
      const places = needs.placesOf(device);
      const current = places.map(({ id }) => open.get(id)).find((one) => one && isNear(one.joined, since));
      if (!current) return beside(places, device, since);
      lone.delete(device);
      book.join(current, device, since);
    },
    /** It is back, or gone for good. */
    leave(device: string): Return {
      lone.delete(device);
      const one = byDevice.get(device);
      if (!one) return null;
      byDevice.delete(device);
      one.gone = one.gone.filter((each) => each !== device);
      const few = one.gone.length <= Math.floor(one.devices.length * 0.05);
      if (few && one.rest_since === null) one.rest_since = now();
      if (one.gone.length === 0) close(one);
      else save(one);
      return { incident: one.id, over: one.gone.length === 0 };
    },
    /** Incidents of which only a few stay away for long: those become alerts of their own. */
    settle(): { incident: string; gone: string[] }[] {
      return [...new Set(byDevice.values())].filter(isSettled(now())).map((one) => {
        close(one);
        return { incident: one.id, gone: one.gone };
      });
    },
    /** Under this name the ends of what happens again and again at one place find each other. */
    placeOf: (id: string): string => kept.get(id)?.at ?? id,
    of: (device: string): string | null => byDevice.get(device)?.id ?? null,
    /** Name of the site or address of a device, most of which is away: what else is wrong there follows from that. */
    awayAround(device: string): string | null {
      if (open.size === 0) return null;
      const found = needs.placesOf(device).find(({ id, devices }) => devices !== undefined && book.goneAt(id) * 2 > devices);
      return found?.name ?? null;
    },
    toldOf: (id: string): Told[] | null => kept.get(id)?.told ?? null,
    told(id: string, told: Told[]) {
      const one = kept.get(id);
      if (one) save(Object.assign(one, { told, told_count: one.told_count ?? one.devices.length }));
    },
    /** Whether it has doubled since it was told of; then it counts as told of anew. */
    grew(id: string): boolean {
      const one = kept.get(id);
      if (!one || one.devices.length < 2 * (one.told_count ?? one.devices.length)) return false;
      save(Object.assign(one, { told_count: one.devices.length }));
      return true;
    },
    get: (id: string): Incident | undefined => {
      const one = kept.get(id);
      return one && view(one);
    },
    all: (): Incident[] => [...kept.values()].sort((a, b) => b.started - a.started).map(view),
  };
};
export type Incidents = ReturnType<typeof createIncidents>;

const viewBy =
  (stake: IncidentNeeds['stake']) =>
  (one: Kept): Incident => {
    const { id, site, place, devices, gone, started, resolved } = one;
    const shown = { id, site, place, devices, count: devices.length, away: gone.length, started, resolved };
    return { ...shown, per_hour: stake(devices) };
  };

/** One that went away alone so far, unless enough others of one of its places did. */
const createBeside =
  (lone: ReturnType<typeof createLone>, book: Pick<ReturnType<typeof createBook>, 'start'>) =>
  (places: readonly Place[], device: string, since: number): void => {
    lone.add(device, { since, places: places.map(({ id }) => id) });
    for (const place of places) {
      const near = lone.near(place, since);
      if (!near) continue;
      for (const [one] of near) lone.delete(one);
      book.start(place, near);
      return;
    }
  };

const isSettled =
  (now: number) =>
  ({ rest_since }: Kept): boolean =>
    rest_since !== null && now - rest_since >= L.incident_rest_ms;

const isNear = (one: number, other: number): boolean => Math.abs(one - other) <= L.incident_window_ms;

/** Devices that are away and in no incident yet: since when, by each of their places. */
const createLone = () => {
  const byPlace = new Map<string, Map<string, number>>();
  const places = new Map<string, readonly string[]>();
  const forget = (device: string) => {
    for (const id of places.get(device) ?? []) {
      const others = byPlace.get(id);
      others?.delete(device);
      if (others?.size === 0) byPlace.delete(id);
    }
    places.delete(device);
  };
  return {
    delete: forget,
    add(device: string, one: { since: number; places: readonly string[] }) {
      forget(device);
      places.set(device, one.places);
      for (const id of one.places) {
        const others = byPlace.get(id) ?? new Map<string, number>();
        byPlace.set(id, others.set(device, one.since));
      }
    },
    /** Those of a place that went within the window, where they are enough. */
    near({ id, least = L.incident_devices }: Place, since: number): [string, number][] | null {
      const others = byPlace.get(id);
      if (!others || others.size < least) return null;
      const near = [...others].filter(([, other]) => isNear(other, since));
      return near.length < least ? null : near;
    },
  };
};

/** Incidents as they are kept; the newest open one of each place, and the open ones by device that is away. */
const createBook = ({ papers, now, newId, changed = () => {} }: IncidentNeeds, documents: Recovered['documents']) => {
  const kept = new Map(structuredClone([...documentsOf<Kept>(documents, COLLECTION)]));
  const open = new Map<string, Kept>();
  const byDevice = new Map<string, Kept>();
  const index = (one: Kept) => {
    open.set(one.at, one);
    for (const device of one.gone) byDevice.set(device, one);
  };
  for (const one of [...kept.values()].sort((a, b) => a.joined - b.joined)) if (one.resolved === null) index(one);
  const save = (one: Kept) => {
    papers.put(COLLECTION, one.id, () => one);
    changed();
  };
  const trim = () => {
    for (const [id, { resolved }] of kept) {
      if (kept.size <= L.incidents) return;
      if (resolved === null) continue;
      kept.delete(id);
      papers.put(COLLECTION, id, null);
    }
  };
  return {
    ...{ kept, open, byDevice, save },
    goneAt: (place: string): number =>
      open.has(place)
        ? [...kept.values()].reduce((sum, one) => sum + (one.at === place && one.resolved === null ? one.gone.length : 0), 0)
        : 0,
    start({ id: at, name, site }: Place, members: readonly (readonly [string, number])[]) {
      const started = Math.min(...members.map(([, since]) => since));
      const devices = members.map(([device]) => device);
      const times = { started, resolved: null, joined: Math.max(...members.map(([, since]) => since)), rest_since: null };
      const one: Kept = { id: newId(), at, site, place: name, devices, gone: [...devices], told: null, ...times };
      kept.set(one.id, one);
      index(one);
      save(one);
      trim();
    },
    join(one: Kept, device: string, since: number) {
      if (!one.devices.includes(device)) one.devices.push(device);
      if (!one.gone.includes(device)) one.gone.push(device);
      one.joined = Math.max(one.joined, since);
      one.rest_since = null;
      byDevice.set(device, one);
      save(one);
    },
    close(one: Kept) {
      one.resolved = now();
      for (const device of one.gone) byDevice.delete(device);
      if (open.get(one.at) === one) open.delete(one.at);
      save(one);
    },
  };
};
