import { gauge, type Sample } from '@muster/shared/metrics';
import { byNumber, countIn, linesOf, sample } from '@muster/shared/parse';
import { defineProbe, type Host } from '../probe.js';

/** WDIOF_CARDRESET: the watchdog has reset the machine. */
const CARD_RESET = 0x20;
/** Of a Pi's PM_RSTS: power came; a watchdog reset, which every reboot of a Pi is. The other bits carry a partition number. */
const POWER_ON = 0x1000;
const WATCHDOG = 0x20;
const REASONS = ['power', 'restart', 'watchdog', 'panic', 'crash'] as const;
type Reason = (typeof REASONS)[number];

interface Memory {
  /** Undefined until it was asked for: it cannot change while the machine runs. */
  last?: { reason: Reason | null; clean: boolean | null } | undefined;
}

export default defineProbe<Memory>({
  id: 'boot',
  title: 'Boot',
  every: 600_000,
  deadline: 15_000,
  metrics: {
    'system.reboot.pending': gauge('1', 'Whether an update waits for a reboot'),
    'system.boot.clean': gauge('1', 'Whether the machine was shut down in order before this boot'),
    'system.boot.reason': gauge('1', 'Why the machine started: 1 at the reason that holds'),
  },
  silent:
    'Nothing tells of updates that wait for a reboot, nor why this machine started: it has no /lib/modules and no watchdog, and "last -x" shows no boot before this one',
  memory: () => ({}),
  async read({ host, memory }) {
    memory.last ??= await lastBoot(host);
    const samples = [...pendingSamples(host), ...lastSamples(memory.last)];
    return samples.length === 0 ? null : samples;
  },
});

const pendingSamples = (host: Host): Sample[] => {
  if (host.read('/run/reboot-required') !== null) return sample('system.reboot.pending', 1);
  const running = host.read('/proc/sys/kernel/osrelease')?.trim() ?? '';
  const installed = host.list('/lib/modules');
  if (running === '' || installed.length === 0) return [];
  return sample('system.reboot.pending', installed.some((one) => isNewer(one, running)) ? 1 : 0);
};

/** `6.1.0-18-amd64` after `6.1.0-9-amd64`; a Pi has kernels for other models beside its own, such as `6.6.31+rpt-rpi-2712`. */
const isNewer = (one: string, running: string): boolean => flavourOf(one) === flavourOf(running) && byNumber(one, running) > 0;

const flavourOf = (release: string): string => {
  const [, , rest = ''] = /^(\d+(?:[.-]\d+)*)(.*)$/.exec(release) ?? [];
  // The model of a Pi stands in digits (`v7`, `v8`, `2712`); elsewhere they count builds (`arch1-1`, `fc39`).
  return rest.includes('rpi') ? rest : rest.replace(/\d+/g, '');
};

const lastBoot = async (host: Host): Promise<Memory['last']> => {
  const clean = wasClean((await host.run('last', ['-x', '-n', '200']))?.text ?? '');
  return { clean, reason: reasonOf(host, clean) };
};

const lastSamples = (last: Memory['last']): Sample[] => {
  const { reason, clean } = last ?? { reason: null, clean: null };
  return [
    ...sample('system.boot.clean', clean === null ? null : Number(clean)),
    ...REASONS.flatMap((one) => sample('system.boot.reason', reason === one ? 1 : null, { reason: one })),
  ];
};

const reasonOf = (host: Host, clean: boolean | null): Reason | null => {
  // Only root sees what a panic has left there, and systemd moves it away at boot.
  if (host.list('/sys/fs/pstore').some((name) => name.startsWith('dmesg-'))) return 'panic';
  const status = countIn(host.read('/sys/class/watchdog/watchdog0/bootstatus')) ?? 0;
  if ((status & CARD_RESET) !== 0) return 'watchdog';
  const resets = resetsOfPi(host.read('/proc/device-tree/chosen/bootloader/rsts'));
  if (resets !== null && (resets & WATCHDOG) !== 0) return clean === false ? 'watchdog' : 'restart';
  if (resets !== null && (resets & POWER_ON) !== 0) return 'power';
  return clean === null ? null : clean ? 'restart' : 'crash';
};

/** Four bytes, highest first. */
const resetsOfPi = (bytes: string | null): number | null =>
  bytes?.length === 4 ? [...bytes].reduce((sum, char) => sum * 256 + (char.charCodeAt(0) & 255), 0) : null;

/**
 * Newest first: between this start (`reboot   system boot …`) and the one before there is a shutdown, when there was one. The list
 * that Debian 13 keeps (wtmpdb) has no line of its own for that, but says `crash` for a start that never ended.
 */
const wasClean = (text: string): boolean | null => {
  const lines = linesOf(text);
  const [now, before] = lines.flatMap((line, index) => (line.startsWith('reboot ') ? [index] : []));
  if (now === undefined || before === undefined) return null;
  if (lines.slice(now, before).some((line) => line.startsWith('shutdown '))) return true;
  return lines.at(-1)?.startsWith('wtmpdb') === true && !/\bcrash\b/.test(lines[before] ?? '');
};
