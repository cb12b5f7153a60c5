import { AppError } from '../../errors.js';
import { findAll, textOf } from '../../json-path.js';
import type { LosslessJson } from '../../lossless.js';
import { toBaseUnits } from '../../money.js';
import type { ReadingDraft } from '../../network.js';
import type { DimoConfig, DimoVehicle } from './dimo-config.js';
import { askGraphql, askJson, jsonBody, type Way } from './dimo-http.js';

/** Rewards by week. The rewards API has exact wei; the identity API rounds to 0.01 DIMO and is a cross-check. */
export const DECIMALS = 18;
const WEI = /^(0|[1-9]\d{0,77})$/;

export interface Entry {
  id: string;
  ts: number;
  amount: string;
}

export const ledgerOf = (vehicle: DimoVehicle, source: string, entries: Entry[]): ReadingDraft => ({
  kind: 'ledger',
  source,
  account: `${vehicle.token_id}`,
  token: 'DIMO',
  decimals: DECIMALS,
  exact: true,
  entries,
});

interface WeeksQuestion {
  config: DimoConfig;
  vehicle: DimoVehicle;
  now: number;
}

/** The weeks that have ended in which the unit was in this vehicle, dated by their end. */
export const readWeeks = async (way: Way, { config, vehicle, now }: WeeksQuestion): Promise<Entry[]> => {
  const unit = vehicle.unit_token_id;
  const url = `${config.rewards_url.replace(/\/+$/, '')}/v1/aftermarket/device/${unit}`;
  const json = await askJson(way, { what: `The rewards of unit ${unit}`, url });
  const [weeks] = findAll(json, 'weeks');
  if (!Array.isArray(weeks)) throw new AppError('bad_reply', `The rewards of unit ${unit} hold no list of weeks`);
  const sums = new Map<string, { ts: number; amount: bigint }>();
  for (const week of weeks) {
    const read = readWeek(week, unit);
    if (read.vehicle !== `${vehicle.token_id}` || read.end > now) continue;
    const id = `${unit}-${new Date(read.start).toISOString()}`;
    sums.set(id, { ts: read.end, amount: (sums.get(id)?.amount ?? 0n) + read.amount });
  }
  return [...sums].map(([id, { ts, amount }]) => ({ id, ts, amount: `${amount}` }));
};

const readWeek = (week: LosslessJson, unit: number | undefined) => {
  const [start, end, tokens, vehicle] = ['start', 'end', 'tokens', 'vehicleId'].map((path) => textOf(findAll(week, path)[0]));
  const times = { start: Date.parse(start ?? ''), end: Date.parse(end ?? '') };
  if (Number.isNaN(times.start) || Number.isNaN(times.end) || !WEI.test(tokens ?? '')) {
    throw new AppError('bad_reply', `A week of unit ${unit} lacks its start, its end or whole tokens`);
  }
  return { ...times, vehicle, amount: BigInt(tokens ?? '0') };
};

export interface Identity {
  /** Rounded to 0.01. */
  total: bigint | null;
  /** Of the newest week that was rewarded. */
  streak: number | null;
  week: number | null;
}

export const IDENTITY_QUERY =
  'query($t:Int!){vehicle(tokenId:$t){tokenId earnings{totalTokens history(first:4){nodes{week connectionStreak}}}}}';

export const readIdentity = async (way: Way, url: string, { token_id }: DimoVehicle): Promise<Identity> => {
  const body = jsonBody({ query: IDENTITY_QUERY, variables: { t: token_id } });
  const json = await askGraphql(way, { what: 'The identity API', url, ...body });
  if (findAll(json, 'data.vehicle').length === 0) {
    throw new AppError('not_found', `The identity API knows no vehicle ${token_id}; check "token_id" in the settings`);
  }
  const total = textOf(findAll(json, 'data.vehicle.earnings.totalTokens')[0]);
  const weeks = findAll(json, 'data.vehicle.earnings.history.nodes[*]').map((node) => ({
    week: numberAt(node, 'week'),
    streak: numberAt(node, 'connectionStreak'),
  }));
  const newest = weeks.reduce((best, one) => ((one.week ?? -1) > (best.week ?? -1) ? one : best), { week: null, streak: null });
  return { total: total === null ? null : toBaseUnits(total, DECIMALS), ...newest };
};

const numberAt = (node: LosslessJson, path: string): number | null => {
  const text = textOf(findAll(node, path)[0]);
  return text !== null && /^\d{1,9}$/.test(text) ? Number(text) : null;
};

/** Shown beside the exact amount, never booked in its place: it is sent only after an exact reading. */
export const crossCheckOf = (vehicle: DimoVehicle, total: bigint): ReadingDraft => ({
  kind: 'lifetime',
  source: 'dimo-identity-api',
  account: `${vehicle.token_id}`,
  token: 'DIMO',
  decimals: DECIMALS,
  exact: false,
  amount: `${total}`,
  resets: 'never',
});
