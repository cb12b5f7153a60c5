import { describe, expect, test } from 'vitest';
import { essentialOf, isLost, NVIDIA_COLUMNS, nvidiaArguments, reasonsIn, unreachable, withoutRefused } from './nvidia.js';

const refusal = (field: string) => [`Field "${field}" is not a valid field to query.`, ''];
const asked = (columns: Parameters<typeof nvidiaArguments>[0]) => nvidiaArguments(columns, 10)[0]?.split('=')[1]?.split(',');

describe('a query that nvidia-smi refuses', () => {
  test('is asked again by the older name of the field', () => {
    const columns = withoutRefused(NVIDIA_COLUMNS, refusal('clocks_event_reasons.active')) ?? [];
    expect(asked(columns)).toContain('clocks_throttle_reasons.active');
    expect(asked(columns)).not.toContain('clocks_event_reasons.active');
    expect(columns).toHaveLength(NVIDIA_COLUMNS.length);
  });

  test('is asked again without a field that has no other name', () => {
    const columns = withoutRefused(NVIDIA_COLUMNS, refusal('utilization.encoder')) ?? [];
    expect(columns).toHaveLength(NVIDIA_COLUMNS.length - 1);
    expect(asked(columns)).not.toContain('utilization.encoder');
  });

  test('shrinks to the essential fields when the refused one is not known, and no further', () => {
    const columns = withoutRefused(NVIDIA_COLUMNS, refusal('something.else')) ?? [];
    expect(columns).toEqual(essentialOf(NVIDIA_COLUMNS));
    expect(withoutRefused(columns, refusal('something.else'))).toBeNull();
    expect(withoutRefused(columns, refusal('uuid'))).toBeNull();
  });

  test('ends in at most as many steps as there are names', () => {
    let columns: typeof NVIDIA_COLUMNS | null = NVIDIA_COLUMNS;
    let steps = 0;
    for (; columns; steps++) columns = withoutRefused(columns, refusal(columns.at(-1)?.names[0] ?? ''));
    expect(steps).toBeLessThanOrEqual(NVIDIA_COLUMNS.flatMap(({ names }) => names).length + 1);
  });

  test('is none when nothing was refused', () => {
    expect(withoutRefused(NVIDIA_COLUMNS, ['', 'WARNING: infoROM is corrupted at gpu 0000:01:00.0'])).toBeNull();
  });
});

test.each([
  ['Unable to determine the device handle for GPU0000:CB:00.0: Unknown Error', ['0000:cb:00.0']],
  ['Unable to determine the device handle for GPU1: 0000:34:00.0: Unknown Error', ['0000:34:00.0']],
  ['Unable to determine the device handle for GPU 0000:0B:00.0: GPU is lost.  Reboot the system', ['0000:0b:00.0']],
  ['Unable to determine the device handle for GPU1: Unknown Error', []],
])('the card out of reach is read from "%s"', (line, buses) => {
  expect(unreachable([line])).toEqual(buses);
});

test('a mask of reasons is read bit by bit, idle left out', () => {
  const active = (mask: string) => reasonsIn(mask).flatMap(([reason, on]) => (on ? [reason] : []));
  expect(active('0x0000000000000001')).toEqual([]);
  expect(active('0x0000000000000064')).toEqual(['power_cap', 'thermal_software', 'thermal_hardware']);
  expect(active('0xFFFFFFFFFFFFFFFF')).toHaveLength(5);
  expect(reasonsIn('[N/A]')).toEqual([]);
});

test('a card that cannot tell is not a card that is lost', () => {
  expect(isLost({ temperature: '[N/A]', total: '[N/A]', power: '[N/A]' })).toBe(false);
  expect(isLost({ temperature: '40', total: '24576', power: '[Unknown Error]' })).toBe(false);
  expect(isLost({ temperature: '[GPU is lost]', total: '[GPU is lost]' })).toBe(true);
  expect(isLost({ temperature: 'ERR!', total: '[N/A]' })).toBe(true);
});
