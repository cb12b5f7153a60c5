import { counter, gauge, type Sample } from '@muster/shared/metrics';
import { countIn, linesOf, sample, wordsOf } from '@muster/shared/parse';
import { defineProbe, type Host } from '../probe.js';

const CONNTRACK = '/proc/sys/net/netfilter';

export default defineProbe({
  id: 'tcp',
  title: 'TCP',
  every: 60_000,
  metrics: {
    'system.network.tcp.segments': counter('{segment}', 'TCP segments sent'),
    'system.network.tcp.retransmits': counter('{segment}', 'TCP segments sent again'),
    'system.network.tcp.connections': gauge('{connection}', 'Open TCP connections'),
    'system.network.conntrack.utilization': gauge('1', 'Connection tracking table in use', { resolution: 0.01 }),
  },
  silent: 'The kernel shows no network counters (/proc/net/snmp is missing); they are known on Linux only',
  async read({ host }) {
    const snmp = host.read('/proc/net/snmp');
    if (snmp === null) return null;
    const tcp = fieldsOf(snmp, 'Tcp:');
    return [
      ...sample('system.network.tcp.segments', countIn(tcp.get('OutSegs'))),
      ...sample('system.network.tcp.retransmits', countIn(tcp.get('RetransSegs'))),
      ...sample('system.network.tcp.connections', countIn(tcp.get('CurrEstab'))),
      ...conntrack(host),
    ];
  },
});

/** Two lines for each protocol: names, then values. */
const fieldsOf = (snmp: string, protocol: string): Map<string, string> => {
  const [names = '', values = ''] = linesOf(snmp).filter((line) => line.startsWith(protocol));
  const numbers = wordsOf(values);
  return new Map(wordsOf(names).map((name, index) => [name, numbers[index] ?? '']));
};

/** A full table drops new connections; it exists only where a firewall keeps state. */
const conntrack = (host: Host): Sample[] => {
  const used = countIn(host.read(`${CONNTRACK}/nf_conntrack_count`));
  const most = countIn(host.read(`${CONNTRACK}/nf_conntrack_max`));
  return used === null || !most ? [] : sample('system.network.conntrack.utilization', used / most);
};
