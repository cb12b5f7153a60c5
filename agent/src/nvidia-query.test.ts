import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { Sample } from '@muster/shared/metrics';
import { afterEach, expect, test } from 'vitest';
import { createHost } from './host.js';
import probe from './probes/gpu_nvidia.js';

/** A driver of 2022 as a program: it refuses fields that it does not know, one at a time, and else answers for ever. */
const OLD_DRIVER = `#!/bin/sh
echo "$1" >> "$(dirname "$0")/asked"
case "$1" in
  *utilization.encoder*) echo 'Field "utilization.encoder" is not a valid field to query.'; exit 2 ;;
  *utilization.decoder*) echo 'Field "utilization.decoder" is not a valid field to query.'; exit 2 ;;
  *clocks_event_reasons*) echo 'Field "clocks_event_reasons.active" is not a valid field to query.'; exit 2 ;;
esac
echo 'GPU-5f2b1c9e-7d21-4b0c-9a52-3c1d8e7f6a10, 97, 21474, 24576, 71, 348.12, 350.00, 78, 00000000:01:00.0, [N/A], 1695, 9501, 0x0000000000000004, [N/A], [N/A], 4, 16'
exec sleep 600
`;
/** And one that refuses where nobody listens. */
const MUTE_DRIVER = `#!/bin/sh
echo "$1" >> "$(dirname "$0")/asked"
case "$1" in *pci.bus_id*) echo 'no such field' >&2; exit 2 ;; esac
echo 'GPU-5f2b1c9e-7d21-4b0c-9a52-3c1d8e7f6a10, 97, 21474, 24576, 71, 348.12, 350.00, 78'
exec sleep 600
`;

const undo: (() => void)[] = [];
afterEach(() => {
  for (const step of undo.splice(0)) step();
});

const readUntilRows = async (program: string) => {
  const folder = mkdtempSync(join(tmpdir(), 'muster-nvidia-'));
  undo.push(() => rmSync(folder, { recursive: true, force: true }));
  writeFileSync(join(folder, 'nvidia-smi'), program);
  chmodSync(join(folder, 'nvidia-smi'), 0o755);
  const host = createHost({ program_folders: [folder] });
  const memory = probe.memory?.();
  if (!memory) throw new Error('gpu_nvidia has a memory');
  undo.push(() => probe.close?.(memory), host.stop);
  const deadline = performance.now() + 20_000;
  let samples: Sample[] = [];
  while (samples.length === 0 && performance.now() < deadline) {
    samples = (await probe.read({ host, memory, settings: undefined })) ?? [];
    await pause(10);
  }
  return { samples, asked: readFileSync(join(folder, 'asked'), 'utf8').trim().split('\n').length };
};

test('an old driver is asked less and less until it answers, one process at a time', async () => {
  const { samples, asked } = await readUntilRows(OLD_DRIVER);
  expect(samples).toContainEqual({ metric: 'hw.gpu.throttled', labels: expect.anything(), value: 1 });
  expect(asked).toBe(4);
});

test('a driver that refuses without a word is asked for the essential fields', async () => {
  const { samples, asked } = await readUntilRows(MUTE_DRIVER);
  expect(samples.find(({ metric }) => metric === 'hw.gpu.utilization')?.value).toBe(97 / 100);
  expect(asked).toBe(2);
});
