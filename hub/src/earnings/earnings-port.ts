/** PORT: the ledger and what is asked of it. */
import type { Signal } from '@muster/shared/signal';
import type { LiveDevice } from '@muster/shared/wire/live';
import type { Reading } from '@muster/shared/wire/messages';
import type { Change } from '../store/store.js';
import type * as fiat from './fiat-port.js';

export interface StreamKey {
  network: string;
  account: string;
  token: string;
}
export interface EarningsRow {
  key: string;
  streams: { network: string; token: string; decimals: number; amount: string; estimated: boolean }[];
  fiat: string | null;
  cost: string | null;
  net: string | null;
  incomplete?: fiat.Incomplete | undefined;
}
export interface EarningsQuery {
  from: number;
  to: number;
  by: 'device' | 'network' | 'site' | 'tag' | 'day';
  device?: string | undefined;
  network?: string | undefined;
  site?: string | undefined;
  tag?: string | undefined;
}
export interface NetworkState {
  /** Plain text that can be part of a URL. */
  id: string;
  network: string;
  device: string;
  account: string;
  token: string;
  source: string;
  booked: boolean;
  /** `failed`: its agent says that the source does not answer; `waiting`: the hub has not asked it yet. */
  state: 'ok' | 'refused' | 'failed' | 'waiting';
  last_reading: number | null;
  last_error: string | null;
  /** Who asks it. */
  by?: 'agent' | 'hub';
  /** Whose its income is now, where it is not one device's. */
  shares?: readonly AccountShare[];
  /** Of a source that the hub asks: its last answer, and when it is asked next. */
  last_ok?: number | null;
  next_at?: number | null;
}
/** `parts` is a whole number; a device gets parts / sum of all parts. */
export interface AccountShare {
  device: string;
  parts: number;
}
/** Shares hold for income dated `from` and later. */
export interface AccountPeriod {
  from: number;
  shares: readonly AccountShare[];
}
export interface AccountView {
  network: string;
  account: string;
  periods: readonly AccountPeriod[];
  streams: {
    token: string;
    decimals: number;
    /** Id of the source that the operator chose; null: the rule chooses. */
    chosen: string | null;
    sources: { id: string; source: string; by: 'agent' | 'hub'; exact: boolean; booked: boolean; last_reading: number }[];
  }[];
}
/** What a source of the hub said; `device` null: of an account without a device of its own. */
export interface HubReading {
  device: string | null;
  reading: Reading;
}
export interface EarningsBook {
  /** Books what is new; answers the changes to commit before the PUBACK. */
  book(agent: string, devices: ReadonlySet<string>, readings: readonly Reading[], seen: number): Change[];
  /** The same for what the hub itself asked. */
  bookHub(readings: readonly HubReading[], seen: number): Change[];
  account(network: string, account: string): AccountView | undefined;
  /** From a date on, never for income that is booked already; answers what holds then. */
  share(
    of: { network: string; account: string },
    period: { from?: number | undefined; shares: readonly AccountShare[] },
  ): Promise<AccountView>;
  /** Books this source (its name or id) from now on; null: by the rule. */
  choose(of: StreamKey, source: string | null): Promise<AccountView>;
  earnings(query: EarningsQuery): Promise<EarningsRow[]>;
  /** Lifetime total per stream of a device, openings included. */
  totals(device: string): LiveDevice['earnings_today'];
  today(device: string): LiveDevice['earnings_today'];
  networks(): NetworkState[];
  changed: Signal<string>;
}

/** Fiat, cost and comparison over the ledger. */
export interface MoneyDesk {
  earnings(query: EarningsQuery): Promise<EarningsRow[]>;
  compare(query: fiat.CompareQuery): Promise<fiat.ComparePage>;
  /** Receipts at the fiat value of their day, as text in pieces. */
  export(query: fiat.ExportQuery): AsyncIterable<string>;
  /** Expected income of an hour; null: nothing to go by. */
  stake(device: string): fiat.Stake | null;
  prices(): fiat.PricesView;
  setPrices(change: fiat.PriceChange): Promise<fiat.PricesView>;
}
