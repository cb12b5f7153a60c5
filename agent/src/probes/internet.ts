import { gauge, type Sample } from '@muster/shared/metrics';
import { mapped, sample } from '@muster/shared/parse';
import * as v from 'valibot';
import { defineProbe, type Host } from '../probe.js';

/** The first packet of a connection is sent again after one second: an answer that took so long is of the second. */
const REPEATED_MS = 950;
const CONNECT_MS = 2_000;
/** Twenty minutes at one try a minute. */
const TRIES = 20;
const TARGET = /^(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9_.-]+):(\d{1,5})$/;

const settings = v.object({
  targets: v.optional(
    v.pipe(
      v.array(v.pipe(v.string(), v.regex(TARGET, 'must be host:port, such as 1.1.1.1:443'))),
      v.maxLength(8),
      v.description(
        'Hosts that take a TCP connection. Whoever runs them sees the public address of this machine once a minute, and nothing else; the others are asked only when the first does not answer. [] asks none',
      ),
    ),
    ['1.1.1.1:443', '9.9.9.9:443', '8.8.8.8:53'],
  ),
  name: v.optional(
    v.pipe(
      v.string(),
      v.maxLength(253),
      v.description('A name that the resolver of this machine is asked for once a minute; "" asks none'),
    ),
    'example.com',
  ),
});

interface Memory {
  /** The target that answered last stands first: one host sees this machine, and latency is of one place. */
  order: string[] | null;
  /** Newest last: whether a try was lost. */
  lost: boolean[];
}

/** Reachable and no DNS: the resolver is broken. Not reachable: the line is, whatever the resolver has in its cache. */
export default defineProbe<Memory, v.InferOutput<typeof settings>>({
  id: 'internet',
  title: 'Internet',
  every: 120_000,
  deadline: 8_000,
  metrics: {
    'system.network.internet.reachable': gauge('1', 'Whether the internet is reachable'),
    'system.network.internet.latency': gauge('s', 'Time until a connection into the internet stands', { resolution: 0.001 }),
    'system.network.internet.loss': gauge('1', 'Connections that were lost or had to be tried again, of the last 20', {
      resolution: 0.01,
    }),
    'dns.lookup.working': gauge('1', 'Whether names are resolved'),
    'dns.lookup.duration': gauge('s', 'Time to resolve a name', { resolution: 0.001 }),
  },
  settings,
  silent: 'Switched off: probes.internet has neither targets nor a name to resolve',
  memory: () => ({ order: null, lost: [] }),
  async read({ host, memory, settings: { targets, name } }) {
    if (targets.length === 0 && name === '') return null;
    memory.order ??= [...targets];
    const [line, dns] = await Promise.all([lineSamples(host, memory), dnsSamples(host, name)]);
    return [...line, ...dns];
  },
});

const lineSamples = async (host: Host, memory: Memory): Promise<Sample[]> => {
  const [first, ...others] = memory.order ?? [];
  if (first === undefined) return [];
  const ms = await connect(host, first);
  memory.lost = [...memory.lost, ms === null || ms >= REPEATED_MS].slice(-TRIES);
  const found = ms ?? (await firstOf(host, others, memory));
  return [
    ...sample('system.network.internet.reachable', found === null ? 0 : 1),
    ...sample(
      'system.network.internet.latency',
      mapped(found, (one) => one / 1_000),
    ),
    ...sample('system.network.internet.loss', memory.lost.filter(Boolean).length / memory.lost.length),
  ];
};

const firstOf = async (host: Host, others: readonly string[], memory: Memory): Promise<number | null> => {
  const answers = await Promise.all(others.map((target) => connect(host, target)));
  const at = answers.findIndex((ms) => ms !== null);
  const best = others[at];
  if (best !== undefined) memory.order = [best, ...(memory.order ?? []).filter((target) => target !== best)];
  return answers[at] ?? null;
};

/** A refusal is no answer here: a firewall on the way refuses in the name of anybody. */
const connect = async (host: Host, target: string): Promise<number | null> => {
  const [, name = '', port] = TARGET.exec(target) ?? [];
  const address = name.replace(/^\[|\]$/g, '');
  const answer = await host.ask({ kind: 'tcp', host: address, port: Number(port), send: '', timeout_ms: CONNECT_MS });
  return answer === null || answer.refused ? null : answer.ms;
};

const dnsSamples = async (host: Host, name: string): Promise<Sample[]> => {
  if (name === '') return [];
  const resolved = await host.resolve(name);
  return [
    ...sample('dns.lookup.working', resolved === null ? 0 : 1),
    ...sample(
      'dns.lookup.duration',
      mapped(resolved?.ms ?? null, (ms) => ms / 1_000),
    ),
  ];
};
