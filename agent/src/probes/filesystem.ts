import { gauge, type Sample } from '@muster/shared/metrics';
import { labelText, linesOf, sample } from '@muster/shared/parse';
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
}

export default defineProbe({
  id: 'filesystem',
  title: 'File systems',
  every: 30_000,
  metrics: {
    'system.filesystem.limit': gauge('By', 'File system size', { resolution: 1_024 }),
    'system.filesystem.usage': gauge('By', 'File system space', { resolution: 1_048_576 }),
    'system.filesystem.utilization': gauge('1', 'File system utilization', { resolution: 0.001 }),
    'system.filesystem.inodes.utilization': gauge('1', 'File system inode utilization', { resolution: 0.001 }),
  },
  async read({ host }) {
    const text = host.read('/proc/self/mountinfo');
    return text === null ? null : await sizes(host, chooseMounts(linesOf(text)));
  },
});

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
  const [type = '', source = ''] = right.split(' ');
  if (device === undefined || root === undefined || !place?.startsWith('/')) return [];
  const mountpoint = unescaped(place);
  if (!isReal(type, mountpoint)) return [];
  return [{ device, root, mountpoint, server: REMOTE.has(type) ? serverOf(source) : null }];
};

/** The root of a container or of a Pi with a read-only card is an overlay; every other overlay belongs to a container. */
const isReal = (type: string, mountpoint: string): boolean =>
  (type === 'overlay' && mountpoint === '/') || ((LOCAL.has(type) || REMOTE.has(type)) && !NOT_ASKED.test(mountpoint));

/** `nas:/export`, `[fd00::2]:/export`, `//nas/share`. */
const serverOf = (source: string): string => /^(\/\/[^/]+|\[.*\]|[^:]*)/.exec(source)?.[0] ?? source;

/** The kernel writes space, tab, line feed and backslash in octal. */
const unescaped = (text: string): string =>
  text.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
