import { randomUUID } from 'node:crypto';
import type { Http } from '@muster/shared/http';
import { silentLog } from '@muster/shared/log';
import { createTestClock } from '@muster/shared/testing/clock';
import type { LiveValue } from '@muster/shared/wire/live';
import type { Device, Site } from '../../parts.js';
import type { Change, EntryQuery, LedgerEntry, Point, Recovered, SeriesQuery, Writer } from '../../store/store.js';
import { createFiatBook, type FiatBook } from '../fiat-book.js';

export const DAY = 86_400_000;
export const NOON = Date.UTC(2026, 0, 31, 12);
export const TODAY = Date.UTC(2026, 0, 31);

const blank = (id: string): Device => ({
  ...{ id, name: id, site: null, tags: [], about: {}, agent_version: null, interval_ms: null, carried_by: null },
  ...{ created_at: TODAY - 100 * DAY, watts: null, purchase_price: null, hosting_share: null },
});

const applyTo =
  (entries: Map<string, LedgerEntry>, documents: Map<string, Recovered['documents'][number]>) =>
  (changes: readonly Change[]): void => {
    for (const change of changes) {
      if (change.kind === 'entry') entries.set(change.entry.id, change.entry);
      if (change.kind !== 'document') continue;
      const key = `${change.collection}\n${change.key}`;
      if (change.value === null) documents.delete(key);
      else documents.set(key, JSON.parse(JSON.stringify(change)));
    }
  };

const writerOf = (apply: (changes: readonly Change[]) => void): Writer => ({
  accepts: () => true,
  queue: (changes) => apply(changes),
  write: async (changes) => apply(changes),
  number: () => 1,
  healthy: true,
});

const shelfOf = (sites: Map<string, Site>) => ({
  all: () => [...sites.values()],
  get: (id: string) => sites.get(id),
  put: async () => {},
  delete: async () => true,
});

type Points = Map<string, (query: SeriesQuery) => Point[]>;

const readerOf = (entries: Map<string, LedgerEntry>, points: Points, gate: () => Promise<void>) => ({
  async entries({ from = 0, to = Number.POSITIVE_INFINITY, device, network, without_opening, after, limit }: EntryQuery) {
    await gate();
    const found = [...entries.values()]
      .filter(
        (one) => one.ts >= from && one.ts < to && (!device || one.device === device) && (!network || one.network === network),
      )
      .filter((one) => !without_opening || one.kind !== 'opening')
      .sort((a, b) => a.ts - b.ts || (a.id < b.id ? -1 : 1));
    const start = after === undefined ? 0 : found.findIndex(({ id }) => id === after) + 1;
    return found.slice(start, start + limit);
  },
  series: async (query: SeriesQuery) => ({ tier: 'raw' as const, points: points.get(query.device)?.(query) ?? [] }),
});

/** Fiat over a ledger in memory; `restart` begins anew from what was queued. */
export const createFiatHarness = (http: Http = { request: () => Promise.reject(new Error('nothing goes out here')) }) => {
  const clock = createTestClock(NOON);
  const devices = new Map<string, Device>();
  const sites = new Map<string, Site>();
  const entries = new Map<string, LedgerEntry>();
  const documents = new Map<string, Recovered['documents'][number]>();
  const values = new Map<string, LiveValue[]>();
  const points = new Map<string, (query: SeriesQuery) => Point[]>();
  let gate: Promise<void> = Promise.resolve();
  let book: FiatBook;

  const apply = applyTo(entries, documents);
  const writer = writerOf(apply);
  const reader = readerOf(entries, points, () => gate);
  const make = () => {
    book = createFiatBook(
      {
        ...{
          registry: { get: (id) => devices.get(id), all: () => devices.values(), sites: shelfOf(sites) },
          writer,
          reader,
          http,
          clock,
        },
        presence: { availability: async (_device, from, to) => [{ state: 'online', from, to }] },
        ...{
          latest: { of: (id) => values.get(id) ?? [] },
          alerts: () => ({ list: () => [] }),
          random: () => 0.5,
          log: silentLog,
        },
        capacities: new Map<string, { metric: string; unit: string; labels?: Record<string, string> }>([
          ['storj', { metric: 'space_used', unit: 'TB' }],
          ['filecoin', { metric: 'power', unit: 'TiB', labels: { kind: 'raw' } }],
        ]),
      },
      { documents: [...documents.values()] },
    );
  };
  make();
  return {
    ...{ clock, devices, sites, entries, documents, values, points, apply, reader },
    get book() {
      return book;
    },
    device(id: string, more: Partial<Device> = {}) {
      devices.set(id, { ...blank(id), ...more });
    },
    /** Stored, and seen as every booked entry is. */
    earn(entry: LedgerEntry) {
      apply([{ kind: 'entry', entry }]);
      book.take([{ kind: 'entry', entry }]);
    },
    restart: make,
    /** Until it is opened nothing is read from the ledger. */
    close(): () => void {
      let open = () => {};
      gate = new Promise((resolve) => {
        open = resolve;
      });
      return open;
    },
    prices: (tokens: Record<string, string>) =>
      book.setPrices({
        sources: Object.fromEntries(Object.entries(tokens).map(([token, price]) => [token, { provider: 'fixed', price }])),
      }),
  };
};

export const income = (device: string, amount: bigint, more: Partial<LedgerEntry> = {}): LedgerEntry => ({
  ...{ id: `e-${randomUUID()}`, device, network: 'storj', account: 'a', token: 'STORJ', decimals: 8, source: 'node' },
  ...{ ts: TODAY + 1_000, amount: `${amount}`, exact: true, kind: 'increase', seen: NOON },
  ...more,
});
