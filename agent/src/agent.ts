import type { Clock } from '@muster/shared/clock';
import type { Http } from '@muster/shared/http';
import type { Log } from '@muster/shared/log';
import type { NetworkDeclaration } from '@muster/shared/network';
import { bootIdFrom } from '@muster/shared/wire/codec';
import type { DeviceEvent } from '@muster/shared/wire/messages';
import { createCommands } from './commands.js';
import type { AgentSettings } from './config.js';
import type { Identity } from './identity.js';
import { plainFacts, type ReadInventory } from './inventory.js';
import type { OpenLink } from './link.js';
import type { Host, ProbeDeclaration } from './probe.js';
import { createReporter } from './reporter.js';
import { createRewards } from './rewards.js';
import { createRunner, type Runner } from './runner.js';
import { createSchedule } from './schedule.js';
import { createSeriesTable } from './series.js';
import { createMemorySpool } from './spool.js';
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
  clock: Clock;
  log: Log;
  open: OpenLink;
  inventory: ReadInventory;
  version: string;
  random(): number;
  randomBytes(count: number): Uint8Array;
  /** Whether this machine's clock is known to be synchronised. */
  synchronised(): boolean;
  memory_bytes(): number;
}

/** The second read of the probes follows the first by this: then rates have a value. */
const PRIME_MS = 1_000;
const INVENTORY_MS = 3_600_000;

export type RunSettings = Pick<
  AgentSettings,
  'interval_ms' | 'keepalive_s' | 'spool_rows' | 'commands' | 'skip_probes' | 'inventory' | 'networks'
>;

export const createAgent = (needs: AgentNeeds, settings: RunSettings): Agent => {
  const { clock, log, identity, random } = needs;
  const { interval_ms } = settings;
  const boot = bootIdFrom(needs.randomBytes(8));
  let seq = 0;
  let about = plainFacts();
  let stopped: Promise<void> | null = null;

  const time = createAgentTime({ clock, synchronised: needs.synchronised, last_seq: () => seq });
  const spool = createMemorySpool(settings.spool_rows);
  const series = createSeriesTable(clock);
  const schedule = createSchedule({ clock, log });
  const probes = [...needs.probes.values()].filter(({ id }) => !settings.skip_probes.includes(id));
  const runner = createRunner({ probes, host: needs.host, clock, log, series }, { interval_ms });
  const facts = { device: identity.device, boot, interval_ms };
  const { memory_bytes } = needs;
  const reporter = createReporter({ ...facts, runner, series, spool, memory_bytes, now: time.now, next_seq: () => ++seq });

  const send = (topic: 'rewards' | 'event', fields: object) => {
    const message = { boot, seq: ++seq, ts: time.now() };
    spool.add({ kind: 'message', device: identity.device, topic, body: { ...message, ...fields }, ...message });
    uplink.wake();
  };
  const event = (name: string, detail: string) => send('event', { event: name, detail: detail.slice(0, 1_000) });
  const hear = (now: number) => {
    const off_ms = time.hear(now);
    if (off_ms !== 0) {
      log.warn('The clock of this machine is wrong; the time of the hub is used', { off_ms });
      event(
        'clock_corrected',
        `The clock of this machine was ${Math.abs(off_ms)} ms ${off_ms > 0 ? 'behind' : 'ahead of'} the hub's`,
      );
    }
    uplink.wake();
  };
  const readInventory = async () => {
    const found = await needs.inventory();
    if (JSON.stringify(found) !== JSON.stringify(about)) {
      about = found;
      uplink.announce();
    }
    return 'The inventory was read anew';
  };

  const commands = createCommands({
    allowed: settings.commands,
    able: { inventory: readInventory },
    hear,
    answer: (result) => uplink.answer(result),
    log,
  });
  const uplink = createUplink(
    {
      open: needs.open,
      spool,
      clock,
      random,
      log,
      shiftOf: (item) => (item.kind === 'row' && item.boot === boot ? time.shiftOf(item.seq) : 0),
      isTimeKnown: time.trusted,
      birth: () => ({ boot, agent_version: needs.version, interval_ms, about, ...reporter.describe() }),
      onCommand: commands,
    },
    { ...identity, keepalive_s: settings.keepalive_s },
  );
  const rewards = createRewards({
    networks: needs.networks,
    sources: settings.networks,
    http: needs.http,
    clock,
    log,
    schedule,
    series,
    random,
    now: time.now,
    isTimeKnown: time.trusted,
    send: (readings) => send('rewards', { readings }),
    report: event,
  });

  let first_drop = true;
  spool.dropped.on(() => {
    if (first_drop) log.warn('The spool is full; the oldest rows are dropped', { kept: settings.spool_rows });
    first_drop = false;
  });

  let primed = false;
  let next_row = 0;
  const rowTask = async (): Promise<number> => {
    const now = clock.monotonic();
    if (!primed) {
      primed = true;
      next_row = now + Math.min(PRIME_MS, interval_ms);
      await reporter.prime();
    } else {
      // From due time to due time: rows keep their pace, and a machine that slept does not catch up.
      next_row = Math.max(next_row + interval_ms, now);
      uplink.offer(await reporter.row());
    }
    return next_row - clock.monotonic();
  };
  const inventoryTask = async () => {
    await readInventory();
    return INVENTORY_MS;
  };
  const stop = async () => {
    schedule.stop();
    rewards.stop();
    runner.stop();
    const goodbye: DeviceEvent = { boot, seq: ++seq, ts: time.now(), event: 'stopping' };
    await uplink.stop(goodbye);
    await spool.close();
  };

  return {
    boot,
    start() {
      schedule.add({ name: 'row', first_ms: 0, run: rowTask });
      if (settings.inventory) schedule.add({ name: 'inventory', first_ms: 0, run: inventoryTask });
      rewards.start();
      schedule.start();
      uplink.start();
    },
    stop() {
      stopped ??= stop();
      return stopped;
    },
    online: uplink.online,
    probes: runner.states,
  };
};
