import type { Clock } from '@muster/shared/clock';
import type { Grpc } from '@muster/shared/grpc';
import type { Http } from '@muster/shared/http';
import type { Log } from '@muster/shared/log';
import type { NetworkDeclaration } from '@muster/shared/network';
import type { Reading } from '@muster/shared/wire/messages';
import { createAbout } from './about.js';
import { withSpooled } from './birth.js';
import { type CarriedDevice, createCarried } from './carried.js';
import { createCommands } from './commands.js';
import type { AgentSettings } from './config.js';
import type { Identity } from './identity.js';
import type { ReadInventory } from './inventory.js';
import type { OpenLink } from './link.js';
import type { LinkState } from './link-note.js';
import { createOutbox } from './outbox.js';
import type { Host, ProbeDeclaration } from './probe.js';
import { createReporter } from './reporter.js';
import { createRewards, heardEveryOf, type SourceMemories, type SourceName, type SourceSetting } from './rewards.js';
import { createRunner, probesToRead, type Runner } from './runner.js';
import { createSchedule } from './schedule.js';
import { counting, createSelf, type Process } from './self/self.js';
import { createSeriesTable } from './series.js';
import { createDropReport } from './spool/drop-report.js';
import { createDurableSpool, type DurableNeeds } from './spool/durable.js';
import type { SpoolFiles } from './spool/files.js';
import { createAgentTime } from './time.js';
import { createUplink } from './uplink.js';

/** One page of wires: every part of the agent, and what connects them. */
export interface Agent {
  readonly boot: string;
  start(): void;
  /** Says goodbye to the hub and ends everything; may be called twice. */
  stop(): Promise<void>;
  online(): boolean;
  probes(): ReturnType<Runner['states']>;
}

export interface AgentNeeds {
  identity: Identity;
  probes: ReadonlyMap<string, ProbeDeclaration>;
  networks: ReadonlyMap<string, NetworkDeclaration>;
  host: Host;
  http: Http;
  grpc: Grpc;
  memories: SourceMemories;
  clock: Clock;
  log: Log;
  open: OpenLink;
  inventory: ReadInventory;
  version: string;
  random(): number;
  randomBytes(count: number): Uint8Array;
  /** Whether this machine's clock is known to be synchronised. */
  synchronised(): boolean;
  process: Process;
  spool_files: SpoolFiles;
  /** Throws `conflict` when another agent has the spool. */
  lock_spool(): () => void;
  /** The hub is there, or away. */
  linked?: ((state: LinkState) => void) | undefined;
  /** Asks whoever runs the agent to end it, so that it is started anew. */
  giveUp(why: string): void;
}

export type RunSettings = Pick<
  AgentSettings,
  | 'interval_ms'
  | 'keepalive_s'
  | 'spool_days'
  | 'spool_bytes'
  | 'spool_sync_ms'
  | 'commands'
  | 'skip_probes'
  | 'probe_settings'
  | 'inventory'
  | 'networks'
  | 'carries'
  | 'memory_mb'
>;

export const createAgent = (needs: AgentNeeds, settings: RunSettings): Agent => {
  const { clock, log, identity } = needs;
  const { interval_ms } = settings;
  const series = createSeriesTable(clock, () => spool.listsOf(identity.device));
  const schedule = createSchedule({ clock, log });
  const spool_now = () => (time.trusted() ? time.now() : null);
  const spool = createSpool(needs, settings, { describe: (list) => reporter.describeList(list), now: spool_now });
  const random = needs.randomBytes(8);
  const outbox = createOutbox(spool, identity.device, random);
  const time = createAgentTime({ ...needs, settled: (shift_ms) => spool.settle(outbox.boot, shift_ms) });
  const probes = probesToRead(needs.probes, settings);

  const runner = createRunner({ ...needs, probes, series }, { interval_ms });
  const about = createAbout(needs.inventory, () => uplink.announce());
  const send = (topic: 'rewards' | 'event', fields: object) => {
    outbox.message(time.now(), topic, fields);
    uplink.wake();
  };
  const report = (event: string, detail: string, of?: SourceName) =>
    send('event', { event, detail: detail.slice(0, 1_000), ...(of && { of }) });
  const whole = { ...needs, series, spool, now: time.now, moment: time.moment, isTimeKnown: time.trusted };
  const carried = createCarried({ ...whole, random, hold: (row) => uplink.hold(row) }, carriedOf(settings, needs.networks));
  const link = counting(needs.open);
  const self = createSelf({ ...whole, report, connections: link.connections, refused: carried.refused }, settings);
  const reporter = createReporter({ ...whole, runner, outbox, self, carried, offer: (row) => uplink.offer(row) }, interval_ms);
  const income = { schedule, carried, report, send: (readings: Reading[]) => send('rewards', { readings }) };
  const rewards = createRewards({ ...whole, ...income, safe: spool.flush, sources: sourcesOf(settings) });
  const hear = (hub_now: number) => {
    const off_ms = time.hear(hub_now);
    if (off_ms !== 0) tellOfClock(off_ms, log, report);
    uplink.wake();
  };
  const inventory = () => about.read().then(() => 'The inventory was read anew');
  const answer: typeof uplink.answer = (result) => uplink.answer(result);
  const onCommand = createCommands({ allowed: settings.commands, able: { inventory }, hear, answer, log });
  const facts = { boot: outbox.boot, agent_version: needs.version, interval_ms };
  const uplink = createUplink(
    {
      ...needs,
      open: link.open,
      spool,
      boot: outbox.boot,
      shift: time.shift,
      isTimeKnown: time.trusted,
      birth: (wish) => ({
        ...facts,
        about: about.now(),
        ...withSpooled(reporter.describe(), spool.columns(wish), identity.device),
      }),
      onCommand,
    },
    { ...identity, keepalive_s: settings.keepalive_s },
  );
  const drops = createDropReport({ spool, clock, log, report });

  const start = () => {
    spool.open();
    schedule.add(reporter.task);
    if (settings.inventory) schedule.add(about.task);
    for (const part of [rewards, schedule, uplink]) part.start();
  };
  const end = async () => {
    for (const part of [schedule, rewards, about, runner, drops]) part.stop();
    await uplink.stop(outbox.farewell(time.now()));
    await spool.close();
  };
  return { boot: outbox.boot, start, stop: once(end), online: uplink.online, probes: runner.states };
};

const once = (act: () => Promise<void>): (() => Promise<void>) => {
  let done: Promise<void> | null = null;
  return () => {
    done ??= act();
    return done;
  };
};

const sourcesOf = ({ networks, carries }: RunSettings): SourceSetting[] => [
  ...networks,
  ...carries.flatMap(({ device, sources }) => sources.map((source) => ({ ...source, device }))),
];

/** As often as its quickest source is asked; its rows travel with the agent's own, so never more often than those. */
const carriedOf = ({ carries, interval_ms }: RunSettings, networks: AgentNeeds['networks']): CarriedDevice[] =>
  carries.map(({ device, name, about, sources }) => ({
    device,
    about: name === undefined ? about : { ...about, name },
    interval_ms: Math.max(interval_ms, Math.min(...sources.map((source) => heardEveryOf(source, networks)))),
  }));

const tellOfClock = (off_ms: number, log: Log, report: (event: string, detail: string) => void): void => {
  log.warn('The clock of this machine is wrong; the time of the hub is used', { off_ms });
  report('clock_corrected', `The clock of this machine is ${off_ms} ms off the hub's`);
};

/** Longer than a hub that is there takes to acknowledge (2.5 s by default): else every row would be synced for nothing. */
const LEAST_SYNC_MS = 4_000;

const createSpool = (needs: AgentNeeds, settings: RunSettings, links: Pick<DurableNeeds, 'describe' | 'now'>) =>
  createDurableSpool(
    { ...links, clock: needs.clock, log: needs.log, files: needs.spool_files, lock: needs.lock_spool },
    {
      bytes: settings.spool_bytes,
      days: settings.spool_days,
      sync_ms: settings.spool_sync_ms || Math.max(LEAST_SYNC_MS, settings.interval_ms),
    },
  );
