import { execFileSync, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { makeFolder, ROOT } from '../testing/processes.js';
import type { SmallDisk } from '../testing/small-disk.js';

/** A file system of its own in memory, seen by one process only; not every machine lets a user make one. */
const small = (command: readonly string[]): string[] => [
  ...['-Urm', 'sh', '-c', 'mount -t tmpfs -o size=$0 tmpfs "$1" && shift && exec "$@"'],
  ...command,
];
const canMount = spawnSync('unshare', small(['1m', '/mnt', 'true'])).status === 0;

it.skipIf(!canMount)(
  'a store on a disk that fills up refuses commits, loses nothing, and goes on once there is room',
  {
    timeout: 120_000,
  },
  () => {
    const folder = makeFolder();
    const program = [process.execPath, join(ROOT, 'scripts/dist/testing/small-disk.js'), folder.path];
    const printed = execFileSync('unshare', small(['6m', folder.path, ...program]), { encoding: 'utf8' });
    folder.remove();
    const { refused, acknowledged, stored, stored_later, faults } = JSON.parse(printed) as SmallDisk;
    expect(refused.length).toBeGreaterThan(1);
    expect(new Set(refused)).toEqual(new Set(['storage']));
    expect(acknowledged).toBeGreaterThan(5_000);
    expect({ stored, stored_later, faults }).toEqual({ stored: acknowledged, stored_later: acknowledged, faults: [] });
  },
);
