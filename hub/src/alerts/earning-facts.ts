/** What the rules about earning are told: the streams of a device, those like them, and what they are worth. */
import {
  type Change,
  changeOf,
  DAY_MS,
  type DayAmounts,
  type Income,
  madOf,
  medianOf,
  paceOf,
} from '@muster/shared/earning-pace';
import type { Log } from '@muster/shared/log';
import type { Device, PresenceKeeper, Registry, Stake } from '../parts.js';
import type { EarningCohort, EarningFacts, StakeFacts } from './rule.js';

/** A stream as the ledger knows it. */
export interface StreamIncome {
  id: string;
  network: string;
  account: string;
  token: string;
  exact: boolean;
  last_reading: number;
  incomes: readonly Income[];
  days: DayAmounts;
}

export interface EarningFactsNeeds {
  registry: Pick<Registry, 'get' | 'all'>;
  presence: Pick<PresenceKeeper, 'availability'>;
  income: { of(device: string): readonly StreamIncome[]; load(): Promise<void> };
  stake(device: string): Stake | null;
  price(of: { network: string; token: string }): { price: string; currency: string } | null;
  expects(network: string): { cadence: number; silence_is_normal_for: number } | null;
  /** Something that was asked for is known now. */
  due(device: string): void;
  now(): number;
  log: Log;
  /** In so many steps all devices are looked at once. */
  steps?: number;
}

/** Five minutes at a step each five seconds. */
const STEPS = 60;
/** How far back time away is asked for, and for how long the answer holds. */
const AWAY_MS = 35 * DAY_MS;
const AWAY_HOLDS_MS = 600_000;
const AWAY = new Set(['lost', 'stopped', 'unknown', 'never_seen']);
const FEWEST = 5;
/** Limits of silence. */
const LONG_AGO = 3;

type Groups = ReadonlyMap<string, EarningCohort>;

export const createEarningFacts = (needs: EarningFactsNeeds) => {
  const { registry, now } = needs;
  const started_at = now();
  const away = createAway(needs);
  const cohorts = createCohorts();
  let groups: Groups | null = null;
  let rest: string[] = [];
  let size = 1;
  let loading: 'no' | 'yes' | 'done' = 'no';

  const load = async () => {
    loading = 'yes';
    try {
      await needs.income.load();
      loading = 'done';
    } catch (error) {
      loading = 'no';
      needs.log.warn('The income of the last weeks could not be read; rules about earning wait for it', { error });
    }
  };
  const measure = (device: Device) => {
    for (const stream of needs.income.of(device.id))
      cohorts.add(keysOf(stream, device), measureOf({ ...stream, ...declared(stream.network) }, now()));
  };
  const declared = (network: string) => needs.expects(network) ?? { cadence: null, silence_is_normal_for: null };

  return {
    earnings(id: string): readonly EarningFacts[] {
      const device = registry.get(id);
      if (!device) return [];
      return needs.income.of(id).map((stream) => ({
        ...stream,
        ...declared(stream.network),
        settled: groups !== null,
        unread_since: Math.max(stream.last_reading, started_at),
        away: () => away(id),
        cohort: cohortOf(groups, keysOf(stream, device)),
        price: needs.price(stream),
      }));
    },
    stake: (id: string): StakeFacts | null => perDayOf(needs.stake(id)),
    /** One step: measures some devices for the cohorts of the next round; they are due by those of the last. */
    step() {
      if (loading === 'no') void load();
      if (loading !== 'done') return;
      if (rest.length === 0) {
        rest = [...registry.all()].map(({ id }) => id);
        size = Math.max(1, Math.ceil(rest.length / (needs.steps ?? STEPS)));
      }
      for (const id of rest.splice(0, size)) {
        const device = registry.get(id);
        if (!device || needs.income.of(id).length === 0) continue;
        measure(device);
        if (groups) needs.due(id);
      }
      if (rest.length === 0) groups = cohorts.finish();
    },
  };
};

/** The times a device was away, asked of the store when a rule wants them. */
const createAway = ({ presence, due, now, log }: EarningFactsNeeds) => {
  const known = new Map<string, { at: number; times: readonly Income[] | null }>();
  const ask = async (device: string) => {
    const at = now();
    known.set(device, { at, times: null });
    try {
      const stays = await presence.availability(device, at - AWAY_MS, at);
      known.set(device, { at, times: stays.filter(({ state }) => AWAY.has(state)) });
      due(device);
    } catch (error) {
      log.warn('The presence of a device could not be read; rules about its earnings wait', { device, error });
    }
  };
  return (device: string): readonly Income[] | null => {
    const found = known.get(device);
    if (found && now() - found.at < AWAY_HOLDS_MS) return found.times;
    for (const [id, { at }] of known) if (now() - at >= AWAY_HOLDS_MS) known.delete(id);
    void ask(device);
    return null;
  };
};

interface Measure {
  silent: boolean;
  change: Change | null;
}

const measureOf = (
  stream: StreamIncome & Pick<EarningFacts, 'cadence' | 'silence_is_normal_for'>,
  now: number,
): Measure | null => {
  const pace = paceOf(stream);
  const last = stream.incomes.at(-1);
  // What stopped long ago says nothing about today.
  if (!pace || !last || now - last.to > LONG_AGO * pace.limit) return null;
  return { silent: now - last.to > pace.period, change: changeOf(stream.days, pace, Math.min(now, stream.last_reading)) };
};

/** From narrow to wide: network and kind and tags, network and kind, network. */
const keysOf = ({ network, token }: StreamIncome, { about, tags }: Device): string[] => {
  const wide = JSON.stringify([network, token]);
  const kind = `${wide}\n${String(about['model'] ?? '')}`;
  return [`${kind}\n${[...tags].sort().join('\n')}\n`, kind, wide];
};

const cohortOf = (groups: Groups | null, keys: readonly string[]): EarningCohort | null => {
  for (const key of keys) {
    const found = groups?.get(key);
    if (found && found.streams >= FEWEST) return found;
  }
  return null;
};

const createCohorts = () => {
  let groups = new Map<string, Measure[]>();
  return {
    add(keys: readonly string[], measure: Measure | null) {
      for (const key of measure ? new Set(keys) : []) {
        const group = groups.get(key);
        if (group && measure) group.push(measure);
        else if (measure) groups.set(key, [measure]);
      }
    },
    finish(): Groups {
      const done = new Map([...groups].map(([key, group]) => [key, describe(group)] as const));
      groups = new Map();
      return done;
    },
  };
};

const describe = (group: readonly Measure[]): EarningCohort => {
  const ratios = group.flatMap(({ change }) => (change ? [change.ratio] : [])).sort((a, b) => a - b);
  const median = medianOf(ratios);
  const change = ratios.length >= FEWEST ? { median, spread: madOf(ratios, median) } : null;
  return { streams: group.length, silent: group.filter(({ silent }) => silent).length / group.length, change };
};

const perDayOf = (stake: Stake | null): StakeFacts | null => {
  if (!stake) return null;
  const { fiat_per_hour, currency, tokens } = stake;
  return {
    fiat: fiat_per_hour === null ? null : { amount: Number(fiat_per_hour) * 24, currency },
    tokens: tokens.map(({ token, decimals, amount_per_hour }) => ({
      token,
      amount: (Number(amount_per_hour) * 24) / 10 ** decimals,
    })),
  };
};
