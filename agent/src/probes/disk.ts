import { counter, type Sample } from '@muster/shared/metrics';
import { byNumber, countIn, labelText, linesOf, mapped, sample, wordsOf } from '@muster/shared/parse';
import { defineProbe, type Host } from '../probe.js';

const MOST_DISKS = 64;
/** /proc/diskstats counts in these, whatever the disk's own sector is. */
const SECTOR_BYTES = 512;
/** Optical and floppy drives, raw flash, and the boot areas of an eMMC. */
const NOT_DISKS = /^(sr|fd|mtdblock)\d|boot\d$|rpmb$/;

/** Whether a name in /sys/block is a real disk; asked once per name. */
type Memory = Map<string, boolean>;

export default defineProbe<Memory>({
  id: 'disk',
  title: 'Disk activity',
  every: 10_000,
  metrics: {
    'system.disk.io': counter('By', 'Disk bytes', { resolution: 1_024 }),
    'system.disk.operations': counter('{operation}', 'Disk operations'),
    'system.disk.io_time': counter('s', 'Disk busy time', { resolution: 0.01 }),
  },
  memory: () => new Map(),
  async read({ host, memory }) {
    const stats = host.read('/proc/diskstats');
    if (stats === null) return null;
    const disks = host.list('/sys/block').filter((name) => isDisk(host, name, memory));
    const chosen = new Set(disks.sort(byNumber).slice(0, MOST_DISKS));
    return [...fieldsByName(stats)].flatMap(([name, fields]) => (chosen.has(name) ? samplesOf(name, fields) : []));
  },
});

/** Loop, RAM, device mapper, RAID and zvol devices are under `virtual/block`: their bytes are those of real disks or none. */
const isDisk = (host: Host, name: string, memory: Memory): boolean => {
  const known = memory.get(name);
  if (known !== undefined) return known;
  const target = host.link(`/sys/block/${name}`);
  const disk = target !== null && !target.includes('/virtual/block/') && !NOT_DISKS.test(name);
  memory.set(name, disk);
  return disk;
};

const fieldsByName = (stats: string): Map<string, string[]> =>
  new Map(
    linesOf(stats)
      .map((line) => wordsOf(line))
      .map((fields) => [fields[2] ?? '', fields.slice(3)]),
  );

/** reads, merged, sectors, ms, writes, merged, sectors, ms, in flight, busy ms, … */
const samplesOf = (name: string, fields: readonly string[]): Sample[] => {
  const device = labelText(name);
  const read = { device, direction: 'read' };
  const write = { device, direction: 'write' };
  const bytes = (field: string | undefined) => mapped(countIn(field), (sectors) => sectors * SECTOR_BYTES);
  return [
    ...sample('system.disk.io', bytes(fields[2]), read),
    ...sample('system.disk.io', bytes(fields[6]), write),
    ...sample('system.disk.operations', countIn(fields[0]), read),
    ...sample('system.disk.operations', countIn(fields[4]), write),
    ...sample(
      'system.disk.io_time',
      mapped(countIn(fields[9]), (ms) => ms / 1_000),
      { device },
    ),
  ];
};
