import * as v from 'valibot';
import type { Http } from '../../http.js';
import { gauge, type Sample } from '../../metrics.js';
import type { NetworkHost } from '../../network.js';

/** The client of the compute network ("Dispersed", earlier "disNet") on Linux: by its process, or by its container at Docker's socket. */
export const computeMetrics = {
  compute_up: gauge('1', 'Whether the compute client runs'),
  compute_restarting: gauge('1', 'Whether the container of the compute client restarts again and again'),
  compute_containers: gauge('1', 'Running containers beside the compute client'),
};

const CLIENT = /dispersed|disnet/i;

const containers = v.array(
  v.object({ Names: v.optional(v.array(v.string()), []), Image: v.optional(v.string(), ''), State: v.string() }),
);
type Container = v.InferOutput<typeof containers>[number];

export interface ComputeNeeds {
  host: NetworkHost;
  http: Http;
  docker: string;
  signal: AbortSignal;
  is_expected: boolean;
}

export const readCompute = async ({ host, http, docker, signal, is_expected }: ComputeNeeds): Promise<Sample[]> => {
  const list = await askDocker(http, docker, signal);
  const clients = list?.filter(isClient) ?? [];
  const runs = hasProcess(host);
  if (!runs && clients.length === 0 && !is_expected) return [];
  const isUp = runs || clients.some(({ State }) => State === 'running');
  const others = list?.filter((one) => one.State === 'running' && !isClient(one)).length;
  return [
    { metric: 'compute_up', value: isUp ? 1 : 0 },
    ...(clients.length === 0 ? [] : [{ metric: 'compute_restarting', value: clients.some(isRestarting) ? 1 : 0 }]),
    ...(others === undefined ? [] : [{ metric: 'compute_containers', value: others }]),
  ];
};

const isClient = ({ Names, Image }: Container): boolean => CLIENT.test(Image) || Names.some((name) => CLIENT.test(name));
const isRestarting = ({ State }: Container): boolean => State === 'restarting';

/** Null: no Docker here, or not for this user. */
const askDocker = async (http: Http, socket: string, signal: AbortSignal): Promise<Container[] | null> => {
  const asked = { url: 'http://docker/containers/json?all=1', socket, timeout_ms: 3_000, signal };
  const reply = await http.request(asked).catch(() => null);
  const parsed = reply?.status === 200 ? v.safeParse(v.pipe(v.string(), v.parseJson(), containers), reply.text) : null;
  return parsed?.success ? parsed.output : null;
};

const hasProcess = (host: NetworkHost): boolean =>
  host.list('/proc').some((pid) => /^\d+$/.test(pid) && CLIENT.test(host.read(`/proc/${pid}/comm`) ?? ''));
