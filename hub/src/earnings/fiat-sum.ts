import { divideEven, formatFiat, parseDecimal } from '@muster/shared/money';
import type { Device, EarningsRow } from '../parts.js';
import type { Cost } from './cost.js';
import type { Series } from './daily.js';
import type { Streams } from './fiat-port.js';

/** What a device earned in a span of days: amounts by token, and their fiat as far as it is known. */
export interface Account {
  streams: { network: string; token: string; decimals: number; exact: boolean; amount: bigint }[];
  fiat: bigint;
  /** Of a part the price is not known; of a part it is that of an earlier day. */
  unknown: boolean;
  earlier: boolean;
  /** Something of it has a price. */
  valued: boolean;
}

/** Of the days [from, to), as day numbers. */
export const accountOf = (list: readonly Series[], span: readonly [number, number], network?: string): Account => {
  const [from, to] = span;
  const account: Account = { streams: [], fiat: 0n, unknown: false, earlier: false, valued: false };
  for (const one of list) {
    if (network !== undefined && one.network !== network) continue;
    const amount = one.amounts.between(from, to);
    if (one.unknown?.between(from, to)) account.unknown = true;
    if (one.earlier?.between(from, to)) account.earlier = true;
    const fiat = one.fiat.between(from, to);
    account.fiat += fiat;
    if (fiat !== 0n) account.valued = true;
    if (amount !== 0n) addStream(account.streams, one, amount);
  }
  return account;
};

const addStream = (streams: Account['streams'], of: Omit<Account['streams'][number], 'amount'>, amount: bigint) => {
  const { network, token, decimals, exact } = of;
  const known = streams.find((one) => one.token === token && one.network === network && one.decimals === decimals);
  if (!known) return void streams.push({ network, token, decimals, exact, amount });
  known.amount += amount;
  known.exact &&= exact;
};

export const streamsOf = (streams: Account['streams']): Streams =>
  [...streams]
    .sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1))
    .map(({ network, token, decimals, exact, amount }) => ({ network, token, decimals, amount: `${amount}`, estimated: !exact }));

const keyOf = ({ network, token, decimals }: Account['streams'][number]): string => JSON.stringify([network, token, decimals]);

/** What the host keeps of an income; nothing of a loss. */
export const hostingOf = (device: Device | undefined, fiat: bigint): bigint => {
  const share = device?.hosting_share ?? 0;
  if (share === 0 || fiat <= 0n) return 0n;
  const { digits, places } = parseDecimal(String(share));
  return divideEven(fiat * digits, places > 0 ? 10n ** BigInt(places) : 1n);
};

/** Adds devices up; what is not known of one is not known of the sum, and said with what is. */
export class MoneySum {
  readonly streams: Account['streams'] = [];
  fiat = 0n;
  cost = 0n;
  hosting = 0n;
  #fiat_unknown = false;
  #fiat_valued = false;
  #cost_unknown = false;
  #cost_known = false;

  add({ streams, fiat, unknown, valued }: Account, hosting: bigint): void {
    for (const one of streams) addStream(this.streams, one, one.amount);
    this.fiat += fiat;
    this.hosting += hosting;
    this.#fiat_unknown ||= unknown;
    this.#fiat_valued ||= valued;
  }
  addCost({ cost }: Pick<Cost, 'cost'>): void {
    if (cost === null) this.#cost_unknown = true;
    else this.#cost_known = true;
    this.cost += cost ?? 0n;
  }
  get net(): bigint | null {
    return this.#fiat_unknown || this.#cost_unknown ? null : this.fiat - this.hosting - this.cost;
  }

  row(): Omit<EarningsRow, 'key'> {
    const incomplete = {
      ...(this.#fiat_unknown && this.#fiat_valued && { fiat: formatFiat(this.fiat) }),
      ...(this.#cost_unknown && this.#cost_known && { cost: formatFiat(this.cost) }),
    };
    return {
      streams: streamsOf(this.streams),
      fiat: this.#fiat_unknown ? null : formatFiat(this.fiat),
      cost: this.#cost_unknown ? null : formatFiat(this.cost),
      net: this.net === null ? null : formatFiat(this.net),
      ...(Object.keys(incomplete).length > 0 && { incomplete }),
    };
  }
}
