import type { Reading } from '@muster/shared/wire/messages';
import type { MachineKind } from './machine.js';
import type { Random } from './random.js';

/** A simulated reward counter: lifetime base units that grow by jobs, epochs or payments of a plausible size. */
export interface Earner {
  /** Readings to send now; empty between two looks. */
  read(now: number): Reading[];
}

interface Stream {
  network: string;
  token: string;
  decimals: number;
  /** Base units per day, and how many payments make a day. */
  per_day: bigint;
  payments: number;
}

const STREAMS: Record<MachineKind, readonly Stream[]> = {
  hotspot: [{ network: 'helium', token: 'HNT', decimals: 8, per_day: 21_000_000n, payments: 1_440 }],
  storage: [
    { network: 'filecoin', token: 'FIL', decimals: 18, per_day: 410_000_000_000_000_000n, payments: 288 },
    { network: 'storj', token: 'USD', decimals: 6, per_day: 240_000n, payments: 720 },
  ],
  gpu: [{ network: 'render', token: 'RENDER', decimals: 8, per_day: 95_000_000n, payments: 480 }],
  vehicle: [{ network: 'dimo', token: 'DIMO', decimals: 18, per_day: 8_450_000_000_000_000_000n, payments: 720 }],
};

const LOOK_MS = 20_000;
const DAY_MS = 86_400_000;

export const createEarner = (id: string, kind: MachineKind, random: Random): Earner => {
  const streams = STREAMS[kind].map((stream) => ({
    stream,
    skill: BigInt(600 + Math.floor(random.next() * 800)),
    amount: stream.per_day * BigInt(30 + Math.floor(random.next() * 300)),
    paid_to: Number.NaN,
  }));
  let next = 0;
  return {
    read(now) {
      if (now < next) return [];
      next = now + LOOK_MS;
      return streams.map((state) => {
        state.amount += earned(state, now, random);
        return reading(id, state.stream, { amount: state.amount, now });
      });
    },
  };
};

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
  exact: true,
  amount: amount.toString(),
  resets: 'never',
});
