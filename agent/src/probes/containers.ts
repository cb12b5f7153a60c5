import { counter, gauge, type Sample } from '@muster/shared/metrics';
import { sample } from '@muster/shared/parse';
import * as v from 'valibot';
import { defineProbe, type Host } from '../probe.js';

/** Docker, Podman as root, balenaEngine. */
const SOCKETS = ['/var/run/docker.sock', '/run/podman/podman.sock', '/var/run/balena-engine.sock'];
const MOST_WATCHED = 50;
/** Requests under way at a time: the engine does the work. */
const AT_ONCE = 4;
const TIMEOUT_MS = 4_000;
const NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$/;
const STATES = ['running', 'restarting', 'paused', 'exited', 'dead', 'created'] as const;

const settings = v.object({
  socket: v.optional(v.pipe(v.string(), v.regex(/^\//, 'must be the path of a socket'), v.description('Socket of the engine'))),
  watch: v.optional(
    v.pipe(
      v.union([v.literal('all'), v.array(v.pipe(v.string(), v.regex(NAME, 'must be the name of a container')))]),
      v.description('Names of containers that are shown one by one, or "all" (the first 50): each costs two requests a minute'),
    ),
    [],
  ),
});

const listed = v.array(
  v.object({
    Id: v.pipe(v.string(), v.regex(/^[0-9a-f]{12,64}$/)),
    Names: v.array(v.string()),
    State: v.string(),
    Status: v.string(),
  }),
);
type Container = v.InferOutput<typeof listed>[number];
const inspected = v.object({
  RestartCount: v.optional(v.number()),
  State: v.object({ ExitCode: v.optional(v.number()), StartedAt: v.optional(v.string()) }),
});
const figure = v.optional(v.number());
const measured = v.object({
  cpu_stats: v.object({ cpu_usage: v.object({ total_usage: figure }) }),
  memory_stats: v.object({
    usage: figure,
    limit: figure,
    stats: v.optional(v.object({ inactive_file: figure, total_inactive_file: figure })),
  }),
});

interface Memory {
  socket: string | null;
}

/** Only GET leaves this probe, and only ids that the engine gave stand in its paths. */
export default defineProbe<Memory, v.InferOutput<typeof settings>>({
  id: 'containers',
  title: 'Containers',
  every: 60_000,
  deadline: 30_000,
  metrics: {
    'container.engine.reachable': gauge('1', 'Whether the container engine answers'),
    'container.count': gauge('{container}', 'Containers by state'),
    'container.unhealthy.count': gauge('{container}', 'Containers whose health check fails'),
    'container.running': gauge('1', 'Whether a watched container runs'),
    'container.healthy': gauge('1', 'Whether the health check of a watched container succeeds'),
    'container.restarts': counter('{restart}', 'Restarts of a watched container by the engine'),
    'container.exit_code': gauge('1', 'Exit code of a watched container that has ended'),
    'container.uptime': gauge('s', 'Time since a watched container was started', { resolution: 1 }),
    'container.cpu.time': counter('s', 'Processor time of a watched container', { resolution: 0.01 }),
    'container.memory.usage': gauge('By', 'Memory of a watched container, without the file cache that can go', {
      resolution: 1_048_576,
    }),
    'container.memory.limit': gauge('By', 'Memory that a watched container may use', { resolution: 1_048_576 }),
  },
  settings,
  silent:
    'No Docker or Podman socket can be read: add the user of the agent to the group docker (that is root in effect), or put a proxy that lets only GET through before the socket and name its own in probes.containers.socket',
  memory: () => ({ socket: null }),
  async read({ host, memory, settings: { socket, watch } }) {
    const found = await listFrom(host, memory.socket === null ? (socket ? [socket] : SOCKETS) : [memory.socket]);
    if (!found) return memory.socket === null ? null : sample('container.engine.reachable', 0);
    memory.socket = found.socket;
    const get = (path: string) => getJson(host, found.socket, path);
    const each = await inTurn(chosen(found.containers, watch), (one) => containerSamples(one, get, host.now()));
    return [
      ...sample('container.engine.reachable', 1),
      ...countSamples(found.containers),
      ...missing(found.containers, watch),
      ...each.flat(),
    ];
  },
});

const getJson = async (host: Host, socket: string, path: string): Promise<unknown> => {
  const reply = await host.http({ url: `http://localhost${path}`, socket, timeout_ms: TIMEOUT_MS });
  if (reply?.status !== 200) return null;
  try {
    return JSON.parse(reply.text);
  } catch {
    return null;
  }
};

const listFrom = async (host: Host, sockets: readonly string[]) => {
  for (const socket of sockets) {
    const reply = v.safeParse(listed, await getJson(host, socket, '/containers/json?all=1'));
    if (reply.success) return { socket, containers: reply.output };
  }
  return null;
};

const countSamples = (containers: readonly Container[]): Sample[] => [
  ...STATES.flatMap((state) => {
    const value = containers.filter((one) => one.State === state).length;
    // Two that matter are always told, the others where there are any.
    return state === 'running' || state === 'restarting' || value > 0 ? sample('container.count', value, { state }) : [];
  }),
  ...sample('container.unhealthy.count', containers.filter(({ Status }) => healthOf(Status) === 0).length),
];

/** The engine begins names with a slash; a container that is linked to has more than one. */
const nameOf = ({ Names }: Container): string =>
  Names.map((name) => name.replace(/^\//, '')).find((name) => NAME.test(name)) ?? '';

const chosen = (containers: readonly Container[], watch: 'all' | readonly string[]): Container[] => {
  const byName = new Map(containers.map((one) => [nameOf(one), one]));
  byName.delete('');
  const names = watch === 'all' ? [...byName.keys()].sort() : [...new Set(watch)];
  return names.slice(0, MOST_WATCHED).flatMap((name) => byName.get(name) ?? []);
};

/** A watched container that was removed does not run. */
const missing = (containers: readonly Container[], watch: 'all' | readonly string[]): Sample[] => {
  const there = new Set(containers.map(nameOf));
  const gone = watch === 'all' ? [] : [...new Set(watch)].slice(0, MOST_WATCHED).filter((name) => !there.has(name));
  return gone.flatMap((container) => sample('container.running', 0, { container }));
};

const inTurn = async <T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> => {
  const results: R[] = [];
  for (let at = 0; at < items.length; at += AT_ONCE) {
    results.push(...(await Promise.all(items.slice(at, at + AT_ONCE).map(work))));
  }
  return results;
};

const containerSamples = async (one: Container, get: (path: string) => Promise<unknown>, now: number): Promise<Sample[]> => {
  const labels = { container: nameOf(one) };
  const running = one.State === 'running';
  const facts = v.safeParse(inspected, await get(`/containers/${one.Id}/json`));
  const stats = running ? v.safeParse(measured, await get(`/containers/${one.Id}/stats?stream=false&one-shot=true`)) : null;
  const more = facts.success ? factSamples(facts.output, { labels, now, running }) : [];
  return [
    ...sample('container.running', running ? 1 : 0, labels),
    ...sample('container.healthy', healthOf(one.Status), labels),
    ...more,
    ...(stats?.success ? statSamples(stats.output, labels) : []),
  ];
};

/** `Up 2 hours (healthy)`, `Up 3 minutes (unhealthy)`; `(health: starting)` and no check at all tell nothing. */
const healthOf = (status: string): number | null =>
  status.includes('(unhealthy)') ? 0 : status.includes('(healthy)') ? 1 : null;

interface Seen {
  labels: { container: string };
  now: number;
  running: boolean;
}

const factSamples = ({ RestartCount, State }: v.InferOutput<typeof inspected>, { labels, now, running }: Seen): Sample[] => {
  const up_ms = now - Date.parse(State.StartedAt ?? '');
  return [
    ...sample('container.restarts', atLeastZero(RestartCount), labels),
    ...sample('container.exit_code', running ? null : (State.ExitCode ?? null), labels),
    ...sample('container.uptime', running && up_ms >= 0 ? up_ms / 1_000 : null, labels),
  ];
};

const statSamples = ({ cpu_stats, memory_stats }: v.InferOutput<typeof measured>, labels: Seen['labels']): Sample[] => {
  const { usage, limit, stats } = memory_stats;
  const cache = stats?.inactive_file ?? stats?.total_inactive_file ?? 0;
  const nanoseconds = atLeastZero(cpu_stats.cpu_usage.total_usage);
  return [
    ...sample('container.cpu.time', nanoseconds === null ? null : nanoseconds / 1e9, labels),
    ...sample('container.memory.usage', usage === undefined ? null : Math.max(0, usage - cache), labels),
    // Without a limit the engine gives the memory of the machine, Podman sometimes all bits.
    ...sample('container.memory.limit', limit !== undefined && limit > 0 && limit < 2 ** 50 ? limit : null, labels),
  ];
};

const atLeastZero = (value: number | undefined): number | null => (value !== undefined && value >= 0 ? value : null);
