/** What a rule would have said of the past: stored history played through the rule and the lifecycle. Nothing is kept or sent. */
import { parseSeriesKey, seriesKey } from '@muster/shared/metrics';
import type { LiveValue, PresenceState } from '@muster/shared/wire/live';
import type { Device, Latest, PresenceKeeper, Registry, RulePreview, RuleSetting, RuleUnseen } from '../parts.js';
import type { Reader } from '../store/store.js';
import { advance, type Held } from './lifecycle.js';
import { type ActiveRule, activateOne, type NetworksOf, planFor } from './plan.js';
import type { FactSample, RuleDeclaration, Verdict } from './rule.js';
import { createTraces } from './traces.js';

/** What one question may cost: each series is a read of up to a month. */
export const PREVIEW = { days: 30, devices: 500, series: 1_000, points: 1_000, alerts: 500 } as const;
const DAY_MS = 86_400_000;
const DEFAULT_INTERVAL_MS = 300_000;

export interface PreviewNeeds {
  registry: Pick<Registry, 'get' | 'all' | 'declaration'>;
  presence: Pick<PresenceKeeper, 'availability'>;
  latest: Pick<Latest, 'of'>;
  networks?: NetworksOf | undefined;
  now: () => number;
}

export interface PreviewOptions {
  days: number;
  reader: Pick<Reader, 'series'>;
  signal?: AbortSignal | undefined;
}

export const previewRule = async (
  needs: PreviewNeeds,
  { setting, declaration }: { setting: RuleSetting; declaration: RuleDeclaration },
  options: PreviewOptions,
): Promise<RulePreview> => {
  const rule = activateOne(setting, declaration);
  const to = needs.now();
  const from = to - Math.min(options.days, PREVIEW.days) * DAY_MS;
  const meant = [...needs.registry.all()].filter((device) => planFor(device, [rule], needs.networks).rules.size > 0);
  const result: RulePreview = { from, to, devices: meant.length, looked_at: 0, complete: true, unseen: [], items: [] };
  const unseen = new Set<RuleUnseen>(declaration.looks_at_earnings ? ['income'] : []);
  const asWhole = () => ({ ...result, unseen: [...unseen] });
  let series_left: number = PREVIEW.series;
  for (const device of meant) {
    const series = seriesOf(needs, rule, device).slice(0, PREVIEW.series);
    options.signal?.throwIfAborted();
    if (result.looked_at >= PREVIEW.devices || series.length > series_left || result.items.length >= PREVIEW.alerts) {
      return { ...asWhole(), complete: false };
    }
    series_left -= series.length;
    result.looked_at++;
    const moments = await momentsOf(needs, { device, series, from, to }, options);
    const declared = (metric: string) => needs.registry.declaration(device.id, metric);
    const found = play(rule, { device, moments, to, declared, unseen });
    result.items.push(...found.slice(0, PREVIEW.alerts - result.items.length));
  }
  return asWhole();
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
    const { kind } = needs.registry.declaration(device.id, parsed.metric);
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
  unseen: Set<RuleUnseen>;
}

/** What history does not tell; noted when a rule asks for it. */
const untold = (unseen: Set<RuleUnseen>) => ({
  get starts(): readonly number[] {
    unseen.add('starts');
    return [];
  },
  newest_version() {
    unseen.add('versions');
    return null;
  },
});

const play = (rule: ActiveRule, { device, moments, to, declared, unseen }: Play): RulePreview['items'] => {
  const traces = createTraces();
  const held = new Map<string, { held: Held; delay: number; item: RulePreview['items'][number] | null }>();
  const samples = new Map<string, FactSample>();
  const items: RulePreview['items'] = [];
  // A stored value may be a mean of an hour: the device was there while it has values.
  let presence: { state: PresenceState; since: number } = { state: 'online', since: Number.NEGATIVE_INFINITY };

  const take = (verdict: Verdict, now: number) => {
    const { subject = '' } = verdict;
    const known = held.get(subject);
    const delay = verdict.after_ms ?? rule.delay;
    const step = advance(known?.held ?? null, verdict.firing, { now, delay, recover: rule.recover });
    let item = known?.item ?? null;
    if (step.change === 'firing') {
      const { value, why } = verdict;
      item = { device: device.id, subject, from: now, to: null, value, why, severity: verdict.severity ?? rule.setting.severity };
      items.push(item);
    }
    if (step.change === 'resolved' && item) item.to = now;
    if (step.held) held.set(subject, { held: step.held, delay, item });
    else held.delete(subject);
  };
  const look = (now: number) => {
    const { id, name, site, tags, interval_ms, agent_version } = device;
    const about = { id, name, site, tags, agent_version, interval_ms: interval_ms ?? DEFAULT_INTERVAL_MS };
    const { config } = rule.setting;
    const history = (series: string, step_ms?: number) => traces.of(id, series, step_ms);
    const known = { now, device: about, presence: { ...presence, last_seen: null }, samples: [...samples.values()], history };
    const facts = Object.assign(untold(unseen), known);
    for (const verdict of [rule.declaration.judge(config, facts)].flat()) take(verdict, now);
  };
  const fallDue = (until: number) => {
    const dues = [...held.values()].flatMap((one) => (one.held.state === 'pending' ? one.held.since + one.delay : []));
    for (const due of dues.sort((a, b) => a - b)) if (due < until) look(due);
  };
  for (const { at, state, values } of moments) {
    fallDue(at);
    if (state) presence = { state, since: at };
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
