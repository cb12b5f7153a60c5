import type { Stake } from '@muster/hub/parts';
import { FIAT_PLACES, formatUnits, toBaseUnits } from '@muster/shared/money';
import type { LiveAlert, Severity } from '@muster/shared/wire/live';

/** Which list an alert stands in, its order there, and the money at stake. Pure. */

/** An alert with what the hub may know of it beside. */
export type Alert = LiveAlert & {
  /** Its device is away: nothing new is known. */
  unknown?: boolean | undefined;
  /** What its device would earn. */
  stake?: Stake | null | undefined;
};
type PerDay = { fiat_per_day?: string | null };
type Taken = NonNullable<LiveAlert['acknowledged']> & { owner?: string | null | undefined };

export const GROUPS = ['firing', 'pending', 'acknowledged', 'unknown', 'silenced', 'resolved'] as const;
export type Group = (typeof GROUPS)[number];

export const isSnoozed = ({ snoozed }: Alert, now: number): boolean => Boolean(snoozed && snoozed.until > now);

/** Each alert is in one list: what asks for nobody is not among what does. */
export const groupOf = (alert: Alert, now: number): Group => {
  if (alert.state === 'resolved') return 'resolved';
  if (alert.unknown) return 'unknown';
  if (isSnoozed(alert, now) || alert.silenced) return 'silenced';
  if (alert.state === 'pending') return 'pending';
  return alert.acknowledged ? 'acknowledged' : 'firing';
};

/** Who looks after it: the owner that was named, else who took it. */
export const ownerOf = (alert: Alert): string | null => {
  const taken = alert.acknowledged as Taken | null;
  return taken ? (taken.owner ?? taken.by) : null;
};

/** Why it fires, without the name that stands before it. */
export const reasonOf = ({ why, device_name }: Pick<Alert, 'why' | 'device_name'>): string => {
  const name = [`${device_name}: `, `${device_name} `].find((start) => why.startsWith(start)) ?? '';
  return why.slice(name.length);
};
/** Where the same money has a place of its own. */
export const withoutStake = (why: string, { amount, currency }: Fiat): string => {
  const money = `; about ${Number(formatUnits(amount, FIAT_PLACES)).toFixed(2)} ${currency} a day at stake.`;
  return why.endsWith(money) ? `${why.slice(0, -money.length)}.` : why;
};

export interface Fiat {
  /** In 1e-8 of the currency. */
  amount: bigint;
  currency: string;
}
const known = new WeakMap<Stake, Fiat | null>();

/** What its device would earn in a day; null: not known. */
export const stakeOf = ({ stake }: Pick<Alert, 'stake'>): Fiat | null => {
  if (!stake) return null;
  const before = known.get(stake);
  if (before !== undefined) return before;
  const made = perDay(stake);
  known.set(stake, made);
  return made;
};
const perDay = (stake: Stake & PerDay): Fiat | null => {
  const { currency, fiat_per_hour, fiat_per_day } = stake;
  const text = fiat_per_day ?? fiat_per_hour;
  if (!text) return null;
  const amount = toBaseUnits(text, FIAT_PLACES, { floor: true });
  return { currency, amount: fiat_per_day ? amount : amount * 24n };
};
export const fiatText = ({ amount }: Fiat): string => formatUnits(amount, FIAT_PLACES);

/** A device counts once, however many of its alerts are open. Null: nothing is known of any. */
export const stakeTogether = (alerts: readonly Alert[]): Fiat | null => {
  const devices = new Map<string, Fiat>();
  for (const alert of alerts) {
    const stake = stakeOf(alert);
    if (stake) devices.set(alert.device, stake);
  }
  const [first] = devices.values();
  if (!first) return null;
  return { currency: first.currency, amount: [...devices.values()].reduce((sum, { amount }) => sum + amount, 0n) };
};

const SEVERITY_RANK: Record<Severity, number> = { critical: 0, warning: 1, info: 2 };
export const SEVERITIES = ['critical', 'warning', 'info'] as const satisfies readonly Severity[];

/** The dearest first; what has no price behind it; then worse, then newer. */
export const byStake = (a: Alert, b: Alert): number => {
  const [left, right] = [stakeOf(a)?.amount ?? -1n, stakeOf(b)?.amount ?? -1n];
  if (left !== right) return left < right ? 1 : -1;
  return SEVERITY_RANK[a.severity] - SEVERITY_RANK[b.severity] || b.since - a.since || (a.id < b.id ? -1 : 1);
};
const byEnd = (a: Alert, b: Alert): number => (b.resolved_at ?? b.since) - (a.resolved_at ?? a.since);

export type Grouped = Record<Group, Alert[]>;

export const grouped = (alerts: Iterable<Alert>, now: number): Grouped => {
  const lists: Grouped = { firing: [], pending: [], acknowledged: [], unknown: [], silenced: [], resolved: [] };
  for (const alert of alerts) lists[groupOf(alert, now)].push(alert);
  for (const group of GROUPS) lists[group].sort(group === 'resolved' ? byEnd : byStake);
  return lists;
};

/** What the tab's title, its icon and the page's bar say: alerts that ask for somebody. */
export const countFiring = (alerts: Iterable<Alert>, now: number): number => {
  let count = 0;
  for (const alert of alerts) if (groupOf(alert, now) === 'firing') count += 1;
  return count;
};
