/** What the shipped agent takes of a plain machine, against node_exporter on the same machine in the same minutes. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadSettings, setting, wholeNumber } from '@muster/shared/settings';
import * as v from 'valibot';
import { agent, makeFolder, type RunningHub, startHub, until } from '../testing/processes.js';
import { startPeer } from './agent-peer.js';
import { type Footprint, watchProcess } from './agent-process.js';
import { startProxy, type Traffic } from './agent-proxy.js';
import type { BenchFigures, BenchOptions } from './main.js';

export const title =
  'memory, processor, children and bytes on the wire of one agent, beside node_exporter (--minutes --peer --profile)';

const OPTIONS = {
  minutes: setting({ name: 'minutes', help: 'Length', schema: wholeNumber(1, 10_000), default: 10 }),
  settle: setting({ name: 'settle', help: 'Seconds before the first look', schema: wholeNumber(1, 3_600), default: 60 }),
  peer: setting({ name: 'peer', help: 'Path of node_exporter', schema: text(), default: null }),
  profile: setting({ name: 'profile', help: 'Folder for a CPU profile of the agent', schema: text(), default: null }),
  settings: setting({ name: 'settings', help: 'Settings file of the agent (JSON)', schema: text(), default: null }),
};

const CYCLE_MS = 10_000;
const DEVICE = 'bench-agent';

export const run = async ({ flags, print }: BenchOptions): Promise<BenchFigures> => {
  const { values } = loadSettings(OPTIONS, { flags, env: {}, file: null });
  const folder = makeFolder();
  const hub = await startHub(folder.path);
  const port = Number(new URL(hub.addresses.mqtt).port);
  const proxy = await startProxy(port);
  const peer = await startPeer(values.peer, CYCLE_MS);
  print(
    peer
      ? `  peer: ${peer.version}`
      : '  peer skipped: no node_exporter here (apt-get install prometheus-node-exporter, or --peer PATH)',
  );
  const data = makeFolder();
  await joinThrough(hub, data.path, proxy.port);
  if (values.settings) writeFileSync(join(data.path, 'agent', 'settings.json'), readFileSync(values.settings));
  const profile = values.profile ? ['--cpu-prof', `--cpu-prof-dir=${values.profile}`] : [];
  const program = agent(['run'], { MUSTER_DATA: data.path }, profile);
  try {
    await until('the agent to report', () => proxy.traffic().publishes_up > 2);
    await sleep(values.settle * 1_000);
    const before = proxy.traffic();
    const watches = [watchProcess(program.pid), ...(peer ? [watchProcess(peer.pid)] : [])];
    await sleep(values.minutes * 60_000);
    const [mine, theirs] = watches.map((watch) => watch.end());
    const traffic = difference(before, proxy.traffic());
    if (!mine) throw new Error('nothing was watched');
    return figuresOf({ mine, theirs, traffic, print });
  } finally {
    await program.stop();
    peer?.stop();
    proxy.close();
    await hub.stop();
    for (const one of [folder, data]) one.remove();
  }
};

function text() {
  return v.nullable(v.pipe(v.string(), v.minLength(1)));
}

/** The agent speaks to the proxy, which counts what passes. */
const joinThrough = async (hub: RunningHub, data: string, port: number): Promise<void> => {
  const { token } = await hub.api.post<{ token: string }>('/invites', { device: DEVICE });
  const words = ['join', '--hub', hub.addresses.http, '--token', token, '--device', DEVICE];
  const joined = agent(words, { MUSTER_DATA: data });
  if ((await joined.ended) !== 0) throw new Error(`the agent could not join: ${joined.output()}`);
  const file = join(data, 'agent', 'identity.json');
  const identity = JSON.parse(readFileSync(file, 'utf8')) as object;
  writeFileSync(file, JSON.stringify({ ...identity, address: `mqtt://127.0.0.1:${port}` }));
};

const difference = (before: Traffic, after: Traffic): Traffic => ({
  up: after.up - before.up,
  down: after.down - before.down,
  segments: after.segments - before.segments,
  publishes_up: after.publishes_up - before.publishes_up,
  pings: after.pings - before.pings,
  value_bytes: after.value_bytes - before.value_bytes,
  series: after.series,
});

/** IPv4 and TCP with time stamps, and about one bare acknowledgement for two segments. */
const TCP_IP_BYTES = 52 * 1.5;
/** A TLS 1.3 record: header, content type, tag. */
const TLS_BYTES = 22;
const DAY_S = 86_400;
/** The goal for the wire is set for so many; a row of the machine at hand has more or fewer values of the same mean length. */
const GOAL_SERIES = 30;

interface Result {
  mine: Footprint;
  theirs: Footprint | undefined;
  traffic: Traffic;
  print: BenchOptions['print'];
}

const figuresOf = ({ mine, theirs, traffic, print }: Result): BenchFigures => {
  const per_day = (bytes: number) => (bytes / mine.seconds) * (DAY_S / 1e6);
  const row = (name: string, own: number, peer: number | undefined, goal: string) =>
    print(`  ${name.padEnd(26)}${own.toFixed(2).padStart(10)}${(peer?.toFixed(2) ?? '-').padStart(16)}   ${goal}`);
  print(
    `  over ${(mine.seconds / 60).toFixed(1)} min`.padEnd(28) +
      'agent'.padStart(10) +
      'node_exporter'.padStart(16) +
      '   goal (stretch)',
  );
  row('RSS, median MiB', mine.rss_mib, theirs?.rss_mib, '52 (48)');
  row('RSS, most MiB', mine.rss_most_mib, theirs?.rss_most_mib, '');
  row('private, median MiB', mine.private_mib, theirs?.private_mib, '14 (10)');
  row('CPU s per hour', mine.cpu_s_per_h, theirs?.cpu_s_per_h, '1.3 (0.8)');
  row('  of it in the kernel', mine.kernel_s_per_h, theirs?.kernel_s_per_h, '');
  const cycles = (mine.seconds * 1_000) / CYCLE_MS;
  row('children per cycle', mine.children / cycles, theirs && theirs.children / cycles, '0');
  const wire = per_day(traffic.up + traffic.down);
  const surplus = traffic.value_bytes * (1 - GOAL_SERIES / traffic.series);
  const at_goal = wire - per_day(surplus);
  row(`MQTT MB/day, ${traffic.series} series`, wire, undefined, '');
  row(`  with ${GOAL_SERIES} series`, at_goal, undefined, '3');
  const each = (bytes: number) => per_day(traffic.segments * bytes).toFixed(2);
  print(
    `  MQTT: ${per_day(traffic.up).toFixed(2)} MB/day up, ${per_day(traffic.down).toFixed(2)} down; ${traffic.publishes_up} publishes, ${traffic.pings} pings`,
  );
  print(
    `  beside it, estimated from ${traffic.segments} segments: TCP/IP ${each(TCP_IP_BYTES)} MB/day, TLS ${each(TLS_BYTES)} MB/day`,
  );
  const hundredth = (value: number) => Math.round(value * 100) / 100;
  return {
    rss_mib: hundredth(mine.rss_mib),
    private_mib: hundredth(mine.private_mib),
    cpu_s_per_h: hundredth(mine.cpu_s_per_h),
    children_per_cycle: hundredth(mine.children / cycles),
    wire_mb_per_day: hundredth(at_goal),
    wire_mb_per_day_as_run: hundredth(wire),
    series: traffic.series,
  };
};

const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
