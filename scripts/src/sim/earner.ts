import type { Reading } from '@muster/shared/wire/messages';
import { createHistory, type Stream } from './earner-history.js';
import type { MachineKind } from './machine.js';
import type { Random } from './random.js';

/** A simulated reward counter: lifetime base units that grow by jobs, epochs or payments of a plausible size. */
export interface Earner {
  /** Readings to send now; empty between two looks. The first look brings the days before. */
  read(now: number): Reading[];
}

const EVERY_DAY = { pays_every: 1, exact: true };

const STREAMS: Record<MachineKind, readonly Stream[]> = {
  hotspot: [
    {
      ...EVERY_DAY,
      network: 'helium',
      token: 'HNT',
      decimals: 8,
      per_day: 21_000_000n,
      payments: 1_440,
      ups: { luck: 0.15, idle: 0 },
    },
  ],
  storage: [
    {
      ...{ ...EVERY_DAY, network: 'filecoin', token: 'FIL', decimals: 18, per_day: 910_000_000_000_000_000n, payments: 288 },
      ups: { luck: 0.6, idle: 0.12 },
    },
    { ...EVERY_DAY, network: 'storj', token: 'USD', decimals: 6, per_day: 240_000n, payments: 720, ups: { luck: 0.05, idle: 0 } },
  ],
  gpu: [
    {
      ...{ ...EVERY_DAY, network: 'render', token: 'RENDER', decimals: 8, per_day: 125_000_000n, payments: 480, exact: false },
      ups: { luck: 0.7, idle: 0.08 },
    },
  ],
  vehicle: [
    {
      ...{ network: 'dimo', token: 'DIMO', decimals: 18, per_day: 8_450_000_000_000_000_000n, payments: 720 },
      ...{ pays_every: 7, exact: true, ups: { luck: 0.1, idle: 0.05 } },
    },
  ],
};

const LOOK_MS = 20_000;
const DAY_MS = 86_400_000;

export interface EarnerOf {
  id: string;
  kind: MachineKind;
  /** Days of income before the first look. */
  history_days: number;
}

export const createEarner = ({ id, kind, history_days }: EarnerOf, random: Random): Earner => {
  const streams = STREAMS[kind].map((stream) => ({
    stream,
    skill: BigInt(600 + Math.floor(random.next() * 800)),
    amount: stream.per_day * BigInt(30 + Math.floor(random.next() * 300)),
    paid_to: Number.NaN,
  }));
  const history = createHistory(history_days, random.fork('history'));
  let next = 0;
  return {
    read(now) {
      if (now < next) return [];
      const past = next === 0 ? streams.flatMap((state) => pastOf(id, state, history(state.stream, state.skill, now))) : [];
      next = now + LOOK_MS;
      const present = streams.map((state) => {
        state.amount += earned(state, now, random);
        return reading(id, state.stream, { amount: state.amount, now });
      });
      return [...past, ...present];
    },
  };
};

/** The counter as it stood at each payment of the past, oldest first. */
const pastOf = (id: string, state: { stream: Stream; amount: bigint }, payments: readonly { at: number; amount: bigint }[]) =>
  payments.map(({ at, amount }) => {
    state.amount += amount;
    return reading(id, state.stream, { amount: state.amount, now: at });
  });

const earned = (state: { stream: Stream; skill: bigint; paid_to: number }, now: number, random: Random): bigint => {
  const { stream, skill } = state;
  const every = DAY_MS / stream.payments;
  if (Number.isNaN(state.paid_to)) state.paid_to = now;
  let sum = 0n;
  for (; state.paid_to + every <= now; state.paid_to += every) {
    const luck = BigInt(Math.floor(random.next() * 2_000));
    sum += (stream.per_day * skill * luck) / (1_000_000n * BigInt(stream.payments));
  }
  return sum;
};

const reading = (id: string, stream: Stream, { amount, now }: { amount: bigint; now: number }): Reading => ({
  kind: 'lifetime',
  network: stream.network,
  source: 'sim',
  account: `${stream.network}-${id}`,
  token: stream.token,
  decimals: stream.decimals,
  as_of: now,
  exact: stream.exact,
  amount: amount.toString(),
  resets: 'never',
});
