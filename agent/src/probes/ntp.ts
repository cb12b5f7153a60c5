import { gauge, type Sample } from '@muster/shared/metrics';
import { mapped, numberIn, sample } from '@muster/shared/parse';
import * as v from 'valibot';
import { defineProbe, type Host } from '../probe.js';

const PACKET_BYTES = 48;
/** Client, version 4. */
const QUESTION = 0x23;
const SERVER_MODE = 4;
const UNSYNCHRONISED = 3;
/** Seconds from 1900, where NTP begins, to 1970. */
const EPOCH_S = 2_208_988_800;
const ERA_S = 2 ** 32;
const TIMESYNC = '/run/systemd/timesync';

const settings = v.object({
  servers: v.optional(
    v.pipe(
      v.array(v.pipe(v.string(), v.regex(/^[A-Za-z0-9_.:-]{1,253}$/, 'must be a name or an address'))),
      v.maxLength(4),
      v.description('NTP servers, asked in this order every 15 minutes until one answers; [] asks none'),
    ),
    ['time.cloudflare.com', 'ptbtime1.ptb.de'],
  ),
});

/** The kernel tells an unprivileged reader nothing about its clock, so a server is asked, and the time service of this machine. */
export default defineProbe<undefined, v.InferOutput<typeof settings>>({
  id: 'ntp',
  title: 'Clock',
  every: 900_000,
  deadline: 30_000,
  metrics: {
    'system.clock.offset': gauge('s', 'Clock ahead of the true time (below zero: behind)', { resolution: 0.001 }),
    'system.clock.synchronized': gauge('1', 'Whether the time service of this machine is synchronised'),
  },
  settings,
  silent:
    'No NTP server is to be asked (probes.ntp.servers is []) and neither systemd-timesyncd nor chrony runs here; name a server to see how far the clock is off',
  async read({ host, settings: { servers } }) {
    const synchronised = await isSynchronised(host);
    if (servers.length === 0 && synchronised === null) return null;
    return [...(await offsetSamples(host, servers)), ...sample('system.clock.synchronized', synchronised)];
  },
});

const offsetSamples = async (host: Host, servers: readonly string[]): Promise<Sample[]> => {
  for (const server of servers) {
    const offset = await offsetOf(host, server);
    if (offset !== null) return sample('system.clock.offset', offset);
  }
  return [];
};

const offsetOf = async (host: Host, server: string): Promise<number | null> => {
  // Resolved first: the time that this takes would count as the way of the packet.
  const address = (await host.resolve(server))?.addresses[0];
  if (address === undefined) return null;
  const sent_at = host.now() / 1_000;
  const stamp = stampOf(sent_at);
  const send = String.fromCharCode(QUESTION) + '\0'.repeat(39) + stamp;
  const answer = await host.ask({ kind: 'udp', host: address, port: 123, send });
  return answer === null ? null : aheadBy(answer.text, { stamp, sent_at, took: answer.ms / 1_000 });
};

interface Sent {
  stamp: string;
  sent_at: number;
  took: number;
}

/** Four times: sent, received there, sent there, received. Null unless it is the answer of a synchronised server to this question. */
const aheadBy = (packet: string, { stamp, sent_at, took }: Sent): number | null => {
  const head = packet.charCodeAt(0);
  const stratum = packet.charCodeAt(1);
  if (packet.length < PACKET_BYTES || (head & 7) !== SERVER_MODE || head >> 6 === UNSYNCHRONISED) return null;
  if (stratum < 1 || stratum > 15 || packet.slice(24, 32) !== stamp) return null;
  const arrived = secondsIn(packet.slice(32, 40), sent_at);
  const left = secondsIn(packet.slice(40, 48), sent_at);
  return left < arrived || left - arrived > took + 1 ? null : (sent_at + sent_at + took - arrived - left) / 2;
};

/** Seconds since 1900 in 32 bits and their fraction in 32. */
const stampOf = (unix_s: number): string => {
  const seconds = Math.floor(unix_s);
  return wordOf((seconds + EPOCH_S) % ERA_S) + wordOf(Math.floor((unix_s - seconds) * ERA_S));
};

const wordOf = (word: number): string =>
  String.fromCharCode((word >>> 24) & 255, (word >>> 16) & 255, (word >>> 8) & 255, word & 255);

/** The 32 bits begin anew in 2036: the time that is nearest to our own. */
const secondsIn = (stamp: string, near_s: number): number => {
  const unix_s = numberOf(stamp.slice(0, 4)) + numberOf(stamp.slice(4)) / ERA_S - EPOCH_S;
  return unix_s + Math.round((near_s - unix_s) / ERA_S) * ERA_S;
};

const numberOf = (word: string): number => [...word].reduce((sum, char) => sum * 256 + (char.charCodeAt(0) & 255), 0);

const isSynchronised = async (host: Host): Promise<number | null> => {
  if (host.read(`${TIMESYNC}/synchronized`) !== null) return 1;
  // chrony takes the place of timesyncd, which leaves its folder behind until the next boot.
  const chrony = await host.run('chronyc', ['-c', '-n', 'tracking'], 2_000);
  if (chrony?.code === 0) return leapOf(chrony.text);
  return host.list('/run/systemd').includes('timesync') ? 0 : null;
};

/** `C0A80101,192.168.1.1,2,1767225000.1,0.000012,…,64.2,Normal`: stratum third, how it is with leap seconds last. */
const leapOf = (line: string): number | null => {
  const fields = line.trim().split(',');
  if (fields.length < 10) return null;
  return mapped(numberIn(fields[2]), (stratum) => (stratum > 0 && fields.at(-1) !== 'Not synchronised' ? 1 : 0));
};
