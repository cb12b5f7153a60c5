/** When each stream brought income and how much a day, as far back as the rules about earning look. */
import { DAY_MS, type DayAmounts, type Income, mergeWindow, PACE_DAYS } from '@muster/shared/earning-pace';
import type { Change, LedgerEntry, Reader } from '../store/store.js';
import type { StreamView } from './book.js';
import { pages } from './query.js';

export interface StreamIncome extends StreamView {
  incomes: readonly Income[];
  days: DayAmounts;
}

export interface IncomeBook {
  /** Reads the ledger behind the start; entries that are taken meanwhile count once. */
  load(reader: Pick<Reader, 'entries'>): Promise<void>;
  /** Takes what is queued for the store. */
  take(changes: readonly Change[]): void;
  forget(device: string): void;
  of(device: string): StreamIncome[];
}

/** Enough for a rate of luck; a stream that earns all day long fills them in a month. */
const MOST_INCOMES = 128;

interface Held {
  device: string;
  /** In seconds, from and to by turns: 10,000 devices have 20,000 streams. */
  times: Uint32Array;
  first: number;
  amounts: number[];
}

export interface IncomeNeeds {
  streams(device: string): readonly StreamView[];
  stream(of: Pick<LedgerEntry, 'network' | 'account' | 'token'>): StreamView | undefined;
  cadence(network: string): number | null;
  now(): number;
}

export const createIncome = ({ streams, stream, cadence, now }: IncomeNeeds): IncomeBook => {
  const held = new Map<string, Held>();
  let taken: Set<string> | null = null;

  const find = ({ id, device }: StreamView): Held => {
    const known = held.get(id);
    if (known?.device === device) return known;
    const made: Held = { device, times: new Uint32Array(0), first: Number.NaN, amounts: [] };
    held.set(id, made);
    return made;
  };
  const add = (entry: LedgerEntry) => {
    const view = entry.kind === 'opening' ? undefined : stream(entry);
    // What another device earned on the account before says nothing about this one.
    if (!view || view.device !== entry.device) return;
    const own = find(view);
    const amount = BigInt(entry.amount);
    // A ledger dates its entries as it likes: what counts is when they were there to be seen.
    const at = view.ledger ? entry.seen : entry.ts;
    if (amount > 0n && entry.kind === 'increase') {
      own.times = withIncome(own.times, Math.min(at, now()), mergeWindow(cadence(entry.network)));
    }
    addAmount(own, Math.floor(entry.ts / DAY_MS), Number(amount) / 10 ** entry.decimals);
  };

  return {
    async load(reader) {
      taken = new Set();
      const from = (Math.floor(now() / DAY_MS) - PACE_DAYS) * DAY_MS;
      try {
        for await (const page of pages(reader, { from, without_opening: true })) {
          for (const entry of page) if (!taken.has(entry.id)) add(entry);
        }
      } finally {
        taken = null;
      }
    },
    take(changes) {
      for (const change of changes) {
        if (change.kind !== 'entry') continue;
        taken?.add(change.entry.id);
        add(change.entry);
      }
    },
    forget(device) {
      for (const [id, one] of held) if (one.device === device) held.delete(id);
    },
    of: (device) =>
      streams(device).map((view) => {
        const own = held.get(view.id);
        if (own?.device !== device) return { ...view, incomes: [], days: NO_DAYS };
        return { ...view, incomes: incomesOf(own.times), days: daysOf(own, Math.floor(now() / DAY_MS)) };
      }),
  };
};

const NO_DAYS: DayAmounts = { first: 0, amounts: [] };

const incomesOf = (times: Uint32Array): Income[] => {
  const incomes: Income[] = [];
  for (let at = 0; at < times.length; at += 2) incomes.push({ from: (times[at] ?? 0) * 1_000, to: (times[at + 1] ?? 0) * 1_000 });
  return incomes;
};

/** What comes within the window of another is part of it; what comes late finds its place. */
const withIncome = (times: Uint32Array, at: number, window: number): Uint32Array => {
  const last = (times.at(-2) ?? 0) * 1_000;
  if (times.length > 0 && at >= last && at - last < window) {
    times[times.length - 1] = Math.max(times.at(-1) ?? 0, Math.floor(at / 1_000));
    return times;
  }
  const incomes = incomesOf(times);
  addIncome(incomes, at, window);
  return Uint32Array.from(
    incomes.slice(-MOST_INCOMES).flatMap(({ from, to }) => [Math.floor(from / 1_000), Math.floor(to / 1_000)]),
  );
};

const addIncome = (incomes: Income[], at: number, window: number) => {
  let place = incomes.length;
  while (place > 0 && (incomes[place - 1]?.from ?? 0) > at) place--;
  const before = incomes[place - 1];
  const after = incomes[place];
  if (before && at - before.from < window) before.to = Math.max(before.to, at);
  else if (after && after.to - at < window) after.from = at;
  else incomes.splice(place, 0, { from: at, to: at });
};

const addAmount = (own: Held, day: number, amount: number) => {
  if (own.amounts.length === 0) own.first = day;
  if (day < own.first) {
    const more = own.first - day;
    if (more + own.amounts.length > PACE_DAYS) return;
    own.amounts.unshift(...Array.from({ length: more }, () => 0));
    own.first = day;
  }
  while (own.first + own.amounts.length <= day) own.amounts.push(0);
  const slot = day - own.first;
  own.amounts[slot] = (own.amounts[slot] ?? 0) + amount;
  const over = own.amounts.length - PACE_DAYS;
  if (over <= 0) return;
  own.amounts.splice(0, over);
  own.first += over;
};

/** Through today: days since the last income count as nothing. */
const daysOf = ({ first, amounts }: Held, today: number): DayAmounts => {
  const missing = Math.min(PACE_DAYS, today - first - amounts.length + 1);
  return { first, amounts: missing > 0 ? [...amounts, ...Array.from({ length: missing }, () => 0)] : amounts };
};
