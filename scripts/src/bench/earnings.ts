import { createRegistry } from '@muster/hub/devices/registry';
import { createTracker } from '@muster/hub/devices/tracker';
import { createFiatBook, type FiatBook } from '@muster/hub/earnings/fiat-book';
import { createLatest } from '@muster/hub/ingest/latest';
import type { CompareQuery, CompareSort } from '@muster/hub/parts';
import { type OpenStore, openStore } from '@muster/hub/store/open';
import type { Change, Json, LedgerEntry } from '@muster/hub/store/store';
import { createSystemClock } from '@muster/shared/clock';
import { createHttp } from '@muster/shared/http';
import { silentLog } from '@muster/shared/log';
import { utcDay } from '@muster/shared/money';
import { createRandom, type Random } from '../sim/random.js';
import { percentile } from './facts.js';
import type { BenchFigures, BenchOptions } from './main.js';
import { benchFolder } from './store/disk.js';
import { amount, readOptions } from './store/options.js';

/** Comparing a fleet over 90 days while its income goes on, hub side: from the call to the text of the reply. */
export const title = 'p50 and p99 of comparing devices over a filled ledger (--devices --days --rounds --seed)';

const OPTIONS = {
  devices: amount('devices', 10_000, 100_000, 'Devices with income every day'),
  days: amount('days', 90, 180, 'Days of the period; the ledger holds twice as many'),
  rounds: amount('rounds', 60, 10_000, 'Questions of each kind'),
  seed: amount('seed', 1, 2 ** 31, 'The same seed gives the same ledger'),
};
type Options = { [K in keyof typeof OPTIONS]: number };

const DAY_MS = 86_400_000;
const WARM_UP = 5;
/** Entries that come between two questions: 10,000 devices that are paid every ten minutes, asked every five seconds. */
const BETWEEN = 80;
const GROUP = 5_000;
const STREAMS = [
  { network: 'helium', token: 'HNT', decimals: 8, base: 21_000_000n },
  { network: 'filecoin', token: 'FIL', decimals: 18, base: 410_000_000_000_000_000n },
  { network: 'render', token: 'RENDER', decimals: 8, base: 95_000_000n },
  { network: 'dimo', token: 'DIMO', decimals: 18, base: 8_450_000_000_000_000_000n },
  { network: 'storj', token: 'USD', decimals: 6, base: 240_000n },
];

export const run = async ({ flags, print }: BenchOptions): Promise<BenchFigures> => {
  const options = readOptions(OPTIONS, flags);
  const folder = benchFolder(3e9);
  const clock = createSystemClock();
  const store = await openStore({ file: folder.path('earnings.db'), clock, log: silentLog });
  try {
    const random = createRandom(options.seed);
    const from = utcDay(Date.now()) - (2 * options.days - 1) * DAY_MS;
    await fill(store, { options, from, random, print });
    const book = createBook(store, options);
    await setPrices(book);
    const before = process.memoryUsage.rss();
    const started = performance.now();
    await book.start();
    const seconds = (performance.now() - started) / 1_000;
    const megabytes = (bytes: number) => (bytes / 2 ** 20).toFixed(0);
    print(`read into memory in ${seconds.toFixed(1)} s behind the start: ${megabytes(book.bytes())} MiB of sums`);
    const p50 = await askAll(book, { options, random, print });
    print(`resident memory grew by ${megabytes(process.memoryUsage.rss() - before)} MiB`);
    book.stop();
    return { compare_p50_ms: p50 };
  } finally {
    await store.close();
    folder.remove();
  }
};

interface Filling {
  options: Options;
  from: number;
  random: Random;
  print: BenchOptions['print'];
}

const nameOf = (index: number): string => `node-${`${index + 1}`.padStart(5, '0')}`;

const fill = async (store: OpenStore, { options, from, random, print }: Filling): Promise<void> => {
  const started = performance.now();
  let count = 0;
  for (let day = 0; day < 2 * options.days; day++) {
    const entries: Change[] = [];
    for (let device = 0; device < options.devices; device++) {
      for (const stream of streamsOf(device)) {
        const ts = from + day * DAY_MS + 3_600_000;
        entries.push({ kind: 'entry', entry: entryOf(device, { stream, ts, random, id: `${stream.network}-${device}-${day}` }) });
      }
    }
    for (let at = 0; at < entries.length; at += GROUP) await store.engine.commit(entries.slice(at, at + GROUP));
    count += entries.length;
  }
  print(`filled ${options.devices} devices, ${count} entries in ${((performance.now() - started) / 1_000).toFixed(0)} s`);
};

/** Every fourth device earns on two networks. */
const streamsOf = (device: number) => {
  const first = device % STREAMS.length;
  const kinds = device % 4 === 0 ? [first, (first + 1) % STREAMS.length] : [first];
  return kinds.flatMap((kind) => STREAMS[kind] ?? []);
};

type Entry = { stream: (typeof STREAMS)[number]; ts: number; random: Random; id: string };
const entryOf = (device: number, { stream, ts, random, id }: Entry): LedgerEntry => {
  const { network, token, decimals, base } = stream;
  const amount = (base * BigInt(500 + Math.floor(random.next() * 1_000))) / 1_000n;
  return {
    ...{ id, device: nameOf(device), network, account: `${network}-${device}`, token, decimals, source: 'bench', ts },
    ...{ amount: `${amount}`, exact: true, kind: 'increase', seen: ts },
  };
};

const createBook = (store: OpenStore, { devices }: Options): FiatBook => {
  const clock = createSystemClock();
  const now = () => clock.now();
  const { writer, engine } = store;
  const documents = [
    ...['roof', 'barn'].map((id) => documentOf('sites', id, siteOf(id))),
    ...Array.from({ length: devices }, (_, index) => documentOf('devices', nameOf(index), deviceOf(index))),
  ];
  const basics = { writer, now, random: (bytes: number) => new Uint8Array(bytes), log: silentLog };
  const registry = createRegistry({ ...basics, random: (bytes) => Buffer.alloc(bytes) }, documents);
  const latest = createLatest(now);
  const device = (id: string) => registry.get(id);
  const presence = createTracker({ clock, writer, device, newest: (id) => latest.newest(id), log: silentLog }, documents);
  return createFiatBook(
    {
      ...{ registry, presence, latest, alerts: () => ({ list: () => [] }), reader: engine, writer, http: createHttp(), clock },
      ...{ random: Math.random, log: silentLog, capacities: new Map() },
    },
    { documents },
  );
};

const documentOf = (collection: string, key: string, value: Json) => ({ collection, key, value });

/** One of two sites has a night tariff. */
const siteOf = (id: string): Json => ({
  ...{ id, name: id, tariff: '0.31', time_zone: 'Europe/Berlin' },
  ...(id === 'barn' && { tariff_periods: [{ days: [1, 2, 3, 4, 5, 6, 7], from: '22:00', to: '06:00', tariff: '0.19' }] }),
});

const deviceOf = (index: number): Json => ({
  ...{ id: nameOf(index), name: nameOf(index), site: index % 2 ? 'roof' : 'barn', tags: [`group-${index % 7}`] },
  ...{ about: { model: `model-${index % 3}` }, agent_version: null, interval_ms: null, carried_by: null, created_at: 0 },
  ...{ watts: 4 + (index % 300), purchase_price: '499.00', hosting_share: index % 9 === 0 ? 0.2 : null },
});

/** Nothing goes out: every price is stated. */
const setPrices = async (book: FiatBook): Promise<void> => {
  const tokens = { HNT: '0.27', FIL: '1.31', RENDER: '2.915', DIMO: '0.0183', USD: '1' };
  await book.setPrices({
    sources: Object.fromEntries(Object.entries(tokens).map(([token, price]) => [token, { provider: 'fixed', price }])),
  });
};

const askAll = async (book: FiatBook, asking: Omit<Filling, 'from'>): Promise<number> => {
  const p50 = await ask(book, asking, { sort: 'fiat' });
  await ask(book, asking, { sort: 'z' });
  await ask(book, asking, { sort: 'net', network: 'filecoin' });
  const tomorrow = utcDay(Date.now()) + DAY_MS;
  for (const by of ['device', 'network', 'tag', 'day'] as const) {
    await measure(`earnings by ${by}`, { ...asking, book }, async () => {
      return (await book.earnings({ from: tomorrow - asking.options.days * DAY_MS, to: tomorrow, by })).length;
    });
  }
  return p50;
};

const ask = (book: FiatBook, asking: Omit<Filling, 'from'>, of: { sort: CompareSort; network?: string }): Promise<number> => {
  const to = utcDay(Date.now()) + DAY_MS;
  const query: CompareQuery = { from: to - asking.options.days * DAY_MS, to, descending: true, limit: 100, skip: 0, ...of };
  return measure(`compare, ${asking.options.days} days, by ${Object.values(of).join(' of ')}`, { ...asking, book }, async () => {
    const page = await book.compare({ ...query, skip: 100 * Math.floor(asking.random.next() * 10) });
    return JSON.stringify(page).length > 0 ? page.items.length : 0;
  });
};

const measure = async (
  label: string,
  { options, random, print, book }: Omit<Filling, 'from'> & { book: FiatBook },
  question: () => Promise<number>,
): Promise<number> => {
  const times: number[] = [];
  let rows = 0;
  for (let round = -WARM_UP; round < options.rounds; round++) {
    book.take(newIncome(options.devices, random));
    const started = performance.now();
    rows = await question();
    if (round >= 0) times.push(performance.now() - started);
  }
  const [p50, p99] = [percentile(times, 0.5), percentile(times, 0.99)];
  print(`${label}: p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms (${rows} rows)`);
  return p50;
};

const newIncome = (devices: number, random: Random): Change[] =>
  Array.from({ length: BETWEEN }, () => Math.floor(random.next() * devices)).flatMap((device) => {
    return streamsOf(device).map((stream): Change => {
      return { kind: 'entry', entry: entryOf(device, { stream, ts: Date.now(), random, id: `live-${random.next()}` }) };
    });
  });
