import { gauge, type Sample } from '@muster/shared/metrics';
import { labelText, linesOf, sample, wordsOf } from '@muster/shared/parse';
import { defineProbe, type FilesystemSizes, type Host } from '../probe.js';

const MOST_MOUNTS = 32;
const LOCAL = new Set(
  'ext2 ext3 ext4 xfs btrfs f2fs vfat exfat msdos ntfs ntfs3 fuseblk zfs bcachefs jfs reiserfs nilfs2 hfsplus ufs'.split(' '),
);
const REMOTE = new Set(['nfs', 'nfs4', 'cifs', 'smb3']);
/** Images, container layers and the single files that container engines mount: the same disks a second time. */
const NOT_ASKED =
  /^\/(dev|proc|sys|snap|run\/(credentials|docker|containerd|user)|var\/lib\/(docker|containerd|containers|kubelet|snapd)|etc\/(hosts|hostname|resolv\.conf)$)(\/|$)/;

interface Mount {
  device: string;
  root: string;
  mountpoint: string;
  /** The server of a network file system; null for a local one. */
  server: string | null;
  writable: boolean;
}

/** Mount points that were writable. */
type Memory = Set<string>;

/** Of what is mounted, after an error. The mount itself may say `ro` as well: a hardened unit sees every file system so. */
const CLOSED = new Set(['ro', 'emergency_ro', 'shutdown']);

export default defineProbe<Memory>({
  id: 'filesystem',
  title: 'File systems',
  every: 30_000,
  metrics: {
    'system.filesystem.limit': gauge('By', 'File system size', { resolution: 1_024 }),
    'system.filesystem.usage': gauge('By', 'File system space', { resolution: 1_048_576 }),
    'system.filesystem.utilization': gauge('1', 'File system utilization', { resolution: 0.001 }),
    'system.filesystem.inodes.utilization': gauge('1', 'File system inode utilization', { resolution: 0.001 }),
    'system.filesystem.read_only': gauge('1', 'Whether a file system that should be writable is not'),
  },
  memory: () => new Set(),
  async read({ host, memory }) {
    const text = host.read('/proc/self/mountinfo');
    if (text === null) return null;
    const mounts = chooseMounts(linesOf(text));
    return [...(await sizes(host, mounts)), ...closed(host, mounts, memory)];
  },
});

/** Writable ones, and those that fstab wants so or that were; a place that is meant to be read-only says nothing. */
const closed = (host: Host, mounts: readonly Mount[], memory: Memory): Sample[] => {
  const local = mounts.filter(({ server }) => server === null);
  const fstab = local.every(({ writable }) => writable) ? new Map<string, boolean>() : wantedByFstab(host);
  const wanted = ({ mountpoint, writable }: Mount) => writable || (fstab.get(mountpoint) ?? memory.has(mountpoint));
  for (const { mountpoint, writable } of local) if (writable) memory.add(mountpoint);
  return local
    .filter(wanted)
    .flatMap(({ mountpoint, writable }) =>
      sample('system.filesystem.read_only', Number(!writable), { mountpoint: labelText(mountpoint) }),
    );
};

/** `UUID=… /data ext4 defaults,noatime 0 2`: whether each place is meant to be writable. */
const wantedByFstab = (host: Host): Map<string, boolean> => {
  const rows = linesOf(host.read('/etc/fstab') ?? '').map(wordsOf);
  const places = rows.filter(([source]) => !source?.startsWith('#'));
  return new Map(places.map(([, place = '', , options = '']) => [unescaped(place), !options.split(',').includes('ro')]));
};

/** One mount after another, local ones first; a server that did not answer is not asked again for its other exports. */
const sizes = async (host: Host, mounts: readonly Mount[]): Promise<Sample[]> => {
  const samples: Sample[] = [];
  const silent = new Set<string>();
  for (const { mountpoint, server } of mounts) {
    if (server !== null && silent.has(server)) continue;
    const found = await host.filesystem(mountpoint);
    if (found) samples.push(...samplesOf(mountpoint, found));
    else if (server !== null) silent.add(server);
  }
  return samples;
};

/** Utilization as `df` has it: of what a normal user may fill, so that 1 means full. */
const samplesOf = (mountpoint: string, found: FilesystemSizes): Sample[] => {
  const labels = { mountpoint: labelText(mountpoint) };
  const used = found.size - found.free;
  if (!(found.size > 0) || used < 0) return [];
  return [
    ...sample('system.filesystem.limit', found.size, labels),
    ...sample('system.filesystem.usage', used, { ...labels, state: 'used' }),
    ...sample('system.filesystem.usage', found.available, { ...labels, state: 'free' }),
    ...sample('system.filesystem.utilization', used / (used + found.available), labels),
    // btrfs, vfat and most network file systems have no fixed number of inodes and say 0.
    ...sample('system.filesystem.inodes.utilization', (found.inodes - found.inodes_free) / found.inodes, labels),
  ];
};

const chooseMounts = (lines: readonly string[]): Mount[] => {
  // A later mount hides an earlier one at the same place; bind mounts show a device again, the whole one at the top wins.
  const places = new Map(lines.flatMap(mountOf).map((mount) => [labelText(mount.mountpoint), mount]));
  const devices = new Map<string, Mount>();
  for (const mount of [...places.values()].sort(byRank)) {
    if (!devices.has(mount.device)) devices.set(mount.device, mount);
  }
  return [...devices.values()].sort(byRank).slice(0, MOST_MOUNTS);
};

const byRank = (a: Mount, b: Mount): number =>
  Number(a.server !== null) - Number(b.server !== null) ||
  Number(a.root !== '/') - Number(b.root !== '/') ||
  a.mountpoint.length - b.mountpoint.length ||
  (a.mountpoint < b.mountpoint ? -1 : 1);

/** `36 35 98:0 /root /mountpoint rw,noatime master:1 - ext4 /dev/sda1 rw` */
const mountOf = (line: string): Mount[] => {
  const [left = '', right = ''] = line.split(' - ');
  const [, , device, root, place] = left.split(' ');
  const [type = '', source = '', ...inner] = right.split(' ');
  if (device === undefined || root === undefined || !place?.startsWith('/')) return [];
  const mountpoint = unescaped(place);
  if (!isReal(type, mountpoint)) return [];
  const writable = !inner
    .join(' ')
    .split(',')
    .some((option) => CLOSED.has(option));
  return [{ device, root, mountpoint, writable, server: REMOTE.has(type) ? serverOf(source) : null }];
};

/** The root of a container or of a Pi with a read-only card is an overlay; every other overlay belongs to a container. */
const isReal = (type: string, mountpoint: string): boolean =>
  (type === 'overlay' && mountpoint === '/') || ((LOCAL.has(type) || REMOTE.has(type)) && !NOT_ASKED.test(mountpoint));

/** `nas:/export`, `[fd00::2]:/export`, `//nas/share`. */
const serverOf = (source: string): string => /^(\/\/[^/]+|\[.*\]|[^:]*)/.exec(source)?.[0] ?? source;

/** The kernel writes space, tab, line feed and backslash in octal. */
const unescaped = (text: string): string =>
  text.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
