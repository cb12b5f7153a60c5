import { gauge, type Sample } from '@muster/shared/metrics';
import { countIn, linesOf, mapped, numberIn, sample } from '@muster/shared/parse';
import { defineProbe, type Host } from '../probe.js';

const PLATFORM = '/sys/devices/platform';
const CHIPS = '/sys/class/hwmon';
/** Core voltage and the power chip are slow to ask and seldom change; each question is a process. */
const ASK_SELDOM_MS = 600_000;

/** Bits of `get_throttled`: now, and 16 places up since the start. */
const REASONS = ['under_voltage', 'frequency_capped', 'throttled', 'soft_temperature_limit'];
const SINCE_BOOT = 16;
/** The mailbox puts this bit in place of an answer. */
const MAILBOX_ERROR = 0x8000_0000;

interface Memory {
  places: Places | null;
  /** What happened since the start of the machine, as far as the agent has seen: never taken back. */
  happened: number;
  seldom: { at: number; samples: Sample[] } | null;
}

interface Places {
  throttled_file: string | null;
  alarm_file: string | null;
  fans: { chip: string; file: string }[];
}

/** What a Raspberry Pi tells of its power supply and its cooling. Temperature and clock come with `temperature` and `cpu`. */
export default defineProbe<Memory>({
  id: 'raspberry_pi',
  title: 'Raspberry Pi',
  every: 60_000,
  deadline: 15_000,
  silent:
    'This is no Raspberry Pi, or it tells nothing of its power: install vcgencmd (package raspi-utils or libraspberrypi-bin) and put the agent\'s user into the group "video".',
  metrics: {
    'raspberry_pi.throttled': gauge('1', 'Whether the Raspberry Pi is held back, by reason'),
    'hw.voltage': gauge('V', 'Voltage', { resolution: 0.01 }),
    'hw.power': gauge('W', 'Power', { resolution: 0.1 }),
    'hw.fan_speed_ratio': gauge('1', 'Fan speed, of its maximum', { resolution: 0.01 }),
  },
  memory: () => ({ places: null, happened: 0, seldom: null }),
  async read({ host, memory }) {
    if (!host.read('/proc/device-tree/model')?.startsWith('Raspberry Pi')) return null;
    memory.places ??= findPlaces(host);
    const { places } = memory;
    const electricity = await electric(host, memory);
    const samples = [
      ...throttling(await bitsOf(host, places), memory, alarmOf(host, places)),
      ...electricity,
      ...places.fans.flatMap(({ chip, file }) => sample('hw.fan_speed_ratio', pwm(host.read(file)), { chip })),
    ];
    return samples.length === 0 && memory.happened === 0 ? null : samples;
  },
});

/** `soc/soc:firmware` up to the Pi 4, `soc@107c000000/soc@107c000000:firmware` on the Pi 5. */
const findPlaces = (host: Host): Places => {
  const folders = host.list(PLATFORM).filter((name) => /^soc(@[0-9a-f]+)?$/.test(name));
  const firmware = folders.flatMap((soc) =>
    host
      .list(`${PLATFORM}/${soc}`)
      .filter((name) => name.endsWith(':firmware'))
      .map((name) => `${PLATFORM}/${soc}/${name}/get_throttled`),
  );
  const chips = host.list(CHIPS).map((name) => ({ path: `${CHIPS}/${name}`, chip: host.read(`${CHIPS}/${name}/name`)?.trim() }));
  const volt = chips.find(({ chip }) => chip === 'rpi_volt');
  return {
    throttled_file: firmware.find((file) => host.read(file) !== null) ?? null,
    alarm_file: volt === undefined ? null : `${volt.path}/in0_lcrit_alarm`,
    fans: FANS.flatMap((name) => chips.filter(({ chip }) => chip === name).slice(0, 1)).map(({ path, chip = '' }) => ({
      chip,
      file: `${path}/pwm1`,
    })),
  };
};

/** The active cooler, and the fan of the PoE hats. */
const FANS = ['pwmfan', 'rpipoefan'];

const pwm = (text: string | null): number | null => {
  const value = countIn(text);
  return value === null || value > 255 ? null : value / 255;
};

/** The file has plain hexadecimal digits, the program writes `throttled=0x50005`. */
const bitsOf = async (host: Host, { throttled_file }: Places): Promise<number | null> => {
  const file = throttled_file === null ? null : bitsIn(host.read(throttled_file));
  return file ?? (await bitsOfProgram(host));
};

const bitsOfProgram = async (host: Host): Promise<number | null> =>
  bitsIn((await ask(host, ['get_throttled']))?.replace(/^throttled=/, '') ?? null);

const bitsIn = (text: string | null): number | null => {
  const digits = /^(?:0x)?([0-9a-f]{1,8})$/i.exec(text?.trim() ?? '')?.[1];
  const bits = digits === undefined ? null : Number.parseInt(digits, 16);
  return bits === null || bits >= MAILBOX_ERROR ? null : bits;
};

const alarmOf = (host: Host, { alarm_file }: Places): number | null =>
  alarm_file === null ? null : countIn(host.read(alarm_file));

/** The kernel's own watch takes the marks of the past away from its file every two seconds, so what was seen once is kept here. */
const throttling = (bits: number | null, memory: Memory, alarm: number | null): Sample[] => {
  if (bits === null) return sample('raspberry_pi.throttled', mapped(alarm, Math.sign), { reason: 'under_voltage', when: 'now' });
  const now = (alarm ?? 0) > 0 ? bits | 1 : bits;
  memory.happened |= now | (now >>> SINCE_BOOT);
  return REASONS.flatMap((reason, bit) => [
    ...sample('raspberry_pi.throttled', (now >>> bit) & 1, { reason, when: 'now' }),
    ...sample('raspberry_pi.throttled', (memory.happened >>> bit) & 1, { reason, when: 'since_boot' }),
  ]);
};

/** Between two questions the last answer stands: a series that is missing for ten minutes would count as gone. */
const electric = async (host: Host, memory: Memory): Promise<Sample[]> => {
  const { seldom } = memory;
  if (seldom && host.monotonic() - seldom.at < ASK_SELDOM_MS) return seldom.samples;
  // The program sees all marks of the past, also those from before the agent.
  memory.happened |= ((await bitsOfProgram(host)) ?? 0) >>> SINCE_BOOT;
  const core = numberIn(/^volt=([\d.]+)V/.exec((await ask(host, ['measure_volts', 'core'])) ?? '')?.[1]);
  const samples = [
    ...sample('hw.voltage', core, { rail: 'core' }),
    ...powerChip((core === null ? null : await ask(host, ['pmic_read_adc'])) ?? ''),
  ];
  memory.seldom = { at: host.monotonic(), samples };
  return samples;
};

/** From the Pi 5 on: `     EXT5V_V volt(24)=5.15398000V`, and volts and amperes of each rail that the power chip feeds. */
const powerChip = (text: string): Sample[] => {
  const values = new Map(
    linesOf(text).flatMap((line): [string, number | null][] => {
      const found = /^\s*(\w{1,32}) (?:volt|current)\(\d+\)=([\d.]{1,20})[VA]$/.exec(line);
      return found?.[1] === undefined ? [] : [[found[1], countIn(found[2])]];
    }),
  );
  const watts = [...values].flatMap(([name, amperes]) => {
    const volts = name.endsWith('_A') ? values.get(name.replace(/_A$/, '_V')) : null;
    return amperes === null || volts === null || volts === undefined ? [] : [amperes * volts];
  });
  return [
    ...sample('hw.voltage', values.get('EXT5V_V') ?? null, { rail: 'input' }),
    ...sample('hw.voltage', values.get('BATT_V') || null, { rail: 'clock_battery' }),
    ...sample('hw.power', watts.length === 0 ? null : watts.reduce((sum, one) => sum + one, 0), { rail: 'power_chip' }),
  ];
};

const ask = async (host: Host, args: readonly string[]): Promise<string | null> => {
  const result = await host.run('vcgencmd', args, 3_000);
  return result?.code === 0 ? result.text.trim() : null;
};
