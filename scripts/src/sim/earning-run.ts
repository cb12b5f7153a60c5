/** Plays histories of one network through the real ledger view, cohorts and rules, and counts what they say. */
import { createEarningFacts } from '@muster/hub/alerts/earning-facts';
import type { Facts, RuleDeclaration, Verdict } from '@muster/hub/alerts/rule';
import earningDrop from '@muster/hub/alerts/rules/earning_drop';
import notEarning from '@muster/hub/alerts/rules/not_earning';
import { createIncome } from '@muster/hub/earnings/income';
import type { Device } from '@muster/hub/parts';
import type { LedgerEntry } from '@muster/hub/store/store';
import { DAY_MS, HOUR_MS, mergeWindow } from '@muster/shared/earning-pace';
import { silentLog } from '@muster/shared/log';
import { type Model, networkEvents, type Outage, outagesOf, type Payment, rareGap } from './earning-histories.js';
import { createRandom, type Random } from './random.js';

export interface RunSize {
  seed: number;
  days: number;
  healthy: number;
  stopped: number;
  dropped: number;
}

export interface Counts {
  device_years: number;
  /** Alerts on streams that nothing is wrong with. */
  false_not_earning: number;
  false_drop: number;
  /** From the last income, in expected periods; null: missed. */
  stops: (number | null)[];
  /** In days. */
  drops: (number | null)[];
}

interface Player {
  device: Device;
  payments: Payment[];
  next: number;
  outages: readonly Outage[];
  fault: { kind: 'stopped' | 'dropped'; at: number; period: number } | null;
  /** Alerts that are open, by rule. */
  open: Set<string>;
  found: number | null;
  last: number;
}

const START = Date.UTC(2025, 0, 6);
const LOOK_MS = HOUR_MS;
/** What a stream that dropped still earns. */
const LEFT = 0.35;

export const runModel = async (model: Model, size: RunSize): Promise<Counts> => {
  const random = createRandom(size.seed).fork(model.id);
  const events = networkEvents(random.fork('network'), { start: START, days: size.days });
  const players = Array.from({ length: size.healthy + size.stopped + size.dropped }, (_, index) =>
    createPlayer(model, { index, size, events, random: random.fork(`device ${index}`) }),
  );
  const world = createWorld(model, players);
  const counts: Counts = { device_years: 0, false_not_earning: 0, false_drop: 0, stops: [], drops: [] };
  for (let now = START; now < START + size.days * DAY_MS; now += LOOK_MS) {
    for (const player of players) world.pay(player, now);
    await world.look(now, (now - START) % DAY_MS === 0, (player, rule) => count(counts, { player, rule, now }));
  }
  for (const player of players) finish(counts, player, size);
  return counts;
};

const createPlayer = (
  model: Model,
  { index, size, events, random }: { index: number; size: RunSize; events: (p: readonly Payment[]) => Payment[]; random: Random },
): Player => {
  const span = { start: START, days: size.days };
  const outages = outagesOf(random.fork('outages'), span);
  // What is paid by the week or month is paid whether or not the device is there at that hour.
  const isSeldom = (model.expects?.cadence ?? 0) > DAY_MS;
  const away = ({ ts }: Payment) => !isSeldom && outages.some(({ from, to }) => ts >= from && ts < to);
  const healthy = model.payments(random.fork('payments'), span);
  const at = START + (0.4 + 0.35 * random.next()) * size.days * DAY_MS;
  const kind = index < size.healthy ? null : index < size.healthy + size.stopped ? 'stopped' : 'dropped';
  const paid = events(healthy.filter((one) => !away(one))).flatMap((one) => {
    if (kind === null || one.ts < at) return [one];
    return kind === 'stopped' ? [] : [{ ...one, amount: one.amount * LEFT }];
  });
  const period = Math.max(
    model.expects?.cadence ?? DAY_MS,
    rareGap(longOf(model, random), mergeWindow(model.expects?.cadence ?? null)),
  );
  return {
    device: deviceOf(`${model.id}-${index}`),
    payments: paid.sort((a, b) => a.seen - b.seen),
    ...{ next: 0, outages, open: new Set(), found: null, last: START },
    fault: kind && { kind, at, period },
  };
};

/** The same device over ten years: a fork draws the same character again. */
const longOf = (model: Model, random: Random): Payment[] =>
  model.payments(random.fork('payments'), { start: START, days: 3_650 });

const deviceOf = (id: string): Device => ({
  ...{ id, name: id, site: null, tags: [], about: {}, agent_version: null, interval_ms: 10_000 },
  ...{ carried_by: null, created_at: 0, watts: null, purchase_price: null, hosting_share: null },
});

const createWorld = (model: Model, players: readonly Player[]) => {
  let now = START;
  const byId = new Map(players.map((player) => [player.device.id, player]));
  const viewOf = (account: string) => {
    const { network, token, ledger } = model;
    return { id: account, device: account, account, network, token, ledger, exact: true, decimals: 8, last_reading: now };
  };
  const income = createIncome({
    streams: (device) => [viewOf(device)],
    stream: ({ account }) => viewOf(account),
    cadence: () => model.expects?.cadence ?? null,
    now: () => now,
  });
  let looked = { now: Number.NaN, known: new Map<string, ReturnType<typeof income.of>>() };
  const of = (device: string) => {
    if (looked.now !== now) looked = { now, known: new Map() };
    const found = looked.known.get(device) ?? income.of(device);
    looked.known.set(device, found);
    return found;
  };
  const outagesBy = (id: string) => (byId.get(id)?.outages ?? []).filter(({ from }) => from < now);
  const facts = createEarningFacts({
    registry: { get: (id) => byId.get(id)?.device, all: () => players.map(({ device }) => device) },
    presence: {
      availability: async (id) => outagesBy(id).map((one) => ({ state: 'lost', from: one.from, to: Math.min(one.to, now) })),
    },
    income: { of, load: async () => {} },
    ...{ stake: () => null, price: () => null, expects: () => model.expects },
    ...{ due: () => {}, steps: 1, now: () => now, log: silentLog },
  });
  const ask = async (player: Player, rule: RuleDeclaration): Promise<Verdict | undefined> => {
    const once = () => [rule.judge(rule.default_config, factsOf(player, facts.earnings, now))].flat()[0];
    const first = once();
    if (first?.firing !== 'keep') return first;
    // Times away are asked for behind the first question.
    await Promise.resolve();
    return once();
  };
  return {
    pay(player: Player, until: number) {
      now = until;
      for (; (player.payments[player.next]?.seen ?? Number.POSITIVE_INFINITY) <= until; player.next++) {
        const payment = player.payments[player.next];
        if (!payment) return;
        player.last = payment.seen;
        income.take([{ kind: 'entry', entry: entryOf(model, player, payment) }]);
      }
    },
    /** The cohorts once a day, and while much is silent, with both rules; `not_earning` also between, where it could be overdue at all. */
    async look(at: number, daily: boolean, say: (player: Player, rule: string) => void) {
      now = at;
      const floor = model.expects?.cadence ?? DAY_MS;
      const much = players.filter(({ last }) => now - last > floor).length > players.length / 4;
      if (daily || (much && at % (6 * HOUR_MS) === 0)) facts.step();
      await Promise.resolve();
      for (const player of players) {
        const silent = now - player.last > floor || player.open.has(notEarning.id);
        for (const rule of [...(silent || daily ? [notEarning] : []), ...(daily ? [earningDrop] : [])] as RuleDeclaration[]) {
          const verdict = await ask(player, rule);
          if (verdict?.firing === 'no') player.open.delete(rule.id);
          if (verdict?.firing !== 'yes') continue;
          say(player, rule.id);
          player.open.add(rule.id);
        }
      }
    },
  };
};

const factsOf = (player: Player, earnings: (id: string) => ReturnType<NonNullable<Facts['earnings']>>, now: number): Facts => {
  const away = player.outages.some(({ from, to }) => now >= from && now < to);
  return {
    now,
    device: { id: player.device.id, name: player.device.name, site: null, tags: [], interval_ms: 10_000 },
    presence: { state: away ? 'lost' : 'online', since: START, last_seen: now },
    samples: [],
    earnings: () => earnings(player.device.id),
  };
};

const entryOf = ({ network, token }: Model, { device, next }: Player, payment: Payment): LedgerEntry => ({
  ...{ id: `${device.id}-${next}`, device: device.id, network, account: device.id, token, decimals: 8, source: 'sim' },
  ...{ ts: payment.ts, seen: payment.seen, amount: `${BigInt(Math.round(payment.amount * 1e8))}`, exact: true, kind: 'increase' },
});

const count = (counts: Counts, { player, rule, now }: { player: Player; rule: string; now: number }) => {
  const { fault } = player;
  const faulty = fault !== null && now >= fault.at;
  if (!faulty) {
    if (player.open.has(rule)) return;
    if (rule === notEarning.id) counts.false_not_earning++;
    else counts.false_drop++;
    return;
  }
  const wanted = fault.kind === 'stopped' ? notEarning.id : earningDrop.id;
  if (rule === wanted) player.found ??= now;
};

const finish = (counts: Counts, { fault, found, last, outages }: Player, size: RunSize) => {
  const end = fault?.at ?? START + size.days * DAY_MS;
  counts.device_years += (end - START) / (365.25 * DAY_MS);
  if (fault?.kind === 'stopped') {
    const away = outages.reduce((sum, one) => sum + Math.max(0, Math.min(one.to, found ?? 0) - Math.max(one.from, last)), 0);
    counts.stops.push(found && (found - last - away) / fault.period);
  }
  if (fault?.kind === 'dropped') counts.drops.push(found && (found - fault.at) / DAY_MS);
};
