import { silentLog } from '@muster/shared/log';
import type { Reading } from '@muster/shared/wire/messages';
import { createHandWriter, type HandWriter } from '../../hand-writer.js';
import type { Device } from '../../parts.js';
import type { Change, LedgerEntry, Reader, Recovered } from '../../store/store.js';
import { createEarnings, type Earnings } from '../book.js';

export const DAY = 86_400_000;
export const START = Date.UTC(2026, 0, 10);

const device = (id: string, more: Partial<Device> = {}): Device => ({
  ...{ id, name: id, site: null, tags: [], about: {}, agent_version: null, interval_ms: null, carried_by: null },
  ...{ created_at: 0, watts: null, purchase_price: null, hosting_share: null },
  ...more,
});

/** Earnings over a store in memory; `restart` begins anew from what was queued. */
export const createHarness = () => {
  const devices = new Map<string, Device>(['pi', 'rig'].map((id) => [id, device(id)]));
  const documents = new Map<string, Recovered['documents'][number]>();
  const entries = new Map<string, LedgerEntry>();
  const changed: string[] = [];
  let now = START;
  let earnings: Earnings;

  const apply = (change: Change) => {
    if (change.kind === 'entry' && !entries.has(change.entry.id)) entries.set(change.entry.id, { ...change.entry });
    if (change.kind !== 'document') return;
    const key = `${change.collection}\n${change.key}`;
    if (change.value === null) documents.delete(key);
    else documents.set(key, JSON.parse(JSON.stringify(change)));
  };
  const reader = readerOf(entries);
  const writer = writerTo(apply);
  const make = () => {
    earnings = createEarnings(
      { registry: { get: (id) => devices.get(id) }, now: () => now, log: silentLog, writer },
      { documents: [...documents.values()] },
    );
    earnings.changed.on((id) => changed.push(id));
  };
  make();

  return {
    devices,
    documents,
    changed,
    writer,
    reader,
    apply,
    get earnings() {
      return earnings;
    },
    place: (id: string, more: Partial<Device>) => devices.set(id, device(id, more)),
    entries: () => [...entries.values()],
    book(readings: readonly Reading[], agent = 'pi', also: readonly string[] = []) {
      const changes = earnings.book(agent, new Set([agent, ...also]), readings, now);
      changes.forEach(apply);
      return changes;
    },
    bookHub(readings: readonly Reading[], device: string | null = null) {
      const changes = earnings.bookHub(
        readings.map((reading) => ({ device, reading })),
        now,
      );
      changes.forEach(apply);
      return changes;
    },
    async restart() {
      make();
      const changes = await earnings.start(reader);
      changes.forEach(apply);
      return changes;
    },
    move(ms: number) {
      now += ms;
      earnings.tick();
    },
    /** What the entries of a device add up to. */
    sumOf: (id: string) =>
      [...entries.values()].filter((one) => one.device === id).reduce((sum, one) => sum + BigInt(one.amount), 0n),
    sum: (kind: 'opening' | 'rest' | 'all' = 'all') =>
      [...entries.values()]
        .filter((one) => kind === 'all' || (kind === 'opening') === (one.kind === 'opening'))
        .reduce((sum, one) => sum + BigInt(one.amount), 0n),
  };
};

const writerTo = (apply: (change: Change) => void): HandWriter => {
  const writer = createHandWriter();
  const { queue } = writer;
  writer.queue = (changes, options) => {
    changes.forEach(apply);
    queue(changes, options);
  };
  return writer;
};

const readerOf = (entries: ReadonlyMap<string, LedgerEntry>): Pick<Reader, 'entries'> => ({
  async entries({ from = 0, to = Number.POSITIVE_INFINITY, device: id, network, without_opening, after = '', limit }) {
    return [...entries.values()]
      .filter((one) => one.ts >= from && one.ts < to && one.id > after)
      .filter((one) => (!id || one.device === id) && (!network || one.network === network))
      .filter((one) => !without_opening || one.kind !== 'opening')
      .sort((a, b) => (a.id < b.id ? -1 : 1))
      .slice(0, limit);
  },
});

const stream = { network: 'storj', source: 'node', account: '1abc', token: 'STORJ', decimals: 8, exact: true };

export const lifetime = (as_of: number, amount: bigint | string, more: Partial<Reading> = {}): Reading =>
  ({ ...stream, as_of, kind: 'lifetime', amount: `${amount}`, resets: 'never', ...more }) as Reading;

export const ledger = (as_of: number, amounts: Record<string, bigint | string>, more: Partial<Reading> = {}): Reading =>
  ({
    ...{ ...stream, as_of, kind: 'ledger' },
    entries: Object.entries(amounts).map(([id, amount]) => ({ id, ts: START - DAY + id.length, amount: `${amount}` })),
    ...more,
  }) as Reading;
