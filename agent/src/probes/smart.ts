import { diskName, hardware, status } from '@muster/shared/hardware';
import { counter, gauge, type Sample } from '@muster/shared/metrics';
import { byNumber, countIn, mapped, numbered, plausibleCelsius, sample } from '@muster/shared/parse';
import * as v from 'valibot';
import { defineProbe, type Host } from '../probe.js';

const HOUR_MS = 3_600_000;
/** The runner reads a probe a second time at once; that is not worth a process per disk. */
const FRESH_MS = HOUR_MS / 2;
const SCAN_AGAIN_MS = 24 * HOUR_MS;
const MOST_DISKS = 64;
const DISK_MS = 20_000;
/** A report that root left longer ago says nothing of today: its timer has stopped. */
const OLD_MS = 48 * HOUR_MS;
/** Where a timer that runs as root may leave what smartctl says: a file of JSON per disk. */
const LEFT_BY_ROOT = '/run/muster/smart';
/** A disk that sleeps is left asleep; `--scan` alone opens none. */
const ASK = ['--json=c', '-n', 'standby,0', '-i', '-H', '-A', '-l', 'error'];
const NVME_UNIT_BYTES = 512_000;
/** `Device is in STANDBY (OS) mode, exit(0)` */
const ASLEEP = /Device is in [^"]{1,40}mode, exit\(/;
const FAILING = 8;
const PREFAIL = 16;
const WARNINGS = ['spare', 'temperature', 'reliability', 'read_only', 'backup'];

/** A figure without sense is left out, and the rest of the report stands. */
const count = v.fallback(v.nullish(v.pipe(v.number(), v.minValue(0))), undefined);
const part = <E extends v.ObjectEntries>(entries: E) => v.optional(v.object(entries));
const attribute = v.object({
  id: v.number(),
  name: v.string(),
  value: v.number(),
  raw: v.object({ value: v.number(), string: v.string() }),
});
const scsiErrors = part({ total_uncorrected_errors: count });
const report = v.object({
  smartctl: part({ exit_status: v.number() }),
  local_time: part({ time_t: count }),
  device: part({ name: v.string(), info_name: v.optional(v.string()), protocol: v.optional(v.string()) }),
  model_name: v.optional(v.string()),
  scsi_model_name: v.optional(v.string()),
  serial_number: v.optional(v.string()),
  logical_block_size: count,
  rotation_rate: count,
  smart_status: part({ passed: v.optional(v.boolean()) }),
  temperature: part({ current: v.optional(v.number()) }),
  power_on_time: part({ hours: count }),
  endurance_used: part({ current_percent: count }),
  ata_smart_attributes: part({ table: v.array(attribute) }),
  nvme_smart_health_information_log: part({
    critical_warning: count,
    available_spare: count,
    available_spare_threshold: count,
    percentage_used: count,
    data_units_written: count,
    unsafe_shutdowns: count,
    media_errors: count,
  }),
  scsi_grown_defect_list: count,
  scsi_percentage_used_endurance_indicator: count,
  scsi_error_counter_log: part({ read: scsiErrors, write: scsiErrors, verify: scsiErrors }),
});
type Report = v.InferOutput<typeof report>;
type Attribute = v.InferOutput<typeof attribute>;
const scan = v.object({ devices: v.array(v.object({ name: v.string(), type: v.string() })) });

interface Told {
  disk: string;
  samples: Sample[];
}

interface Memory {
  devices: string[][];
  scanned_at: number | null;
  asked_at: number | null;
  /** By place of the disk. */
  told: Map<string, Told>;
}

export default defineProbe<Memory>({
  id: 'smart',
  title: 'Disk health (SMART)',
  every: HOUR_MS,
  deadline: 300_000,
  metrics: {
    ...hardware('hw.status', 'hw.errors', 'hw.temperature', 'hw.physical_disk.endurance_utilization'),
    'hw.physical_disk.warning': gauge('1', 'Warning of an NVMe disk'),
    'hw.physical_disk.sectors': gauge('{sector}', 'Bad sectors of a disk'),
    'hw.physical_disk.spare': gauge('1', 'Spare blocks that an NVMe disk has left', { resolution: 0.01 }),
    'hw.physical_disk.spare.limit': gauge('1', 'Spare blocks below which an NVMe disk warns', { resolution: 0.01 }),
    'hw.physical_disk.power_on_time': gauge('h', 'Hours that a disk was powered'),
    'hw.physical_disk.unsafe_shutdowns': counter('{shutdown}', 'Times that an NVMe disk lost power unprepared'),
    'hw.physical_disk.written': counter('By', 'Bytes that a disk has taken in its life', { resolution: 1_048_576 }),
  },
  silent:
    'No disk told its health. smartctl (package smartmontools) must be on this machine, and it needs root (CAP_SYS_RAWIO for SATA, CAP_SYS_ADMIN for NVMe), ' +
    `which the agent does not have: let a timer of root write "smartctl ${ASK.join(' ')} DISK" to ${LEFT_BY_ROOT}/NAME.json for each disk, and it is read from there.`,
  memory: () => ({ devices: [], scanned_at: null, asked_at: null, told: new Map() }),
  async read({ host, memory }) {
    if (memory.asked_at === null || host.monotonic() - memory.asked_at >= FRESH_MS) await ask(host, memory);
    return memory.told.size > 0 ? [...memory.told.values()].flatMap(({ samples }) => samples) : null;
  },
});

/** A disk that is gone or cannot be opened is forgotten; one that sleeps keeps what it told, but for its temperature. */
const ask = async (host: Host, memory: Memory): Promise<void> => {
  memory.asked_at = host.monotonic();
  const left = leftByRoot(host);
  const texts = left.length > 0 ? left : await runAll(host, memory);
  const asleep = texts.filter((text) => ASLEEP.test(text)).flatMap((text) => keptOf(text, memory));
  const awake = texts
    .flatMap((text) => parsed(report, text))
    .filter((one) => hasHealth(one) && isFresh(one, host.now()))
    // In order of the serial number: two disks whose names end alike keep their places.
    .sort((a, b) => byNumber(a.serial_number ?? '', b.serial_number ?? ''));
  const names = numbered([...asleep.map(([, { disk }]) => disk), ...awake.map(nameOf)]).slice(asleep.length);
  const skip = hasHwmon(host);
  const heard = awake.map((one, at): [string, Told] => {
    const disk = names[at] ?? nameOf(one);
    return [placeOf(one), { disk, samples: samplesOf(one, disk, skip) }];
  });
  memory.told = new Map([...asleep, ...heard]);
};

const keptOf = (text: string, memory: Memory): [string, Told][] =>
  parsed(report, text).flatMap((one): [string, Told][] => {
    const kept = memory.told.get(placeOf(one));
    const samples = kept?.samples.filter(({ metric }) => metric !== 'hw.temperature');
    return kept && samples ? [[placeOf(one), { disk: kept.disk, samples }]] : [];
  });

/** Behind one controller many disks have one device; the second name parts them. */
const placeOf = ({ device }: Report): string => device?.info_name?.replace(/ \[SAT\]$/, '') ?? device?.name ?? '';

const leftByRoot = (host: Host): string[] =>
  host
    .list(LEFT_BY_ROOT)
    .filter((name) => name.endsWith('.json'))
    .slice(0, MOST_DISKS)
    .flatMap((name) => host.read(`${LEFT_BY_ROOT}/${name}`) ?? []);

/** One disk after another: they share a bus, and the answer of one that hangs is not worth that of the others. */
const runAll = async (host: Host, memory: Memory): Promise<string[]> => {
  if (memory.scanned_at === null || host.monotonic() - memory.scanned_at >= SCAN_AGAIN_MS) {
    const found = parsed(scan, (await host.run('smartctl', ['--scan', '--json=c']))?.text ?? '');
    memory.devices = found.flatMap(({ devices }) => devices.map(argumentsOf)).slice(0, MOST_DISKS);
    memory.scanned_at = memory.devices.length > 0 ? host.monotonic() : null;
  }
  const texts: string[] = [];
  for (const device of memory.devices) {
    const result = await host.run('smartctl', [...ASK, ...device], DISK_MS);
    if (result) texts.push(result.text);
  }
  return texts;
};

/** SATA disks stand as `scsi` in a scan that opens none; without a type smartctl finds out. */
const argumentsOf = ({ name, type }: { name: string; type: string }): string[] =>
  type === 'scsi' || type === 'ata' ? [name] : ['-d', type, name];

const parsed = <S extends v.GenericSchema>(schema: S, text: string): v.InferOutput<S>[] => {
  try {
    const result = v.safeParse(schema, JSON.parse(text));
    return result.success ? [result.output] : [];
  } catch {
    return [];
  }
};

const hasHealth = (one: Report): boolean =>
  one.smart_status !== undefined || one.ata_smart_attributes !== undefined || one.nvme_smart_health_information_log !== undefined;

/** By the one clock of this machine; without a time it counts as new. */
const isFresh = ({ local_time }: Report, now: number): boolean =>
  now - (local_time?.time_t ?? Number.POSITIVE_INFINITY) * 1_000 < OLD_MS;

const nameOf = (one: Report): string => {
  const name = diskName(one.model_name ?? one.scsi_model_name ?? '', one.serial_number ?? '');
  return name || (one.device?.name.split('/').at(-1) ?? 'disk');
};

/** The kernel shows the temperature of NVMe disks itself, and more often. */
const hasHwmon = (host: Host): boolean =>
  host.list('/sys/class/hwmon').some((name) => host.read(`/sys/class/hwmon/${name}/name`)?.trim() === 'nvme');

const samplesOf = (one: Report, disk: string, skip: boolean): Sample[] => {
  const bits = one.smartctl?.exit_status ?? 0;
  const known = skip && one.nvme_smart_health_information_log !== undefined;
  const bad = one.smart_status?.passed === false || (bits & (FAILING | PREFAIL)) !== 0;
  return [
    ...status({ disk }, 'predicted_failure', bad),
    ...sample('hw.temperature', known ? null : plausibleCelsius(one.temperature?.current || null), { disk }),
    ...sample('hw.physical_disk.power_on_time', one.power_on_time?.hours ?? null, { disk }),
    ...sample('hw.physical_disk.endurance_utilization', left(one), { disk, state: 'remaining' }),
    ...ata(one, disk),
    ...nvme(one, disk),
    ...scsi(one, disk),
  ];
};

/** More than 100 % used is 0 left. */
const left = (one: Report): number | null => {
  const used =
    one.endurance_used?.current_percent ??
    one.nvme_smart_health_information_log?.percentage_used ??
    one.scsi_percentage_used_endurance_indicator;
  return used == null ? leftByAttribute(one) : Math.max(0, 1 - used / 100);
};

/** Makers of SATA SSDs count down from 100 under these numbers; on other disks the same numbers mean other things. */
const leftByAttribute = (one: Report): number | null => {
  if (one.rotation_rate) return null;
  const table = one.ata_smart_attributes?.table ?? [];
  const wear = [231, 202, 233, 177].flatMap((id) => table.filter((row) => row.id === id && isWear(row.name)));
  const value = wear[0]?.value;
  return value === undefined || value < 0 || value > 100 ? null : value / 100;
};

const isWear = (name: string): boolean => /life|wear/i.test(name) && !/writ|read|temp/i.test(name);

const ata = (one: Report, disk: string): Sample[] => {
  const rows = new Map(one.ata_smart_attributes?.table.map((row) => [row.id, row]));
  // The text is what the database of smartctl makes of the raw bytes: `8 (2)` is 8.
  const raw = (id: number) => countIn(/^\d+/.exec(rows.get(id)?.raw.string ?? '')?.[0]);
  return [
    ...sample('hw.physical_disk.sectors', raw(5), { disk, type: 'reallocated' }),
    ...sample('hw.physical_disk.sectors', raw(197), { disk, type: 'pending' }),
    ...sample('hw.physical_disk.sectors', raw(198), { disk, type: 'uncorrectable' }),
    ...sample('hw.errors', raw(187), { disk, type: 'uncorrected' }),
    ...sample('hw.errors', mapped(packed(rows.get(188)), lowest), { disk, type: 'timeout' }),
    ...sample('hw.errors', raw(199), { disk, type: 'link' }),
    ...sample('hw.physical_disk.written', written(rows.get(241), one.logical_block_size ?? 512), { disk }),
  ];
};

const packed = (row: Attribute | undefined): number | null => (row && row.raw.value >= 0 ? row.raw.value : null);
/** Command timeouts come as three counts of 16 bits; the lowest counts all. */
const lowest = (raw: number): number => raw % 65_536;

const written = (row: Attribute | undefined, block: number): number | null =>
  row && /^(Total_LBAs_Written|Host_Writes)$/.test(row.name) ? mapped(packed(row), (blocks) => blocks * block) : null;

const nvme = ({ nvme_smart_health_information_log: log }: Report, disk: string): Sample[] => {
  if (!log) return [];
  const bits = log.critical_warning ?? null;
  const ratio = (percent: number | null | undefined) => mapped(percent ?? null, (value) => value / 100);
  return [
    ...WARNINGS.flatMap((type, bit) =>
      sample(
        'hw.physical_disk.warning',
        mapped(bits, (value) => (value >> bit) & 1),
        { disk, type },
      ),
    ),
    ...sample('hw.physical_disk.spare', ratio(log.available_spare), { disk }),
    ...sample('hw.physical_disk.spare.limit', ratio(log.available_spare_threshold), { disk }),
    ...sample('hw.errors', log.media_errors ?? null, { disk, type: 'uncorrected' }),
    ...sample('hw.physical_disk.unsafe_shutdowns', log.unsafe_shutdowns ?? null, { disk }),
    ...sample(
      'hw.physical_disk.written',
      mapped(log.data_units_written ?? null, (units) => units * NVME_UNIT_BYTES),
      { disk },
    ),
  ];
};

const scsi = (one: Report, disk: string): Sample[] => {
  const kinds = Object.values(one.scsi_error_counter_log ?? {}).flatMap((kind) => kind?.total_uncorrected_errors ?? []);
  const errors = kinds.length > 0 ? kinds.reduce((sum, value) => sum + value, 0) : null;
  // A report is of one kind; where a bridge mixes them the first stands.
  const twice = one.ata_smart_attributes !== undefined || one.nvme_smart_health_information_log !== undefined;
  return twice
    ? []
    : [
        ...sample('hw.physical_disk.sectors', one.scsi_grown_defect_list ?? null, { disk, type: 'reallocated' }),
        ...sample('hw.errors', errors, { disk, type: 'uncorrected' }),
      ];
};
