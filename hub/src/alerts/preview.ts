/** What a rule would have said of the past: stored history played through the rule and the lifecycle. Nothing is kept or sent. */
import { parseSeriesKey, seriesKey } from '@muster/shared/metrics';
import type { LiveValue, PresenceState } from '@muster/shared/wire/live';
import type { Device, Latest, PresenceKeeper, Registry, RulePreview, RuleSetting } from '../parts.js';
import type { Reader } from '../store/store.js';
import { createFlaps, FLAPS } from './flaps.js';
import { advance, type Held, isAway, pause as pauseHeld } from './lifecycle.js';
import { type ActiveRule, activateOne, type NetworksOf, planFor } from './plan.js';
import type { FactSample, RuleDeclaration, Verdict } from './rule.js';
import { createTraces } from './traces.js';

/** What one question may cost: each series is a read of up to a month, and somebody waits for the answer. */
export const PREVIEW = { days: 30, devices: 20_000, series: 2_000, points: 1_000, alerts: 500, wait_ms: 10_000 } as const;
/** Devices between two pauses while nothing is read of them: some milliseconds. */
const AT_ONCE = 200;
/** A look at a value takes some 10 µs (measured): after so many everyone else has a turn, or the hub stands still for seconds. */
const TURN = 1_000;
/** One device whose series were never told at the same time could take minutes. */
const MOST_LOOKS = 1_000_000;
const DAY_MS = 86_400_000;
const DEFAULT_INTERVAL_MS = 300_000;

export interface PreviewNeeds {
  registry: Pick<Registry, 'get' | 'all' | 'declaration'>;
  presence: Pick<PresenceKeeper, 'availability'>;
  latest: Pick<Latest, 'of'>;
  networks?: NetworksOf | undefined;
  now: () => number;
  monotonic: () => number;
}

export interface PreviewOptions {
  days: number;
  reader: Pick<Reader, 'series'>;
  signal?: AbortSignal | undefined;
}

/** `others`: the rules that hold beside it; where one is narrower, it would not have judged. */
export interface Previewed {
  setting: RuleSetting;
  declaration: RuleDeclaration;
  others?: readonly ActiveRule[] | undefined;
}

export const previewRule = async (
  needs: PreviewNeeds,
  { setting, declaration, others = [] }: Previewed,
  options: PreviewOptions,
): Promise<RulePreview> => {
  const rule = activateOne(setting, declaration);
  const to = needs.now();
  const span = { from: to - Math.min(options.days, PREVIEW.days) * DAY_MS, to };
  const { meant, overruled } = await meantBy(needs, rule, others);
  const result: RulePreview = { ...span, devices: meant.length, looked_at: 0, complete: true, items: [] };
  const left = createBounds(needs);
  let strangers = 0;
  for (const device of meant) {
    options.signal?.throwIfAborted();
    const series = seriesOf(needs, rule, device);
    if (!left.spend(series.length) || result.items.length >= PREVIEW.alerts) {
      result.complete = false;
      break;
    }
    result.looked_at++;
    const moments = await momentsOf(needs, { device, series, ...span }, options);
    if (series.length === 0 && result.looked_at % AT_ONCE === 0) await pause();
    const known_from = Math.max(span.from, device.created_at) + (to - span.from) / 50;
    if ((moments[0]?.at ?? to) > known_from) strangers++;
    if (moments.length * series.length > MOST_LOOKS) {
      result.looked_at--;
      result.complete = false;
      break;
    }
    const declared = (metric: string) => needs.registry.declaration(device.id, metric);
    const found = await play(rule, { device, moments, to, declared });
    options.signal?.throwIfAborted();
    result.items.push(...found.slice(0, PREVIEW.alerts - result.items.length));
  }
  return { ...result, unseen: unseenBy(rule, result, { strangers, overruled }) };
};

const pause = () => new Promise((resolve) => setImmediate(resolve));

/** Devices that the rule would judge, and how many of its scope another would; what each reports is looked through, so a fleet takes a while. */
const meantBy = async ({ registry, networks }: PreviewNeeds, rule: ActiveRule, others: readonly ActiveRule[]) => {
  const { id } = rule.setting;
  const beside = others.filter((one) => one.setting.rule === rule.setting.rule && one.setting.id !== id);
  const meant: Device[] = [];
  let overruled = 0;
  let looked = 0;
  for (const device of [...registry.all()]) {
    if (++looked % AT_ONCE === 0) await pause();
    if (!planFor(device, [rule], networks).rules.has(id)) continue;
    if (beside.length === 0 || planFor(device, [...beside, rule], networks).rules.has(id)) meant.push(device);
    else overruled++;
  }
  return { meant, overruled };
};

const createBounds = ({ monotonic }: PreviewNeeds) => {
  const until = monotonic() + PREVIEW.wait_ms;
  let devices = 0;
  let series = 0;
  return {
    /** False: a bound is reached. */
    spend(more: number): boolean {
      devices++;
      series += more;
      return devices <= PREVIEW.devices && series <= PREVIEW.series && monotonic() < until;
    },
  };
};

interface Left {
  strangers: number;
  overruled: number;
}

const unseenBy = (
  rule: ActiveRule,
  { from, to, devices, looked_at, complete }: RulePreview,
  { strangers, overruled }: Left,
): string[] => {
  const minutes = Math.max(1, Math.round((to - from) / PREVIEW.points / 60_000));
  const means = `Values are means over ${minutes} min or, of long ago, an hour: what was shorter is not seen, nor series that are no longer reported.`;
  return [
    ...(rule.declaration.unseen ? [rule.declaration.unseen] : []),
    ...(rule.needs.length > 0 ? [means] : []),
    ...(overruled > 0 ? [`Of ${overruled} devices another rule of this kind decides, which is narrower or more severe.`] : []),
    ...(strangers > 0 ? [`Of ${strangers} devices the first part of this time is not known.`] : []),
    ...(complete ? [] : [`The preview ended early: ${looked_at} of ${devices} devices were looked at.`]),
    'Silences, acknowledgements and routes are left out: not all that fires is told.',
  ];
};

const seriesOf = ({ latest }: PreviewNeeds, { needs }: ActiveRule, device: Device): string[] =>
  latest
    .of(device.id)
    .filter(({ metric }) => needs.includes(metric))
    .map(({ metric, labels }) => seriesKey(metric, labels));

/** What was known from then on: a state of presence, or values. */
interface Moment {
  at: number;
  state?: PresenceState;
  values: LiveValue[];
}

interface Span {
  device: Device;
  series: readonly string[];
  from: number;
  to: number;
}

const momentsOf = async (needs: PreviewNeeds, { device, series, from, to }: Span, options: PreviewOptions): Promise<Moment[]> => {
  const { reader, signal } = options;
  const { registry } = needs;
  const moments = new Map<number, Moment>();
  const momentAt = (at: number): Moment => {
    const one = moments.get(at) ?? { at, values: [] };
    moments.set(at, one);
    return one;
  };
  for (const stay of await needs.presence.availability(device.id, from, to)) momentAt(stay.from).state = stay.state;
  for (const key of series) {
    const parsed = parseSeriesKey(key);
    if (!parsed) continue;
    const { kind } = registry.declaration(device.id, parsed.metric);
    const query = { device: device.id, series: key, kind, from, to, points: PREVIEW.points };
    const { points } = await reader.series(query, { signal });
    for (const [ts, value] of asValues(points, kind))
      momentAt(ts).values.push({ ...parsed, labels: { ...parsed.labels }, value, ts });
  }
  return [...moments.values()].sort((a, b) => a.at - b.at);
};

/** The mean of each bucket; counters, which are told as a rate, are counted up again from zero. */
const asValues = (
  points: readonly (readonly [number, number, number, number])[],
  kind: 'gauge' | 'counter',
): [number, number][] => {
  if (kind === 'gauge') return points.map(([ts, , mean]) => [ts, mean]);
  let sum = 0;
  return points.map(([ts, , rate], index) => {
    const before = points[index - 1];
    sum += before ? (rate * (ts - before[0])) / 1_000 : 0;
    return [ts, sum];
  });
};

interface Play {
  device: Device;
  moments: readonly Moment[];
  to: number;
  declared: (metric: string) => NonNullable<FactSample['declaration']>;
}

const play = async (rule: ActiveRule, { device, moments, to, declared }: Play): Promise<RulePreview['items']> => {
  const traces = createTraces();
  const held = new Map<string, { held: Held; delay: number; item: RulePreview['items'][number] | null; flapping: boolean }>();
  const flaps = createFlaps();
  const samples = new Map<string, FactSample>();
  const items: RulePreview['items'] = [];
  // A stored value may be a mean of an hour: the device was there while it has values.
  let last_seen: number | null = null;
  let presence: { state: PresenceState; since: number } = { state: 'online', since: Number.NEGATIVE_INFINITY };

  const take = (verdict: Verdict, now: number) => {
    const { subject = '' } = verdict;
    const known = held.get(subject);
    const delay = verdict.after_ms ?? rule.delay;
    const recover = known?.flapping ? Math.max(rule.recover, FLAPS.calm_ms) : rule.recover;
    const step = advance(known?.held ?? null, verdict.firing, { now, delay, recover });
    let { item = null, flapping = false } = known ?? {};
    if (step.change === 'firing') {
      flapping = flaps.fired(subject, now);
      const { value, why } = verdict;
      const severity = rule.own_severity ?? verdict.severity ?? rule.setting.severity;
      item = { device: device.id, subject, from: now, to: null, value, why, severity };
      items.push(item);
    }
    if (step.change === 'resolved' && item) item.to = now;
    if (step.held) held.set(subject, { held: step.held, delay, item, flapping });
    else held.delete(subject);
  };
  const look = (now: number) => {
    if (isAway(presence.state) && !rule.declaration.about_presence) {
      for (const one of held.values()) one.held = pauseHeld(one.held, presence.state === 'reconnecting' ? null : presence.since);
      return;
    }
    const { id, name, site, tags, interval_ms, agent_version } = device;
    const about = { id, name, site, tags, agent_version, interval_ms: interval_ms ?? DEFAULT_INTERVAL_MS };
    const { config } = rule.setting;
    const history = (series: string, step_ms?: number) => traces.of(id, series, step_ms);
    const facts = { now, device: about, presence: { ...presence, last_seen }, samples: [...samples.values()], history };
    for (const verdict of [rule.declaration.judge(config, facts)].flat()) take(verdict, now);
  };
  const fallDue = (until: number) => {
    const dues = [...held.values()].flatMap((one) => (one.held.state === 'pending' ? one.held.since + one.delay : []));
    for (const due of dues.sort((a, b) => a - b)) if (due < until) look(due);
  };
  let looks = 0;
  for (const { at, state, values } of moments) {
    looks += samples.size + 1;
    if (looks > TURN) {
      looks = 0;
      await pause();
    }
    fallDue(at);
    if (presence.state === 'online' || values.length > 0) last_seen = at;
    if (state) {
      presence = { state, since: at };
      // Which boot it was is not kept: each time it is back it may have been started anew.
      traces.boot(device.id, { state, boot: state === 'online' ? `${at}` : null }, at);
    }
    for (const value of values) {
      const series = seriesKey(value.metric, value.labels);
      samples.set(series, { ...value, series, declaration: declared(value.metric) });
    }
    traces.look(device.id, rule.looks, { values, now: at });
    look(at);
  }
  // Without history it is asked once, so that it tells what it misses.
  if (moments.length === 0) look(to);
  fallDue(to);
  return items;
};
