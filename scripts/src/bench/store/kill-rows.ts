/** Rows whose values follow from device and time alone: any process can tell whether a stored one is right. */
export const KILL_COLUMNS: readonly string[] = [
  'load',
  'memory{state=used}',
  'network{direction=receive}',
  'network{direction=transmit}',
  'temperature',
  'sometimes',
  'uptime',
];

const BEAT_MS = 10_000;

/** Of the beat-th row of a device; beats are counted over all runs. */
export const killTs = (start: number, device: number, beat: number): number =>
  start + beat * BEAT_MS + (mix(device, beat) % 4_000);

export const killValues = (device: number, ts: number): (number | null)[] => {
  const noise = mix(device, Math.floor(ts / 1_000));
  return [
    (noise % 1_000) / 1_000,
    (400 + (noise % 97)) * 1_048_576,
    Math.floor(ts / 7) + (noise % 512),
    Math.floor(ts / 11),
    40 + ((noise >>> 5) % 300) / 10,
    noise % 5 === 0 ? null : noise / 7,
    Math.floor(ts / 1_000),
  ];
};

export const killDevice = (index: number): string => `kill-${index + 1}`;

const mix = (a: number, b: number): number => {
  const h = Math.imul((a + 1) ^ Math.imul(b, 0x9e3779b1), 0x85ebca6b);
  return (h ^ (h >>> 13)) >>> 0;
};
