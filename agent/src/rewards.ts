import { createHash } from 'node:crypto';
import type { Clock } from '@muster/shared/clock';
import { AppError, asAppError } from '@muster/shared/errors';
import type { Grpc } from '@muster/shared/grpc';
import type { Http } from '@muster/shared/http';
import type { Log } from '@muster/shared/log';
import { counter, gauge, type MetricDeclaration, type Sample } from '@muster/shared/metrics';
import type { NetworkDeclaration, NetworkHost, NetworkReply } from '@muster/shared/network';
import { check } from '@muster/shared/schema';
import { createScrubber, secretsIn } from '@muster/shared/secrets';
import {
  askSource,
  completeReading,
  delayMs,
  retryAfterOf,
  SOURCE_LIMITS,
  type SourceAnswer,
  splitReadings,
} from '@muster/shared/source-run';
import type { DeviceEvent, Reading } from '@muster/shared/wire/messages';
import type { Carried } from './carried.js';
import type { Schedule } from './schedule.js';
import type { SeriesTable } from './series.js';

/** Asks the reward sources that this device's settings name. A source that fails says so; it never looks like a zero reward. */
export interface Rewards {
  start(): void;
  stop(): void;
}

export interface SourceSetting {
  network: string;
  config: unknown;
  every?: number | undefined;
  /** The carried device that it speaks of; left out: this machine. */
  device?: string | undefined;
}

export interface RewardsNeeds {
  networks: ReadonlyMap<string, NetworkDeclaration>;
  sources: readonly SourceSetting[];
  http: Http;
  grpc: Grpc;
  host: NetworkHost;
  /** What a source keeps over restarts. */
  memories: SourceMemories;
  /** Whether what was sent would survive a power cut by now. */
  safe(): Promise<boolean>;
  clock: Clock;
  log: Log;
  schedule: Schedule;
  series: SeriesTable;
  carried?: Pick<Carried, 'table' | 'answered'>;
  random(): number;
  /** The agent's time, and whether it is known: a reading with a wrong date books an income on the wrong day. */
  now(): number;
  isTimeKnown(): boolean;
  /** Puts readings into the spool as one message. */
  send(readings: Reading[]): void;
  /** A source began to fail, or answers again. */
  report(event: 'source_failed' | 'source_recovered', detail: string, of: SourceName): void;
}

/** Which source an event is about, for a hub that joins it to accounts. */
export type SourceName = NonNullable<DeviceEvent['of']>;

/** By id of the source. */
export interface SourceMemories {
  read(source: string): unknown;
  write(source: string, value: unknown): void;
}

/** A carried device that is back must be seen before long: its source is never asked more rarely than that. */
const CARRIED_BACKOFF = 3;
/** Streams of a source that are remembered; beyond, the oldest is sent again when it comes again. */
const MAX_STREAMS = 1_000;
const DAY_MS = 86_400_000;

const UP = gauge('1', 'Whether a reward source answers');
const DURATION = gauge('s', 'Time a reward source took', { resolution: 0.001 });
const FAILURES = counter('1', 'Failed requests to a reward source');
const UNSENDABLE = counter('1', 'Readings that could not be sent');

interface Source {
  id: string;
  device: string | undefined;
  network: NetworkDeclaration;
  config: unknown;
  prefix: string;
  metrics: Record<string, MetricDeclaration>;
  every: number;
  /** Takes the secrets of its settings out of what it says went wrong. */
  scrub(text: string): string;
  failures: number;
  failures_total: number;
  dropped: number;
  deadline_ms: number;
  /** Those it reported since the agent started, the newest last. */
  accounts: Set<string>;
  /** Stream → what was sent last, and when. */
  sent: Map<string, { text: string; at: number }>;
}

/** Throws `bad_settings` where a source is unknown or its configuration wrong: at start, not at night. */
export const createRewards = (needs: RewardsNeeds): Rewards => {
  const { clock, log, series, schedule } = needs;
  const sources = needs.sources.map((setting, index) => asSource(needs, setting, index));
  const ended = new AbortController();

  const put = ({ device, every, deadline_ms }: Source, sample: Sample, declaration: MetricDeclaration | undefined) => {
    const table = device === undefined ? series : needs.carried?.table(device);
    return table?.put(sample, declaration, 2 * every + deadline_ms) ?? false;
  };
  const takeSamples = (source: Source, { samples = [], seen_at }: NetworkReply) => {
    const kept = samples.map((sample) =>
      put(source, { ...sample, metric: `${source.prefix}.${sample.metric}` }, source.metrics[sample.metric]),
    );
    if (source.device !== undefined && kept.includes(true)) needs.carried?.answered(source.device, seen_at);
  };
  const run = async (source: Source): Promise<number> => {
    const begun = clock.monotonic();
    let retry_after_ms: number | undefined;
    try {
      const { reply, kept } = await ask(source, needs, ended.signal);
      take(source, reply);
      await keep(needs, source, kept);
      if (source.failures > 0) needs.report('source_recovered', source.id, nameOf(source));
      source.failures = 0;
    } catch (error) {
      if (ended.signal.aborted) return SOURCE_LIMITS.backoff_ms;
      const failure = asAppError(error);
      retry_after_ms = retryAfterOf(failure);
      fail(source, failure);
    }
    const delay = delayMs({ ...source, random: needs.random(), retry_after_ms, backoff_ms: longestOf(source) });
    putState(series, source, { took_ms: clock.monotonic() - begun, fresh_ms: 2 * (delay + source.deadline_ms) });
    return delay;
  };
  const take = (source: Source, reply: NetworkReply) => {
    takeSamples(source, reply);
    if (!needs.isTimeKnown()) return;
    const { network, prefix, device } = source;
    const completing = { id: network.id, network: prefix, now: needs.now(), device };
    const readings = (reply.readings ?? []).flatMap((draft) => completeReading(completing, draft));
    for (const { account } of readings) note(source.accounts, account);
    const news = newsOf(source, readings, clock.monotonic());
    const { messages, dropped } = splitReadings(news);
    for (const message of messages) needs.send(message);
    if (dropped > 0) log.warn('Readings too large to send were dropped', { source: source.id, dropped });
    source.dropped += dropped;
  };
  const fail = (source: Source, error: AppError) => {
    if (source.failures === 0) {
      const said = source.scrub(error.message);
      log.warn('A reward source does not answer', { source: source.id, error: said });
      needs.report('source_failed', `${source.id}: ${said}`, nameOf(source));
    }
    source.failures++;
    source.failures_total++;
  };

  return {
    start() {
      for (const source of sources) {
        schedule.add({ name: `source ${source.id}`, first_ms: needs.random() * 2_000, run: () => run(source) });
      }
    },
    stop: () => ended.abort(),
  };
};

/** Not while the time is unknown: the readings were held back. */
const keep = async ({ isTimeKnown, safe, memories }: RewardsNeeds, { id }: Source, kept: SourceAnswer<unknown>['kept']) => {
  if (!kept || !isTimeKnown()) return;
  // Else it asks the source for the same again, which the hub sees through.
  if (await safe()) memories.write(id, kept.value);
};

const longestOf = ({ device, every }: Source): number =>
  device === undefined ? SOURCE_LIMITS.backoff_ms : CARRIED_BACKOFF * every;

/** Holds until the next request has had its time: a source that backs off is known to be down. */
const putState = (series: SeriesTable, source: Source, { took_ms, fresh_ms }: { took_ms: number; fresh_ms: number }) => {
  const { id, failures, failures_total, dropped } = source;
  const put = (name: string, value: number, declaration: MetricDeclaration) =>
    series.put({ metric: `muster.agent.source.${name}`, labels: { source: id }, value }, declaration, fresh_ms);
  put('up', failures === 0 ? 1 : 0, UP);
  put('duration', took_ms / 1_000, DURATION);
  put('failures', failures_total, FAILURES);
  put('unsendable', dropped, UNSENDABLE);
};

const asSource = ({ networks, sources }: RewardsNeeds, setting: SourceSetting, index: number): Source => {
  const network = networks.get(setting.network);
  if (!network?.onDevice) {
    const known = [...networks.values()].filter((one) => one.onDevice).map((one) => one.id);
    throw new AppError('bad_settings', `networks[${index}] names "${setting.network}"; known are ${known.join(', ')}`);
  }
  const config = check(network.config, setting.config ?? {}, `networks[${index}] (${network.id})`, 'bad_settings');
  const { network: prefix, metrics } = network.configured?.(config) ?? { network: network.id, metrics: network.metrics };
  const every = everyOf(setting, networks);
  const { device } = setting;
  const twin = sources.slice(0, index).filter((one) => one.network === setting.network && one.device === device).length;
  const name = twin > 0 ? `${prefix}-${twin + 1}` : prefix;
  return {
    id: device === undefined ? name : `${device}/${name}`,
    device,
    network,
    config,
    prefix,
    metrics,
    every,
    scrub: createScrubber([...secretsIn(network.config, setting.config), ...secretsIn(network.config, config)]),
    failures: 0,
    failures_total: 0,
    dropped: 0,
    deadline_ms: network.deadline ?? SOURCE_LIMITS.deadline_ms,
    accounts: new Set(),
    sent: new Map(),
  };
};

/** Milliseconds between two questions to a source. */
const everyOf = ({ every, network }: SourceSetting, networks: RewardsNeeds['networks']): number =>
  Math.max(SOURCE_LIMITS.shortest_every_ms, every ?? networks.get(network)?.every ?? 0);

/** Milliseconds in which a source should have news of its device. */
export const heardEveryOf = (source: SourceSetting, networks: RewardsNeeds['networks']): number =>
  Math.max(everyOf(source, networks), networks.get(source.network)?.heard_every ?? 0);

const ask = async (source: Source, needs: RewardsNeeds, ended: AbortSignal) => {
  const { clock, http, grpc, host, log } = needs;
  const { id, network, config, deadline_ms } = source;
  const answer: SourceAnswer<NetworkReply | undefined> = await askSource({
    ...{ name: id, deadline_ms, clock, ended },
    memory: () => needs.memories.read(id),
    ask: (call) => network.onDevice?.({ config, http, grpc, host, log, now: needs.now(), ...call }),
  });
  return { ...answer, reply: answer.reply ?? {} };
};

/** What the hub does not know yet: another amount, or a day has passed. */
const newsOf = (source: Source, readings: readonly Reading[], now: number): Reading[] => {
  const seen = new Map<string, number>();
  return readings.filter((reading) => {
    const { as_of: _as_of, ...rest } = reading;
    const stream = [reading.kind, reading.device, reading.network, reading.source, reading.account, reading.token].join(' ');
    // A long ledger comes as several readings of one stream.
    const part = seen.get(stream) ?? 0;
    seen.set(stream, part + 1);
    const key = `${stream} ${part}`;
    // A ledger's text may be long; what is kept of it is not.
    const text = createHash('sha256').update(JSON.stringify(rest)).digest('base64');
    const before = source.sent.get(key);
    if (before?.text === text && now - before.at < DAY_MS) return false;
    source.sent.delete(key);
    source.sent.set(key, { text, at: now });
    const [oldest] = source.sent.keys();
    if (source.sent.size > MAX_STREAMS && oldest !== undefined) source.sent.delete(oldest);
    return true;
  });
};

/** Accounts that an event names. */
const MOST_NAMED = 20;

const note = (accounts: Set<string>, account: string) => {
  accounts.delete(account);
  accounts.add(account);
  for (const oldest of accounts) if (accounts.size > MOST_NAMED) accounts.delete(oldest);
};

const nameOf = ({ id, prefix, accounts }: Source): SourceName => ({ source: id, network: prefix, accounts: [...accounts] });
