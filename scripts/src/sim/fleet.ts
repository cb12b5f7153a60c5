import type { HubApi } from '../api.js';
import { createSimDevice, type SimDevice } from './device.js';
import { createEarner } from './earner.js';
import type { Fault } from './faults.js';
import { createMachine, KINDS } from './machine.js';
import { createRandom } from './random.js';

/** A simulated fleet over real MQTT connections; one loop paces every device. */
export interface FleetSettings {
  devices: number;
  seed: number;
  interval_ms: number;
  keepalive_s: number;
  /** Device ids are `{prefix}-0001`… */
  prefix: string;
  faults: readonly Fault[];
  /** New connections a second. */
  connects_per_s: number;
  /** Days of income that the first readings bring; none unless said. */
  history_days?: number | undefined;
}

export interface FleetFigures {
  connected: number;
  sent: number;
  acknowledged: number;
  failed: number;
  reconnects: number;
  /** PUBACK round trips of the last minute at most, ms. */
  puback_p50_ms: number | null;
  puback_p99_ms: number | null;
  puback_max_ms: number | null;
}

export interface Fleet {
  start(): Promise<void>;
  figures(): FleetFigures;
  device(index: number): SimDevice | undefined;
  stop(): Promise<void>;
}

interface Running {
  devices: SimDevice[];
  /** Devices held down by a fault, by index. */
  down: Set<number>;
  sent: number;
  acknowledged: number;
  failed: number;
  reconnects: number;
  times: number[];
  stopped: boolean;
}

const TICK_MS = 20;
const KEPT_TIMES = 60_000;
const JOINS_AT_ONCE = 8;

export const createFleet = (api: HubApi, settings: FleetSettings): Fleet => {
  const run: Running = {
    devices: [],
    down: new Set(),
    sent: 0,
    acknowledged: 0,
    failed: 0,
    reconnects: 0,
    times: [],
    stopped: false,
  };
  let timer: NodeJS.Timeout | null = null;
  return {
    async start() {
      run.devices = await provision(api, settings);
      await connectAll(run, settings);
      timer = setInterval(createPacer(run, settings), TICK_MS);
    },
    figures: () => figuresOf(run),
    device: (index) => run.devices[index],
    async stop() {
      run.stopped = true;
      if (timer) clearInterval(timer);
      await Promise.allSettled(run.devices.map((device) => device.stop(Date.now())));
    },
  };
};

const deviceId = ({ prefix }: FleetSettings, index: number) => `${prefix}-${String(index + 1).padStart(4, '0')}`;

/** Joins every device by an invite that names it, so that a second run of the same fleet gets new keys. */
const provision = async (api: HubApi, settings: FleetSettings): Promise<SimDevice[]> => {
  const indexes = Array.from({ length: settings.devices }, (_, index) => index);
  const devices: SimDevice[] = new Array(settings.devices);
  const worker = async () => {
    for (let index = indexes.shift(); index !== undefined; index = indexes.shift())
      devices[index] = await joinOne(api, settings, index);
  };
  await Promise.all(Array.from({ length: JOINS_AT_ONCE }, worker));
  return devices;
};

const joinOne = async (api: HubApi, settings: FleetSettings, index: number): Promise<SimDevice> => {
  const id = deviceId(settings, index);
  const random = createRandom(settings.seed).fork(id);
  const kind = KINDS[index % KINDS.length] ?? 'hotspot';
  const { token } = await api.post<{ token: string }>('/invites', { device: id });
  const joined = await api.post<{ key: string; mqtt: string }>('/join', { token, device: id });
  const address = new URL(joined.mqtt);
  return createSimDevice({
    id,
    key: joined.key,
    host: address.hostname,
    port: Number(address.port),
    interval_ms: settings.interval_ms,
    keepalive_s: settings.keepalive_s,
    machine: createMachine(kind, random),
    earner: createEarner({ id, kind, history_days: settings.history_days ?? 0 }, random.fork('earner')),
    boot: crypto.getRandomValues(new Uint8Array(8)),
    now: Date.now,
  });
};

const connectAll = async (run: Running, settings: FleetSettings) => {
  const waiting = [...run.devices];
  const batch = Math.max(1, Math.ceil(settings.connects_per_s / 10));
  while (waiting.length) {
    const started = Date.now();
    await Promise.all(waiting.splice(0, batch).map((device) => bringUp(run, device)));
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, 100 - (Date.now() - started))));
  }
};

const bringUp = async (run: Running, device: SimDevice) => {
  await device.connect();
  device.onLost(() => void reconnect(run, device));
};

/** Full jitter up to 30 s, as agents do; not while a fault holds the device down. */
const reconnect = async (run: Running, device: SimDevice) => {
  for (let tries = 0; !run.stopped && !device.connected && !run.down.has(run.devices.indexOf(device)); tries++) {
    const wait = Math.random() * Math.min(30_000, 500 * 2 ** tries);
    await new Promise((resolve) => setTimeout(resolve, wait));
    if (device.connected || run.stopped) return;
    run.reconnects += 1;
    await device.connect().catch(() => {});
  }
};

/** Spreads the reports over the interval and carries the faults out. */
const createPacer = (run: Running, { interval_ms, faults }: FleetSettings) => {
  const started = Date.now();
  const pending = faults.flatMap((fault) => [
    { at: fault.from, fault, begin: true },
    { at: fault.to, fault, begin: false },
  ]);
  pending.sort((a, b) => a.at - b.at);
  let done = 0;
  return () => {
    const elapsed = Date.now() - started;
    while (pending[0] && pending[0].at <= elapsed) apply(run, pending.shift() as (typeof pending)[0]);
    const due = Math.floor((elapsed / interval_ms) * run.devices.length);
    for (; done < due; done++) void reportOne(run, done % run.devices.length);
  };
};

const reportOne = async (run: Running, index: number) => {
  const device = run.devices[index];
  if (!device || run.down.has(index)) return;
  run.sent += 1;
  const took = await device.report(Date.now()).catch(() => null);
  if (took === null) run.failed += 1;
  else {
    run.acknowledged += 1;
    run.times.push(took);
    if (run.times.length > KEPT_TIMES) run.times.splice(0, KEPT_TIMES / 2);
  }
};

const apply = (run: Running, { fault, begin }: { fault: Fault; begin: boolean }) => {
  const device = run.devices[fault.device];
  if (!device) return;
  if (fault.kind === 'hot') device.setHot(begin);
  else if (fault.kind === 'not_earning') device.setEarning(!begin);
  else if (begin) takeDown(run, device, fault);
  else bringBack(run, device, fault);
};

const takeDown = (run: Running, device: SimDevice, fault: Fault) => {
  run.down.add(fault.device);
  if (fault.kind === 'killed') device.kill();
  else if (fault.kind === 'frozen') device.freeze();
  else if (fault.kind === 'stopped') void device.stop(Date.now()).catch(() => {});
};

const bringBack = (run: Running, device: SimDevice, fault: Fault) => {
  run.down.delete(fault.device);
  if (!device.connected) void reconnect(run, device);
};

const figuresOf = (run: Running): FleetFigures => {
  const sorted = run.times.toSorted((a, b) => a - b);
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? null;
  return {
    connected: run.devices.filter((device) => device.connected).length,
    sent: run.sent,
    acknowledged: run.acknowledged,
    failed: run.failed,
    reconnects: run.reconnects,
    puback_p50_ms: at(0.5),
    puback_p99_ms: at(0.99),
    puback_max_ms: at(1),
  };
};
