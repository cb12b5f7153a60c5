import { hardware, status } from '@muster/shared/hardware';
import { gauge, type Sample } from '@muster/shared/metrics';
import { byNumber, countIn, labelText, sample } from '@muster/shared/parse';
import { defineProbe, type Host } from '../probe.js';

const BLOCKS = '/sys/block';
const NAMES = '/dev/md';
const MOST_ARRAYS = 32;
/** Disks that each level can lose. */
const SPARED: Record<string, number> = { raid4: 1, raid5: 1, raid6: 2 };
const WORK = new Set(['resync', 'recover', 'check', 'repair', 'reshape']);

export default defineProbe({
  id: 'mdraid',
  title: 'Linux RAID',
  every: 60_000,
  metrics: {
    ...hardware('hw.status'),
    'hw.raid.missing_disks': gauge('{disk}', 'Disks that a RAID misses'),
    'hw.raid.mismatches': gauge('{sector}', 'Sectors that differed at the last check of a RAID'),
    'hw.raid.sync.progress': gauge('1', 'Progress of a rebuild or check', { resolution: 0.001 }),
  },
  silent: 'There is no Linux software RAID on this machine.',
  async read({ host }) {
    const arrays = host.read('/proc/mdstat') === null ? [] : host.list(BLOCKS).filter((name) => /^md(\d|_)/.test(name));
    const names = namesOf(host);
    const samples = arrays
      .sort(byNumber)
      .slice(0, MOST_ARRAYS)
      .flatMap((name) => samplesOf(host, `${BLOCKS}/${name}/md`, labelText(names.get(name) ?? name, 60)));
    return arrays.length > 0 ? samples : null;
  },
});

/** `/dev/md/nas:0` leads to `../md127`: the number is free to change at a reboot, the name is not. */
const namesOf = (host: Host): Map<string, string> =>
  new Map(host.list(NAMES).map((name) => [host.link(`${NAMES}/${name}`)?.split('/').at(-1) ?? '', name]));

const samplesOf = (host: Host, path: string, raid: string): Sample[] => {
  const text = (file: string) => host.read(`${path}/${file}`)?.trim() ?? '';
  const state = text('array_state');
  if (state === '') return [];
  const missing = countIn(text('degraded')) ?? 0;
  const level = text('level');
  // What holds the arrays of a board's own RAID (IMSM, DDF) is never active, and no array.
  if (level === '' && text('metadata_version').startsWith('external:')) return [];
  // Of a mirror one disk is enough; of stripes each is needed, and the kernel says `broken`.
  const spared = SPARED[level] ?? (countIn(text('raid_disks')) ?? Number.POSITIVE_INFINITY) - 1;
  const failed = ['clear', 'inactive', 'broken'].includes(state) || missing > spared;
  return [
    ...status({ raid }, 'degraded', missing > 0),
    ...status({ raid }, 'failed', failed),
    ...sample('hw.raid.missing_disks', missing, { raid }),
    ...sample('hw.raid.mismatches', countIn(text('mismatch_cnt')), { raid }),
    ...progress(raid, text('sync_action'), text('sync_completed')),
  ];
};

/** `sync_completed` is `1234 / 5678` in sectors, `none` at rest and `delayed` while another array works. */
const progress = (raid: string, action: string, completed: string): Sample[] => {
  const [done, total] = completed.split('/').map(countIn);
  const ratio = done != null && total ? done / total : completed === 'delayed' ? 0 : null;
  return WORK.has(action) && (ratio ?? 0) <= 1 ? sample('hw.raid.sync.progress', ratio, { raid, action }) : [];
};
