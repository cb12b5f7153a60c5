import { counter, gauge, type MetricDeclaration } from '@muster/shared/metrics';
import type { Random } from './random.js';

/** A simulated machine: 30 metrics that move as those of a hotspot, a storage miner, a GPU node or a vehicle unit do. */
export const KINDS = ['hotspot', 'storage', 'gpu', 'vehicle'] as const;
export type MachineKind = (typeof KINDS)[number];

export interface Machine {
  kind: MachineKind;
  model: string;
  columns: readonly string[];
  /** Moves time on by `seconds` and gives one value per column; `hot` is a failed fan. */
  step(seconds: number, hot: boolean): (number | null)[];
}

const KIB = 1024;
const MIB = 1024 * KIB;
const GIB = 1024 * MIB;

/** Series key → declaration, in the order of a row. */
export const SERIES: readonly (readonly [string, MetricDeclaration])[] = [
  ['system.cpu.utilization', gauge('1', 'CPU utilisation', { resolution: 0.001 })],
  ['hw.temperature{zone=cpu}', gauge('Cel', 'Temperature', { resolution: 0.1 })],
  ['system.cpu.load_average.1m', gauge('1', 'Load average, 1 minute', { resolution: 0.01 })],
  ['system.cpu.load_average.5m', gauge('1', 'Load average, 5 minutes', { resolution: 0.01 })],
  ['system.cpu.load_average.15m', gauge('1', 'Load average, 15 minutes', { resolution: 0.01 })],
  ['system.memory.limit', gauge('By', 'Memory installed', { resolution: KIB })],
  ['system.memory.usage{state=used}', gauge('By', 'Memory', { resolution: MIB })],
  ['system.memory.utilization', gauge('1', 'Memory utilisation', { resolution: 0.001 })],
  ['system.paging.usage{state=used}', gauge('By', 'Swap', { resolution: MIB })],
  ['system.filesystem.limit{mountpoint=/}', gauge('By', 'File system size', { resolution: KIB })],
  ['system.filesystem.usage{mountpoint=/,state=used}', gauge('By', 'File system', { resolution: MIB })],
  ['system.filesystem.utilization{mountpoint=/}', gauge('1', 'File system utilisation', { resolution: 0.001 })],
  ['system.disk.io{device=sda,direction=read}', counter('By', 'Disk IO', { resolution: 64 * KIB })],
  ['system.disk.io{device=sda,direction=write}', counter('By', 'Disk IO', { resolution: 64 * KIB })],
  ['system.disk.io_time{device=sda}', counter('s', 'Disk busy time', { resolution: 0.01 })],
  ['system.network.io{direction=receive,interface=eth0}', counter('By', 'Network IO', { resolution: KIB })],
  ['system.network.io{direction=transmit,interface=eth0}', counter('By', 'Network IO', { resolution: KIB })],
  ['system.network.errors{direction=receive,interface=eth0}', counter('{error}', 'Network errors')],
  ['system.network.dropped{direction=receive,interface=eth0}', counter('{packet}', 'Network packets dropped')],
  ['system.uptime', gauge('s', 'Uptime', { resolution: 1 })],
  ['system.process.count', gauge('{process}', 'Processes')],
  ['system.linux.file_handles.usage', gauge('{handle}', 'File handles')],
  ['system.linux.pressure.some{resource=cpu}', gauge('1', 'Pressure', { resolution: 0.001 })],
  ['system.linux.pressure.some{resource=io}', gauge('1', 'Pressure', { resolution: 0.001 })],
  ['hw.gpu.utilization{gpu=0}', gauge('1', 'GPU utilisation', { resolution: 0.01 })],
  ['hw.temperature{gpu=0}', gauge('Cel', 'Temperature', { resolution: 1 })],
  ['hw.power{gpu=0}', gauge('W', 'Power', { resolution: 0.1 })],
  ['hw.gpu.memory.usage{gpu=0}', gauge('By', 'GPU memory', { resolution: MIB })],
  ['muster.agent.memory.usage', gauge('By', 'Agent memory', { resolution: MIB })],
  ['muster.agent.spool.length', gauge('{row}', 'Agent spool')],
];

const COLUMNS = SERIES.map(([key]) => key);

const TRAITS: Record<
  MachineKind,
  { memory: number; disk: number; cpu: number; model: string; gpu: boolean; read: number; write: number }
> = {
  hotspot: {
    memory: 4 * GIB,
    disk: 32 * GIB,
    cpu: 0.12,
    model: 'Raspberry Pi 4 Model B',
    gpu: false,
    read: 4_000,
    write: 30_000,
  },
  storage: {
    memory: 64 * GIB,
    disk: 16_384 * GIB,
    cpu: 0.35,
    model: 'Supermicro X11',
    gpu: false,
    read: 9_000_000,
    write: 4_000_000,
  },
  gpu: { memory: 64 * GIB, disk: 1_024 * GIB, cpu: 0.25, model: 'GPU node', gpu: true, read: 200_000, write: 300_000 },
  vehicle: { memory: 1 * GIB, disk: 16 * GIB, cpu: 0.08, model: 'Vehicle unit', gpu: false, read: 1_000, write: 8_000 },
};

/**
 * `rounded`: to the declared resolution, as the agent does; `native`: bytes, watts and seconds as the operating system counts
 * them. Ratios have no grain of their own and keep their three digits.
 */
export type Grain = 'rounded' | 'native';

export const createMachine = (kind: MachineKind, random: Random, grain: Grain = 'rounded'): Machine => {
  const trait = TRAITS[kind];
  const s = startState(trait, random);
  const round = grain === 'rounded' ? toResolution : toNative;
  const cpuPart = createCpu(trait.cpu, random, round);
  const gpuPart = createGpu(random, round);
  return {
    kind,
    model: trait.model,
    columns: COLUMNS,
    step(seconds, hot) {
      const cpu = cpuPart(seconds, hot);
      moveCounters(s, { trait, seconds, random });
      const gpu = trait.gpu ? gpuPart(seconds, hot) : [null, null, null, null];
      return [
        ...cpu.head,
        ...memoryAndDisk(s, trait, round),
        ...network(s, round),
        ...system(s, cpu.load, round),
        ...gpu,
        round(46 * MIB + random.next() * MIB, MIB, 4 * KIB),
        0,
      ];
    },
  };
};

type Trait = (typeof TRAITS)[MachineKind];

const startState = (trait: Trait, random: Random) => ({
  memory: trait.memory * (0.3 + random.next() * 0.3),
  swap: 0,
  disk: trait.disk * (0.2 + random.next() * 0.5),
  read: random.next() * 1e12,
  write: random.next() * 1e12,
  busy: random.next() * 1e5,
  rx: random.next() * 1e12,
  tx: random.next() * 1e11,
  errors: 0,
  dropped: 0,
  uptime: Math.floor(random.next() * 3e6),
  processes: 150 + Math.floor(random.next() * 100),
  handles: 1_500 + Math.floor(random.next() * 900),
});
type State = ReturnType<typeof startState>;

const moveCounters = (s: State, { trait, seconds, random }: { trait: Trait; seconds: number; random: Random }) => {
  s.memory += random.normal() * trait.memory * 2e-4 + (trait.memory * 0.45 - s.memory) * 0.002;
  s.disk += random.next() < 0.2 ? random.next() * 400_000 : 0;
  s.read += trait.read * seconds * random.next() ** 2 * 3;
  s.write += trait.write * seconds * random.next() ** 2 * 3;
  s.busy += Math.min(seconds, (trait.write / 2e8) * seconds * random.next());
  s.rx += Math.abs(20_000 + random.normal() * 12_000) * seconds * 0.1 + (random.next() < 0.05 ? random.next() * 5e6 : 0);
  s.tx += Math.abs(9_000 + random.normal() * 5_000) * seconds * 0.1;
  s.errors += random.next() < 0.0005 ? 1 : 0;
  s.dropped += random.next() < 0.002 ? 1 : 0;
  s.uptime += seconds;
  s.processes += random.next() < 0.15 ? Math.floor(random.next() * 5) - 2 : 0;
  s.handles += random.next() < 0.3 ? Math.floor(random.normal() * 8) : 0;
};

const createCpu = (base: number, random: Random, round: Round) => {
  let cpu = base;
  let temperature = 45 + random.next() * 8;
  const load = [base * 4, base * 4, base * 4];
  return (seconds: number, hot: boolean) => {
    cpu = clamp(
      cpu + (base - cpu) * 0.15 + random.normal() * 0.016 + (random.next() < 0.01 ? random.next() * 0.35 : 0),
      0.003,
      1,
    );
    const target = 38 + cpu * 25 + (hot ? 45 : 0);
    temperature += (target - temperature) * Math.min(1, 0.03 * (seconds / 10) * (hot ? 4 : 1)) + random.normal() * 0.15;
    const pace = [60, 300, 900];
    for (let i = 0; i < 3; i++)
      load[i] = (load[i] ?? 0) + (cpu * 4 - (load[i] ?? 0)) * (1 - Math.exp(-seconds / (pace[i] ?? 60)));
    return { head: [round(cpu, 0.001), round(temperature, 0.1), ...load.map((value) => round(value, 0.01))], load: cpu };
  };
};

const createGpu = (random: Random, round: Round) => {
  let busy = random.next() < 0.6;
  let temperature = 45;
  let power = 30;
  return (seconds: number, hot: boolean) => {
    if (random.next() < 0.002) busy = !busy;
    temperature +=
      ((busy ? 68 : 41) + (hot ? 25 : 0) - temperature) * Math.min(1, 0.05 * (seconds / 10)) + random.normal() * 0.25;
    power += ((busy ? 280 : 22) - power) * 0.3 + random.normal() * (busy ? 4 : 0.3);
    const load = busy ? clamp(0.94 + random.normal() * 0.04, 0, 1) : 0;
    const memory = round(busy ? 18_432 * MIB : 512 * MIB, MIB);
    return [round(load, 0.01), Math.round(temperature), round(power, 0.1, 0.01), memory];
  };
};

const memoryAndDisk = (s: State, trait: Trait, round: Round): number[] => [
  trait.memory,
  round(s.memory, MIB, KIB),
  round(s.memory / trait.memory, 0.001),
  round(s.swap, MIB, KIB),
  trait.disk,
  round(s.disk, MIB, 4 * KIB),
  round(s.disk / trait.disk, 0.001),
  round(s.read, 64 * KIB, 512),
  round(s.write, 64 * KIB, 512),
  round(s.busy, 0.01, 0.001),
];

const network = (s: State, round: Round): number[] => [round(s.rx, KIB, 1), round(s.tx, KIB, 1), s.errors, s.dropped];

const system = (s: State, cpu: number, round: Round): number[] => [
  round(s.uptime, 1),
  s.processes,
  s.handles,
  round(Math.max(0, cpu - 0.5) / 4, 0.001),
  round(cpu / 50, 0.001),
];

const clamp = (value: number, low: number, high: number): number => Math.min(high, Math.max(low, value));

/** To `resolution`, or to `native` where that is finer. */
type Round = (value: number, resolution: number, native?: number) => number;
const toResolution: Round = (value, resolution) => toStep(value, resolution);
const toNative: Round = (value, resolution, native = resolution) => toStep(value, native);
/** Below 1 a division by the whole inverse: the double nearest to the decimal. */
const toStep = (value: number, step: number): number =>
  step >= 1 ? Math.round(value / step) * step : Math.round(value / step) / Math.round(1 / step);
