import { gauge, type Sample } from '@muster/shared/metrics';
import { countIn, linesOf, mapped, sample, wordsOf } from '@muster/shared/parse';
import * as v from 'valibot';
import { type Answer, defineProbe, type Host } from '../probe.js';

/** Twice that is the longest read: the port that answered last, then all of them. */
const KNOCK_MS = 2_000;
/** A router that answers at no port is asked at all of them so often, else at the first. */
const TRY_ALL_MS = 600_000;
const REJECT = 0x200;
/** An entry of the ARP table whose hardware address is known. */
const COMPLETE = 0x2;

const settings = v.object({
  ports: v.optional(
    v.pipe(
      v.array(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(65_535))),
      v.minLength(1),
      v.maxLength(4),
      v.description('Ports to knock at; a port that refuses is an answer as well'),
    ),
    [53, 80, 443],
  ),
});

type Family = 'ipv4' | 'ipv6';

interface Route {
  family: Family;
  /** Null on a line with two ends, where nobody stands between. */
  gateway: string | null;
  metric: number;
}

interface Memory {
  /** A family that once had a route is missed when it is gone. */
  families: Map<Family, { port: number | null; tried_at: number | null }>;
}

/** No ping: that takes a raw socket. A router that takes or refuses a TCP connection is there. */
export default defineProbe<Memory, v.InferOutput<typeof settings>>({
  id: 'gateway',
  title: 'Default gateway',
  every: 120_000,
  metrics: {
    'system.network.gateway.reachable': gauge('1', 'Whether the default gateway answers'),
    'system.network.gateway.latency': gauge('s', 'Time until the default gateway answers', { resolution: 0.0001 }),
  },
  settings,
  silent: 'The kernel shows no routes (/proc/net/route is missing); the default gateway is known on Linux only',
  memory: () => ({ families: new Map() }),
  async read({ host, memory, settings: { ports } }) {
    const ipv4 = host.read('/proc/net/route');
    const ipv6 = host.read('/proc/net/ipv6_route');
    if (ipv4 === null && ipv6 === null) return null;
    const routes = [
      ...defaultRoute(linesOf(ipv4 ?? '').flatMap(ipv4Route)),
      ...defaultRoute(linesOf(ipv6 ?? '').flatMap(ipv6Route)),
    ];
    const missed = missedFamilies(memory, routes);
    for (const { family } of routes) {
      if (!memory.families.has(family)) memory.families.set(family, { port: null, tried_at: null });
    }
    const found = await Promise.all(routes.map((route) => samplesOf(host, route, { memory, ports })));
    return [...found.flat(), ...missed.flatMap((family) => sample('system.network.gateway.reachable', 0, { family }))];
  },
});

const missedFamilies = ({ families }: Memory, routes: readonly Route[]): Family[] => {
  const there = routes.map(({ family }) => family);
  // A machine without any way out says so; one that never had the other family misses nothing.
  const expected: Family[] = families.size === 0 && there.length === 0 ? ['ipv4'] : [...families.keys()];
  return expected.filter((family) => !there.includes(family));
};

const defaultRoute = (routes: Route[]): Route[] => routes.sort((a, b) => a.metric - b.metric).slice(0, 1);

/** `eth0 00000000 0101A8C0 0003 0 0 100 00000000 0 0 0`: addresses as the processor holds them, lowest byte first. */
const ipv4Route = (line: string): Route[] => {
  const [, destination, gateway = '', flags = '', , , metric, mask] = wordsOf(line);
  if (destination !== '00000000' || mask !== '00000000' || !isUsed(flags)) return [];
  const bytes = gateway.match(/^(..)(..)(..)(..)$/)?.slice(1) ?? [];
  const address = bytes.reverse().map((byte) => Number.parseInt(byte, 16));
  const known = address.length === 4 && address.every(Number.isInteger) && address.some((byte) => byte > 0);
  return [{ family: 'ipv4', gateway: known ? address.join('.') : null, metric: countIn(metric) ?? 0 }];
};

/** Destination, its length, source, its length, next hop, metric, count, use, flags, device; all in hex. */
const ipv6Route = (line: string): Route[] => {
  const [destination, length, , , hop = '', metric = '', , , flags = '', device = ''] = wordsOf(line);
  if (!/^0{32}$/.test(destination ?? '') || length !== '00' || device === 'lo' || !isUsed(flags)) return [];
  const groups = /^[0-9a-f]{32}$/.test(hop) && !/^0+$/.test(hop) ? (hop.match(/.{4}/g) ?? []) : [];
  const address = groups.map((group) => Number.parseInt(group, 16).toString(16)).join(':');
  const zone = address.startsWith('fe80:') ? `%${device}` : '';
  return [{ family: 'ipv6', gateway: address === '' ? null : `${address}${zone}`, metric: Number.parseInt(metric, 16) || 0 }];
};

const isUsed = (flags: string): boolean => {
  const bits = Number.parseInt(flags, 16);
  return (bits & 1) === 1 && (bits & REJECT) === 0;
};

const samplesOf = async (host: Host, route: Route, { memory, ports }: { memory: Memory; ports: readonly number[] }) => {
  const { family, gateway } = route;
  const known = memory.families.get(family);
  if (gateway === null || !known) return [];
  const knock = (port: number) => host.ask({ kind: 'tcp', host: gateway, port, send: '', timeout_ms: KNOCK_MS });
  const answer = (known.port === null ? null : await knock(known.port)) ?? (await tryPorts(host, known, { ports, knock }));
  const there = answer !== null || isInArpTable(host, gateway);
  // A router that drops what comes to it looks like one that is gone; IPv6 has no table that tells them apart.
  const unknown = !there && family === 'ipv6' && known.port === null;
  const reachable: Sample[] = unknown ? [] : sample('system.network.gateway.reachable', there ? 1 : 0, { family });
  return [
    ...reachable,
    ...sample(
      'system.network.gateway.latency',
      mapped(answer?.ms ?? null, (ms) => ms / 1_000),
      { family },
    ),
  ];
};

interface Knocking {
  ports: readonly number[];
  knock(port: number): Promise<Answer | null>;
}

const tryPorts = async (
  host: Host,
  known: { port: number | null; tried_at: number | null },
  { ports, knock }: Knocking,
): Promise<Answer | null> => {
  const now = host.monotonic();
  const all = known.port !== null || known.tried_at === null || now - known.tried_at >= TRY_ALL_MS;
  if (all) known.tried_at = now;
  const answers = await Promise.all((all ? ports : ports.slice(0, 1)).map(knock));
  const at = answers.findIndex((one) => one !== null);
  known.port = ports[at] ?? known.port;
  return answers[at] ?? null;
};

const isInArpTable = (host: Host, gateway: string): boolean =>
  linesOf(host.read('/proc/net/arp') ?? '').some((line) => {
    const [address, , flags = '', hardware] = wordsOf(line);
    return address === gateway && (Number.parseInt(flags, 16) & COMPLETE) !== 0 && hardware !== '00:00:00:00:00:00';
  });
