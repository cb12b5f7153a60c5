import { hardware, status } from '@muster/shared/hardware';
import { gauge, type Sample } from '@muster/shared/metrics';
import { countIn, labelText, linesOf, mapped, ratioOfPercent, sample, wordsOf } from '@muster/shared/parse';
import { defineProbe, type Host } from '../probe.js';

const POOLS = '/proc/spl/kstat/zfs';
const MOST_POOLS = 32;
/** `zpool` is a process each time; the kernel's own file tells the state in between. */
const LOOK_AGAIN_MS = 900_000;
const LIST = ['list', '-Hp', '-o', 'name,size,allocated,free,fragmentation'];
/** The text and not `-j`, which only 2.3 has; `-T d` puts the date of now above, in the words and the zone of the scrub's. */
const STATUS = ['status', '-p', '-T', 'd'];
const FAILED = new Set(['FAULTED', 'UNAVAIL', 'SUSPENDED', 'OFFLINE', 'REMOVED']);

interface Memory {
  pools: string[];
  /** What `zpool` told, sent again until it is asked the next time. */
  told: Sample[];
  looked_at: number | null;
}

export default defineProbe<Memory>({
  id: 'zfs',
  title: 'ZFS pools',
  every: 60_000,
  deadline: 25_000,
  metrics: {
    ...hardware('hw.status', 'hw.errors'),
    'system.zfs.pool.limit': gauge('By', 'ZFS pool size', { resolution: 1_048_576 }),
    'system.zfs.pool.usage': gauge('By', 'ZFS pool space', { resolution: 1_048_576 }),
    'system.zfs.pool.utilization': gauge('1', 'ZFS pool utilization', { resolution: 0.001 }),
    'system.zfs.pool.fragmentation': gauge('1', 'ZFS pool fragmentation', { resolution: 0.01 }),
    'system.zfs.scan.progress': gauge('1', 'Progress of a scrub or resilver of a ZFS pool', { resolution: 0.001 }),
    'system.zfs.scrub.age': gauge('s', 'Time since the last scrub of a ZFS pool ended', { resolution: 3_600 }),
    'system.zfs.scrub.errors': gauge('{error}', 'Errors that the last scrub of a ZFS pool could not repair'),
  },
  silent: 'There is no ZFS pool on this machine.',
  memory: () => ({ pools: [], told: [], looked_at: null }),
  async read({ host, memory }) {
    const due = memory.looked_at === null || host.monotonic() - memory.looked_at >= LOOK_AGAIN_MS;
    if (due) await look(host, memory);
    return memory.pools.length > 0 ? [...memory.pools.flatMap((pool) => stateOf(host, pool)), ...memory.told] : null;
  },
});

const look = async (host: Host, memory: Memory): Promise<void> => {
  memory.looked_at = host.monotonic();
  memory.pools = host
    .list(POOLS)
    .filter((name) => host.read(`${POOLS}/${name}/state`) !== null)
    .slice(0, MOST_POOLS);
  if (memory.pools.length === 0) return;
  const [list, health] = [await host.run('zpool', LIST), await host.run('zpool', STATUS)];
  memory.told = [...spaceOf(list?.text ?? ''), ...healthOf(health?.text ?? '', memory.pools)];
};

const stateOf = (host: Host, pool: string): Sample[] => {
  const state = host.read(`${POOLS}/${pool}/state`)?.trim() ?? '';
  const part = { pool: labelText(pool, 60) };
  if (state === '') return [];
  return [...status(part, 'degraded', state === 'DEGRADED'), ...status(part, 'failed', FAILED.has(state))];
};

/** `tank\t15942918602752\t8123…\t7819…\t12`; a pool without fragmentation says `-`. */
const spaceOf = (text: string): Sample[] => {
  const rows = new Map(linesOf(text).map((line) => [line.split('\t')[0] ?? '', line.split('\t').slice(1)]));
  return [...rows].slice(0, MOST_POOLS).flatMap(([name, [size, allocated, free, fragmentation]]) => {
    const pool = labelText(name, 60);
    const [total, used, left] = [size, allocated, free].map(countIn);
    if (!total || used == null) return [];
    return [
      ...sample('system.zfs.pool.limit', total, { pool }),
      ...sample('system.zfs.pool.usage', used, { pool, state: 'used' }),
      ...sample('system.zfs.pool.usage', left ?? null, { pool, state: 'free' }),
      ...sample('system.zfs.pool.utilization', used / total, { pool }),
      ...sample('system.zfs.pool.fragmentation', ratioOfPercent(countIn(fragmentation?.replace('%', ''))), { pool }),
    ];
  });
};

const healthOf = (text: string, pools: readonly string[]): Sample[] => {
  const [head = '', ...parts] = text.split(/^ *pool: /m);
  const now = Date.parse(asUtc(head));
  const byName = new Map(parts.map((part) => [part.split('\n')[0]?.trim() ?? '', part]));
  return pools.flatMap((pool) => {
    const part = byName.get(pool);
    return part === undefined
      ? []
      : [...errorsOf(part, labelText(pool, 60)), ...scrubOf(part, { now, pool: labelText(pool, 60) })];
  });
};

/** Errors are counted where they happened: a mirror has its own, its disks have theirs. */
const errorsOf = (text: string, pool: string): Sample[] => {
  const rows = linesOf(text.split(/^\s*NAME\s+STATE\s+READ\s+WRITE\s+CKSUM.*$/m)[1]?.split(/^errors:/m)[0] ?? '');
  const counts = rows.map((row) => wordsOf(row).slice(2, 5).map(countIn));
  const sum = (column: number) => counts.reduce((total, row) => total + (row[column] ?? 0), 0);
  const data = /^errors: (?:(No known)|(\d+)) data errors/m.exec(text);
  const types = rows.length > 0 ? [sum(0), sum(1), sum(2)] : [null, null, null];
  return [
    ...['read', 'write', 'checksum'].flatMap((type, at) => sample('hw.errors', types[at] ?? null, { pool, type })),
    ...sample('hw.errors', data?.[1] ? 0 : countIn(data?.[2]), { pool, type: 'data' }),
  ];
};

/** `scan: scrub repaired 0B in 05:12:11 with 0 errors on Sun Nov  9 05:36:12 2025`, `scan: resilver in progress since … 12.34% done, …` */
const scrubOf = (text: string, { now, pool }: { now: number; pool: string }): Sample[] => {
  const [, errors, date = ''] = /scan: scrub repaired .* with (\d+) errors on (.{24})/.exec(text) ?? [];
  const [, action, percent] = /scan: (scrub|resilver) in progress since [\s\S]*?([\d.]+)% done/.exec(text) ?? [];
  const age = Math.max(0, now - Date.parse(asUtc(date))) / 1_000;
  return [
    ...(action === undefined ? [] : sample('system.zfs.scan.progress', ratioOfPercent(countIn(percent)), { pool, action })),
    ...sample('system.zfs.scrub.errors', countIn(errors), { pool }),
    ...sample('system.zfs.scrub.age', mapped(Number.isFinite(age) ? age : null, Math.round), { pool }),
  ];
};

/** `Sun Nov  9 05:36:12 2025`, `Sun Nov  9 05:36:12 AM CET 2025`: both dates without their zone, for their difference. */
const asUtc = (text: string): string => {
  const [, month, day, time, half = '', year] = /(\w{3}) +(\d+) (\d+:\d+:\d+)( [AP]M)?(?: \S+)? (\d{4})/.exec(text) ?? [];
  return month === undefined ? '' : `${month} ${day} ${year} ${time}${half} UTC`;
};
