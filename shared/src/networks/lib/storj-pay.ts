import { AppError } from '../../errors.js';
import { textOf } from '../../json-path.js';
import type { LosslessJson } from '../../lossless.js';
import { toBaseUnits } from '../../money.js';
import type { ReadingDraft } from '../../network.js';
import { field } from './json-field.js';

/** What a Storj node says of its pay, all in micro-USD. One row (paystub) for each satellite and month; rows are replaced as payment goes on. */
export const USD = { token: 'USD', decimals: 6 } as const;

export interface Paystub {
  id: string;
  /** Last millisecond of the month that it pays for. */
  ts: number;
  /** All that the month earned, put traffic left out as the node itself does. */
  earned: bigint;
  held: bigint;
  /** Held money of earlier months that is given back. */
  disposed: bigint;
  paid: bigint;
  /** Really sent. */
  distributed: bigint;
}

export const readPaystubs = (json: LosslessJson): Paystub[] => {
  if (json === null) return [];
  if (!Array.isArray(json)) throw new AppError('bad_reply', 'The Storj node answered something else than a list of paystubs');
  return json.map(readPaystub);
};

const readPaystub = (json: LosslessJson): Paystub => {
  const satellite = textOf(field(json, 'satelliteId')) ?? '';
  const period = textOf(field(json, 'period')) ?? '';
  const ts = endOf(period);
  if (satellite === '' || ts === null)
    throw new AppError('bad_reply', 'A paystub of the Storj node lacks its satellite or month');
  const parts = ['compAtRest', 'compGet', 'compGetRepair', 'compGetAudit'].map((name) => microUsd(json, name, true));
  const plain = parts.reduce((sum, part) => sum + part, 0n);
  const surge = microUsd(json, 'surgePercent');
  const [held, disposed] = [microUsd(json, 'held'), microUsd(json, 'disposed')];
  return {
    id: `${satellite}/${period}`.slice(0, 200),
    ts,
    earned: surge > 0n ? (plain * surge) / 100n : plain,
    held,
    disposed,
    paid: microUsd(json, 'paid'),
    distributed: microUsd(json, 'distributed'),
  };
};

const microUsd = (json: LosslessJson, name: string, needed = false): bigint => {
  const text = textOf(field(json, name));
  if (text === null && !needed) return 0n;
  if (text === null || !/^-?\d{1,30}$/.test(text))
    throw new AppError(
      'bad_reply',
      `A paystub of the Storj node has ${text === null ? 'no' : 'a wrong'} "${name}"; a whole number is needed`,
    );
  return BigInt(text);
};

/** Last millisecond of a month such as 2026-10, UTC; null when it is none. */
const endOf = (period: string): number | null => {
  const match = /^(\d{4})-(0[1-9]|1[0-2])$/.exec(period);
  return match ? Date.UTC(Number(match[1]), Number(match[2]), 1) - 1 : null;
};

export const monthOf = (ts: number): string => new Date(ts).toISOString().slice(0, 7);
export const monthBefore = (month: string): string => monthOf(Date.parse(`${month}-01T00:00:00Z`) - 1);

/**
 * Two streams whose sum is what the node earned: what is owed to the wallet, and what is held back until the node leaves.
 * Also without a row: so the exact source is the booked one before its first month is over.
 */
export const payReadings = (node: string, stubs: readonly Paystub[]): ReadingDraft[] => {
  const ledger = (account: string, amountOf: (stub: Paystub) => bigint): ReadingDraft => ({
    ...{ kind: 'ledger', account, ...USD, exact: true },
    entries: stubs.map((stub) => ({ id: stub.id, ts: stub.ts, amount: `${amountOf(stub)}` })),
  });
  return [
    ledger(node, ({ earned, held, disposed }) => earned - held + disposed),
    ledger(`${node}/held`, ({ held, disposed }) => held - disposed),
  ];
};

export interface Estimate {
  current: bigint;
  previous: bigint | null;
}

/** Cents with two decimals, as floating point numbers: an estimate that falls to 0 when a month begins. */
export const readEstimate = (json: LosslessJson): Estimate | null => {
  const current = centsIn(field(field(json, 'currentMonth') ?? null, 'payout'));
  const previous = centsIn(field(field(json, 'previousMonth') ?? null, 'payout'));
  return current === null ? null : { current, previous };
};

/** Hundredths of a cent, rounded: 164.49 cents are 1644900 micro-USD. */
const centsIn = (node: LosslessJson | undefined): bigint | null => {
  const text = textOf(node);
  if (text === null) return null;
  const fine = toBaseUnits(text, 14, { floor: true });
  const half = 5_000_000_000n;
  return (fine + (fine < 0n ? -half : half)) / (2n * half);
};

/** A source of its own beside the paystubs: of one account only one source is booked, so a month never counts twice. */
export const estimateReading = (node: string, { current, previous }: Estimate, now: number): ReadingDraft => {
  const month = monthOf(now);
  const before = monthBefore(month);
  // The month that still runs is dated by its first moment: a date that moved would make every reading a new one.
  const entry = (id: string, amount: bigint) => ({ id, ts: Date.parse(`${id}-01T00:00:00Z`), amount: `${amount}` });
  return {
    ...{ kind: 'ledger', source: 'storj-estimate', account: node, ...USD, exact: false },
    entries: [...(previous === null ? [] : [entry(before, previous)]), entry(month, current)],
  };
};
