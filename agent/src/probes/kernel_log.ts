import { counter, type Labels, type Sample } from '@muster/shared/metrics';
import { defineProbe, type Host, type LineSource } from '../probe.js';

/** `dmesg` wakes for the kernel's own lines alone and is asked first; `journalctl` wakes for every line of every service. */
const READERS = [
  { program: 'dmesg', check: ['--level', 'emerg'], follow: ['--follow-new'] },
  {
    program: 'journalctl',
    check: ['-k', '-q', '-n', '1', '-o', 'short-monotonic'],
    follow: ['-k', '-q', '-f', '-n', '0', '-o', 'short-monotonic'],
  },
] as const;
/** A reader that has ended in this many reads in a row, and never gave a line, is of no use here. */
const MOST_DEAD = 3;
/** GPUs times kinds of their errors. */
const MOST_SERIES = 64;

/** The first that matches counts. */
const KINDS: readonly (readonly [kind: string, pattern: RegExp])[] = [
  ['undervoltage', /under-?voltage detected/i],
  ['thermal', /temperature (is )?above threshold|critical temperature|thermal shutdown/i],
  [
    'filesystem',
    /EXT4-fs error|EXT4-fs .*remounting filesystem read-only|BTRFS (error|critical)|XFS .*(corrupt|internal error|shutting down)|FAT-fs .*error|F2FS-fs .*(error|inconsist)|ZFS.* uncorrectable/i,
  ],
  [
    'io',
    /I\/O error|critical medium error|nvme.*(timeout|controller is down)|mmc\w*: (error|timeout)|ata\d+(\.\d+)?: failed command/i,
  ],
  ['usb_over_current', /over-?current/i],
  ['usb_disconnect', /USB disconnect/],
  ['usb_error', /device descriptor read.*error|xhci_hcd.*(died|not responding)|unable to enumerate USB/i],
  ['hardware', /\[Hardware Error\]|EDAC .*\b[CU]E\b|Machine check|(PCIe|AER).*error.*severity/i],
  ['stall', /blocked for more than \d+ seconds|(soft|hard) lockup|self-detected stall|NETDEV WATCHDOG/i],
  ['oops', /\bOops\b|kernel BUG at|BUG: |Kernel panic/],
  ['segfault', /segfault at|general protection fault|traps: /],
  ['link_down', /\blink is down\b|link becomes not ready/i],
];
/** `NVRM: Xid (PCI:0000:01:00): 79, pid=1234, GPU has fallen off the bus.` */
const XID = /\bXid \(PCI:([0-9a-fA-F:.]{1,20})\): (\d{1,3})\b/;

interface Count {
  metric: string;
  labels: Labels;
  value: number;
  /** A counter is first reported at zero, so that its first event is an increase. */
  shown: boolean;
}

interface Memory {
  source: LineSource | null;
  /** The newest line that was counted. */
  newest: string | null;
  lines: number;
  dead: number;
  counts: Map<string, Count>;
}

export default defineProbe<Memory>({
  id: 'kernel_log',
  title: 'Kernel log',
  every: 10_000,
  metrics: {
    'system.kernel.log.lines': counter('{line}', 'Lines of the kernel log'),
    'system.kernel.events': counter('{event}', 'Events in the kernel log'),
    'hw.gpu.xid': counter('{error}', 'Errors that the NVIDIA driver reports (Xid)'),
  },
  silent:
    'The kernel log cannot be read: add the user of the agent to the group systemd-journal (or adm), and see that "journalctl -k -n 1" then shows a line; in a container it belongs to the host',
  memory: () => ({ source: null, newest: null, lines: 0, dead: 0, counts: new Map() }),
  async read({ host, memory }) {
    memory.source ??= await openLog(host);
    const { source } = memory;
    if (!source) return null;
    memory.dead = source.alive() || source.last_line_at() !== null ? 0 : memory.dead + 1;
    if (memory.dead >= MOST_DEAD) return end(memory);
    for (const line of newLines(source.lines(), memory)) count(line, memory);
    return [{ metric: 'system.kernel.log.lines', value: memory.lines }, ...[...memory.counts.values()].map(sampleOf)];
  },
  close: (memory) => void end(memory),
});

const end = (memory: Memory): null => {
  memory.source?.stop();
  memory.source = null;
  return null;
};

const openLog = async (host: Host): Promise<LineSource | null> => {
  for (const { program, check, follow } of READERS) {
    const seen = await host.run(program, check, 2_000);
    // Without the right to read, `journalctl` may end well and show nothing.
    if (seen?.code !== 0 || (program === 'journalctl' && seen.text.trim() === '')) continue;
    const source = host.follow(program, follow);
    if (source) return source;
  }
  return null;
};

/** Each line begins with its time in microseconds, so it comes once. Where the newest is gone, all are new: a flood, or the reader was started again. */
const newLines = (lines: readonly string[], memory: Memory): readonly string[] => {
  const known = memory.newest === null ? -1 : lines.lastIndexOf(memory.newest);
  const fresh = lines.slice(known + 1);
  memory.newest = fresh.at(-1) ?? memory.newest;
  memory.lines += fresh.length;
  return fresh;
};

const count = (line: string, memory: Memory): void => {
  const [, pci, xid] = XID.exec(line) ?? [];
  const kind = KINDS.find(([, pattern]) => pattern.test(line))?.[0];
  if (pci && xid) add(memory, 'hw.gpu.xid', { pci: pci.toLowerCase(), xid: String(Number(xid)) });
  else if (kind !== undefined) add(memory, 'system.kernel.events', { kind });
};

const add = ({ counts }: Memory, metric: string, labels: Labels): void => {
  const key = JSON.stringify([metric, labels]);
  const known = counts.get(key) ?? { metric, labels, value: 0, shown: false };
  known.value++;
  if (counts.size < MOST_SERIES || counts.has(key)) counts.set(key, known);
};

const sampleOf = (one: Count): Sample => {
  const value = one.shown ? one.value : 0;
  one.shown = true;
  return { metric: one.metric, labels: one.labels, value };
};
