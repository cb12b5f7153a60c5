import { counter, type Sample } from '@muster/shared/metrics';
import { countIn, labelText, linesOf, sample, wordsOf } from '@muster/shared/parse';
import { defineProbe } from '../probe.js';

const MOST_INTERFACES = 16;
/** Loopback, and what container engines, hypervisors and the kernel's own tunnels make: the same bytes a second time, or none. */
const NOT_COUNTED =
  /^(lo|veth.*|docker\d+|docker_gwbridge|br-[0-9a-f]{12}|virbr.*|vnet.*|tap.*|fw(br|pr|ln).*|cni.*|flannel.*|cali.*|cilium.*|lxc.*|kube-.*|ifb\d+|dummy\d+|sit\d+|tunl\d+|gre(tap)?\d+|erspan\d+|ip6(tnl|gre)\d+|ip6?_vti\d+)$/;

export default defineProbe({
  id: 'network',
  title: 'Network activity',
  every: 10_000,
  metrics: {
    'system.network.io': counter('By', 'Network bytes', { resolution: 1_024 }),
    'system.network.errors': counter('{error}', 'Network errors'),
    'system.network.dropped': counter('{packet}', 'Network packets dropped'),
  },
  async read({ host }) {
    const text = host.read('/proc/net/dev');
    if (text === null) return null;
    const interfaces = [...new Map(linesOf(text).flatMap(interfaceOf))];
    return interfaces.slice(0, MOST_INTERFACES).flatMap(([name, fields]) => samplesOf(name, fields));
  },
});

/** `  eth0: 1296 14 0 0 …`; old kernels leave no space after the colon. The two head lines have none. */
const interfaceOf = (line: string): [string, string[]][] => {
  const colon = line.lastIndexOf(':');
  const name = line.slice(0, Math.max(colon, 0)).trim();
  return name === '' || NOT_COUNTED.test(name) ? [] : [[labelText(name), wordsOf(line.slice(colon + 1))]];
};

/** Receive: bytes packets errs drop fifo frame compressed multicast; transmit: the next eight. */
const samplesOf = (name: string, fields: readonly string[]): Sample[] => [
  ...directionOf({ interface: name, direction: 'receive' }, fields),
  ...directionOf({ interface: name, direction: 'transmit' }, fields.slice(8)),
];

const directionOf = (labels: { interface: string; direction: string }, fields: readonly string[]): Sample[] => [
  ...sample('system.network.io', countIn(fields[0]), labels),
  ...sample('system.network.errors', countIn(fields[2]), labels),
  ...sample('system.network.dropped', countIn(fields[3]), labels),
];
