import type { Clock } from '@muster/shared/clock';
import type { NetworkDeclaration } from '@muster/shared/network';
import type { PricesView } from './fiat-port.js';

type Expects = NetworkDeclaration['expects'];

/** What a network declares about its income; null for a name that only a configuration gave, whose history speaks for itself. */
export const expectsOf = (networks: ReadonlyMap<string, Pick<NetworkDeclaration, 'expects' | 'configured'>>) => {
  return (network: string): Expects | null => {
    const found = networks.get(network);
    return found && !found.configured ? found.expects : null;
  };
};

const HOLDS_MS = 60_000;

/** Today's prices, put together once a minute at most. */
export const createPriceView = (prices: () => Pick<PricesView, 'state'>, clock: Pick<Clock, 'monotonic'>) => {
  let read = Number.NEGATIVE_INFINITY;
  let known = new Map<string, { price: string; currency: string }>();
  return (of: { network: string; token: string }): { price: string; currency: string } | null => {
    if (clock.monotonic() - read >= HOLDS_MS) {
      read = clock.monotonic();
      known = new Map(
        prices().state.flatMap(({ network, token, price, currency }) =>
          price !== null && currency !== null ? [[keyOf({ network, token }), { price, currency }] as const] : [],
        ),
      );
    }
    return known.get(keyOf(of)) ?? null;
  };
};

const keyOf = ({ network, token }: { network: string; token: string }): string => JSON.stringify([network, token]);
