/** What the operator says about an account: whose it is from when on, and which of its sources is booked. */
import { AppError } from '@muster/shared/errors';
import type { AccountPeriod, AccountView, EarningsBook, StreamKey } from '../parts.js';
import type { Change } from '../store/store.js';
import type { Accounts } from './accounts.js';
import type { Source, Stream } from './stream.js';
import { stateId } from './stream.js';

export interface DeskNeeds {
  accounts: Accounts;
  isThere(device: string): boolean;
  /** The streams of an account, one for each token. */
  streams(of: { network: string; account: string }): Stream[];
  stream(of: StreamKey): Stream | undefined;
  /** Books another source; answers the changes. */
  want(stream: Stream, source: string | null): Change[];
  /** Memory and store together. */
  keep(make: () => readonly Change[]): Promise<void>;
  now: () => number;
}

/** Devices that share one account. */
const MOST_SHARES = 100;

export const createDesk = (needs: DeskNeeds): Pick<EarningsBook, 'account' | 'share' | 'choose'> => {
  const { accounts, keep } = needs;
  const view = (of: { network: string; account: string }): AccountView => ({
    ...{ network: of.network, account: of.account, periods: accounts.history(of) },
    streams: needs.streams(of).map(viewOf),
  });
  return {
    account(network, account) {
      const found = view({ network, account });
      return found.streams.length > 0 || found.periods.length > 0 ? found : undefined;
    },
    async share(of, { from, shares }) {
      checkShares(needs, shares);
      await keep(() => [accounts.add(of, { from: dateOf(needs, of, from), shares })]);
      return view(of);
    },
    async choose(of, wanted) {
      const stream = needs.stream(of);
      if (!stream) throw new AppError('not_found', `Nothing has reported the account "${of.account}" in ${of.token} yet`);
      const source = wanted === null ? null : sourceOf(stream, wanted);
      await keep(() => needs.want(stream, source));
      return view(of);
    },
  };
};

export const sourceId = ({ network, account, token }: Stream, { key }: Source): string => stateId(network, account, token, key);

const viewOf = (stream: Stream): AccountView['streams'][number] => {
  const { token, decimals, wanted, sources, booked } = stream;
  const chosen = sources.get(wanted ?? '');
  return {
    ...{ token, decimals, chosen: chosen ? sourceId(stream, chosen) : null },
    sources: [...sources.values()].map((source) => ({
      ...{ id: sourceId(stream, source), source: source.name, by: source.by, exact: source.exact },
      ...{ booked: booked === source.key, last_reading: source.newest },
    })),
  };
};

const checkShares = ({ isThere }: DeskNeeds, shares: AccountPeriod['shares']) => {
  const refuse = (sentence: string) => {
    throw new AppError('bad_request', sentence, { path: 'shares' });
  };
  const devices = new Set(shares.map(({ device }) => device));
  if (shares.length === 0 || shares.length > MOST_SHARES) refuse(`shares must name 1 to ${MOST_SHARES} devices`);
  if (devices.size < shares.length) refuse('shares must name each device once');
  const missing = [...devices].find((device) => !isThere(device));
  if (missing !== undefined) refuse(`There is no device "${missing.slice(0, 80)}"; make it first`);
};

/** Not before the newest income that is booked: the past is never divided again. */
const dateOf = ({ streams, now }: DeskNeeds, of: { network: string; account: string }, from: number | undefined): number => {
  const booked = streams(of).flatMap(({ latest }) => (latest === null ? [] : [latest]));
  const earliest = booked.length > 0 ? Math.max(...booked) + 1 : 0;
  if (from === undefined) return Math.max(now(), earliest);
  if (from >= earliest) return from;
  const until = new Date(earliest).toISOString();
  throw new AppError('conflict', `Income of this account is booked up to ${until}; shares never divide the past again`, {
    path: 'from',
    hint: `Leave "from" out, or choose ${earliest} or later`,
  });
};

const sourceOf = (stream: Stream, wanted: string): string => {
  const all = [...stream.sources.values()];
  const found = all.filter((source) => sourceId(stream, source) === wanted || source.name === wanted);
  const [source] = found;
  const names = all.map((one) => `"${one.name}" (${sourceId(stream, one)})`).join(', ');
  if (!source) throw new AppError('not_found', `No source "${wanted.slice(0, 80)}" reports this account; there are ${names}`);
  if (found.length > 1)
    throw new AppError('conflict', `Several sources are called "${wanted}"; name one by its id: ${names}`, { path: 'booked' });
  return source.key;
};
