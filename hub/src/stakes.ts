/** What an hour without a device costs, and without several. */
import { formatFiat, parseFiat } from '@muster/shared/money';
import type { PresenceKeeper, Stake } from './parts.js';

type StakeOf = (device: string) => Stake | null;

/** While an agent is away, so are the devices that it speaks for. */
export const withCarried =
  (stake: StakeOf, fleet: { presence: Pick<PresenceKeeper, 'get'>; carried(agent: string): readonly string[] }): StakeOf =>
  (device) => {
    const carried = fleet.carried(device);
    const alone = carried.length === 0 || ['online', 'quiet', 'never_seen'].includes(fleet.presence.get(device).state);
    return alone ? stake(device) : sumOfStakes([device, ...carried].map(stake));
  };

/** What is known of it: a device without a price adds its tokens alone. */
export const sumOfStakes = (stakes: readonly (Stake | null)[]): Stake | null => {
  const known = stakes.flatMap((one) => one ?? []);
  const [first] = known;
  if (!first || known.length === 1) return first ?? null;
  const priced = known.flatMap(({ fiat_per_hour }) => (fiat_per_hour === null ? [] : [parseFiat(fiat_per_hour)]));
  const tokens = new Map<string, Stake['tokens'][number]>();
  for (const one of known.flatMap((stake) => stake.tokens)) {
    const key = `${one.network}\n${one.token}\n${one.decimals}`;
    const sum = BigInt(tokens.get(key)?.amount_per_hour ?? '0') + BigInt(one.amount_per_hour);
    tokens.set(key, { ...one, amount_per_hour: `${sum}` });
  }
  const fiat = priced.reduce((sum, one) => sum + one, 0n);
  return { currency: first.currency, fiat_per_hour: priced.length === 0 ? null : formatFiat(fiat), tokens: [...tokens.values()] };
};
