/** The language of `nvidia-smi --query-gpu`: which fields are asked, how a refused one is replaced, what its lines say. Pure. */

export type NvidiaKey =
  | 'uuid'
  | 'bus'
  | 'busy'
  | 'encoder'
  | 'decoder'
  | 'used'
  | 'total'
  | 'temperature'
  | 'memory_temperature'
  | 'power'
  | 'power_limit'
  | 'fan'
  | 'graphics_clock'
  | 'memory_clock'
  | 'reasons'
  | 'corrected'
  | 'uncorrected'
  | 'generation'
  | 'width';

/** The first name is asked; the others are what older drivers call it. */
export interface NvidiaColumn {
  key: NvidiaKey;
  names: readonly string[];
}

export type NvidiaRow = Partial<Record<NvidiaKey, string>>;

const column = (key: NvidiaKey, ...names: string[]): NvidiaColumn => ({ key, names });

/** Every driver of the last ten years knows these. */
const ESSENTIAL: readonly NvidiaColumn[] = [
  column('uuid', 'uuid'),
  column('busy', 'utilization.gpu'),
  column('used', 'memory.used'),
  column('total', 'memory.total'),
  column('temperature', 'temperature.gpu'),
  column('power', 'power.draw'),
  column('power_limit', 'power.limit'),
  column('fan', 'fan.speed'),
];

export const NVIDIA_COLUMNS: readonly NvidiaColumn[] = [
  ...ESSENTIAL,
  column('bus', 'pci.bus_id'),
  // Since driver 525.
  column('encoder', 'utilization.encoder'),
  column('decoder', 'utilization.decoder'),
  column('memory_temperature', 'temperature.memory'),
  column('graphics_clock', 'clocks.current.graphics'),
  column('memory_clock', 'clocks.current.memory'),
  // Renamed with driver 535.
  column('reasons', 'clocks_event_reasons.active', 'clocks_throttle_reasons.active'),
  column('corrected', 'ecc.errors.corrected.volatile.total'),
  column('uncorrected', 'ecc.errors.uncorrected.volatile.total'),
  column('generation', 'pcie.link.gen.current'),
  column('width', 'pcie.link.width.current'),
];

export const nvidiaArguments = (columns: readonly NvidiaColumn[], period_s: number): string[] => [
  `--query-gpu=${columns.map(({ names }) => names[0]).join(',')}`,
  '--format=csv,noheader,nounits',
  '-l',
  String(period_s),
];

/** What is left to ask after a refusal: one unknown field makes nvidia-smi refuse them all. Null when nothing was refused, or nothing can be left out. */
export const withoutRefused = (columns: readonly NvidiaColumn[], lines: readonly string[]): readonly NvidiaColumn[] | null => {
  const refused = lines.map((line) => /^Field "([\w.]+)" is not a valid field to query/.exec(line)?.[1]).find(Boolean);
  if (refused === undefined) return null;
  const left = columns
    .map(({ key, names }) => ({ key, names: names[0] === refused ? names.slice(1) : names }))
    .filter(({ names }) => names.length > 0);
  const changed = left.length < columns.length || columns.some(({ names }) => names[0] === refused);
  return changed && left[0]?.key === 'uuid' ? left : essentialOf(columns);
};

/** Null when no more than the essential fields are asked already. */
export const essentialOf = (columns: readonly NvidiaColumn[]): readonly NvidiaColumn[] | null =>
  columns.length > ESSENTIAL.length ? ESSENTIAL : null;

/** Warnings come between the rows; behind more of them than this the rows are too old to trust. */
const MOST_OTHER_LINES = 16;

/** The newest row of each GPU that still answers: from the end back to the first GPU that comes a second time. Not that of a card named as out of reach since. */
export const nvidiaRows = (columns: readonly NvidiaColumn[], lines: readonly string[]): NvidiaRow[] => {
  const rows = new Map<string, NvidiaRow>();
  const others: string[] = [];
  for (const line of lines.toReversed()) {
    const row = rowOf(columns, line);
    if (!row) others.push(line);
    if (others.length > MOST_OTHER_LINES || (row && rows.has(row.uuid))) break;
    if (row && !unreachable(others).includes(shortBus(row.bus ?? ''))) rows.set(row.uuid, row);
  }
  return [...rows.values()].reverse();
};

const rowOf = (columns: readonly NvidiaColumn[], line: string): (NvidiaRow & { uuid: string }) | null => {
  const fields = line.split(',').map((field) => field.trim());
  const uuid = fields[0] ?? '';
  if (fields.length !== columns.length || !/^(GPU|MIG)-[\w/-]{8,80}$/.test(uuid)) return null;
  const row: NvidiaRow = Object.fromEntries(columns.map(({ key }, index) => [key, fields[index]]));
  return { ...row, uuid };
};

/** A card that fell off the bus may keep its row, with an error in every field that would be measured. */
export const isLost = ({ temperature, total, ...others }: NvidiaRow): boolean =>
  ![temperature, total].some((field) => /^\d/.test(field ?? '')) &&
  [temperature, total, ...Object.values(others)].some((field) => /unknown error|is lost|^ERR!$/i.test(field ?? ''));

/** Places on the PCI bus of the cards that nvidia-smi cannot reach: `Unable to determine the device handle for GPU0000:41:00.0: Unknown Error`. */
export const unreachable = (lines: readonly string[]): string[] =>
  lines.flatMap((line) => {
    const bus = /device handle for GPU\s?\d{0,3}:?\s?([0-9a-f]{4,8}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7])/i.exec(line)?.[1];
    return bus === undefined ? [] : [shortBus(bus)];
  });

/** `00000000:41:00.0` as `0000:41:00.0`: rows and warnings write the domain with eight and with four digits. */
export const shortBus = (bus: string): string => bus.toLowerCase().slice(-12);

/** Bits of the mask `…reasons.active`; idle and what the operator set himself are no trouble. */
const REASONS = {
  power_cap: 0x04,
  hardware_slowdown: 0x08,
  thermal_software: 0x20,
  thermal_hardware: 0x40,
  power_brake: 0x80,
} as const;

/** `0x0000000000000044` → each reason and whether it holds the clock down; empty when it is no mask. */
export const reasonsIn = (mask: string | undefined): [reason: string, active: boolean][] => {
  const digits = /^0x([0-9a-f]{1,16})$/i.exec(mask ?? '')?.[1];
  if (digits === undefined) return [];
  const bits = Number.parseInt(digits.slice(-8), 16);
  return Object.entries(REASONS).map(([reason, bit]) => [reason, (bits & bit) !== 0]);
};
