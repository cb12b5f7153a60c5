import { diskName, hardware, status } from '@muster/shared/hardware';
import type { Labels, Sample } from '@muster/shared/metrics';
import { byNumber, sample, wordsOf } from '@muster/shared/parse';
import { defineProbe, type Host } from '../probe.js';

const BLOCKS = '/sys/block';

export default defineProbe({
  id: 'emmc',
  title: 'eMMC wear',
  every: 3_600_000,
  metrics: hardware('hw.physical_disk.endurance_utilization', 'hw.status'),
  silent: 'There is no eMMC on this machine that tells its wear; SD cards never do.',
  async read({ host }) {
    const disks = host.list(BLOCKS).filter((name) => /^mmcblk\d+$/.test(name));
    const samples = disks.sort(byNumber).flatMap((name) => samplesOf(host, `${BLOCKS}/${name}/device`));
    return samples.length > 0 ? samples : null;
  },
});

/** `life_time` is `0x01 0x02`: tenths used of area A and B, 11 for more than all. `pre_eol_info`: 2 is 80 % of the spare blocks used, 3 is 90 %. */
const samplesOf = (host: Host, device: string): Sample[] => {
  if (host.read(`${device}/type`)?.trim() !== 'MMC') return [];
  const disk = diskName(host.read(`${device}/name`) ?? 'eMMC', (host.read(`${device}/serial`) ?? '').replace(/^0x/, ''));
  const [a, b] = wordsOf(host.read(`${device}/life_time`) ?? '').map(hex);
  const end = hex(host.read(`${device}/pre_eol_info`));
  return [
    ...left(a, { disk, area: 'a' }),
    ...left(b, { disk, area: 'b' }),
    ...(end === null ? [] : [...status({ disk }, 'degraded', end === 2), ...status({ disk }, 'predicted_failure', end >= 3)]),
  ];
};

const left = (tenths: number | null | undefined, labels: Labels): Sample[] =>
  sample('hw.physical_disk.endurance_utilization', tenths ? Math.max(0, 1 - tenths / 10) : null, {
    ...labels,
    state: 'remaining',
  });

/** 0 is "not told", and nothing above 11 is defined. */
const hex = (text: string | null): number | null => {
  const value = /^0x[0-9a-f]{1,2}$/i.test(text?.trim() ?? '') ? Number(text) : 0;
  return value >= 1 && value <= 11 ? value : null;
};
