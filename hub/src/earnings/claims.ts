/** Whose the income of an account is, and whose word about it is taken: pure but for the claim of an account that nobody holds. */
import type { AccountShare } from '../parts.js';
import type { Change } from '../store/store.js';
import type { Accounts } from './accounts.js';
import type { HoldersAt } from './ledger.js';
import type { Stream } from './stream.js';

export interface ClaimNeeds {
  accounts: Accounts;
  isThere(device: string): boolean;
}

/** The share of a device that is gone is nobody's. The same list for every time of one period. */
export const holdersOf = ({ accounts, isThere }: ClaimNeeds, stream: Stream): HoldersAt => {
  const own: readonly AccountShare[] = [{ device: stream.device, parts: 1 }];
  const lists = new Map<readonly AccountShare[], readonly AccountShare[]>();
  return (ts) => {
    const shares = accounts.at(stream, ts);
    if (shares === null) return own;
    const list = lists.get(shares) ?? shares.map(({ device, parts }) => ({ device: isThere(device) ? device : '', parts }));
    lists.set(shares, list);
    return list;
  };
};

export interface Claim {
  stream: Stream;
  device: string;
  as_of: number;
}

/** Null when the device's word is taken. */
export const refuseClaim = (needs: ClaimNeeds, { stream, device, as_of }: Claim): string | null => {
  const holders = holdersOf(needs, stream)(as_of).map((one) => one.device);
  if (device === '' || holders.includes(device)) return null;
  const names = [...new Set(holders.filter((one) => one !== ''))];
  if (names.length > 0)
    return `the account is already held by ${names.join(', ')}; remove it there, or correct the account in the settings of ${device}`;
  const history = needs.accounts.history(stream);
  if (history.length === 0 || history.some(({ shares }) => shares.some((one) => one.device === device))) return null;
  return `the account's shares do not name ${device}; set its shares anew`;
};

/** An account that the hub knew without a device is its first claimer's from now on; what is booked stays where it is. */
export const takeOver = ({ accounts }: ClaimNeeds, { stream, device, as_of }: Claim): Change[] => {
  if (device === '' || stream.device !== '' || accounts.history(stream).length > 0) return [];
  const from = stream.latest === null ? 0 : Math.max(as_of, stream.latest + 1);
  return [accounts.add(stream, { from, shares: [{ device, parts: 1 }] })];
};
