import { hardware, status } from '@muster/shared/hardware';
import type { Sample } from '@muster/shared/metrics';
import { byNumber, countAfter, labelText, sample } from '@muster/shared/parse';
import { defineProbe, type Host } from '../probe.js';

const ROOT = '/sys/fs/btrfs';
const MOST_FILESYSTEMS = 16;
const MOST_MEMBERS = 32;
const ERRORS = {
  write: 'write_errs',
  read: 'read_errs',
  flush: 'flush_errs',
  checksum: 'corruption_errs',
  generation: 'generation_errs',
};

export default defineProbe({
  id: 'btrfs',
  title: 'Btrfs disks',
  every: 300_000,
  metrics: hardware('hw.status', 'hw.errors'),
  silent: 'No btrfs file system is mounted, or the kernel (before 5.14) does not show the errors of its disks.',
  async read({ host }) {
    const found = host.list(ROOT).filter((name) => /^[0-9a-f-]{36}$/.test(name));
    const samples = found.slice(0, MOST_FILESYSTEMS).flatMap((uuid) => samplesOf(host, uuid));
    return samples.length > 0 ? samples : null;
  },
});

/** Two may bear the same label, so the start of the UUID stands in the name too. */
const samplesOf = (host: Host, uuid: string): Sample[] => {
  const filesystem = [labelText(host.read(`${ROOT}/${uuid}/label`) ?? '', 40), uuid.slice(0, 8)].filter(Boolean).join(' ');
  const folder = `${ROOT}/${uuid}/devinfo`;
  const members = host
    .list(folder)
    .filter((id) => /^\d+$/.test(id))
    .sort(byNumber)
    .slice(0, MOST_MEMBERS);
  if (members.length === 0) return [];
  const missing = members.some((id) => host.read(`${folder}/${id}/missing`)?.trim() === '1');
  return [
    ...status({ filesystem }, 'degraded', missing),
    ...members.flatMap((member) => errorsOf(host.read(`${folder}/${member}/error_stats`) ?? '', { filesystem, member })),
  ];
};

const errorsOf = (text: string, labels: { filesystem: string; member: string }): Sample[] =>
  Object.entries(ERRORS).flatMap(([type, name]) => sample('hw.errors', countAfter(text, name), { ...labels, type }));
