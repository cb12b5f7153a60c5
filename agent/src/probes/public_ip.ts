import { isIP } from 'node:net';
import { counter, gauge } from '@muster/shared/metrics';
import { mapped, sample } from '@muster/shared/parse';
import { url } from '@muster/shared/schema';
import * as v from 'valibot';
import { defineProbe } from '../probe.js';

const settings = v.object({
  url: v.optional(
    v.pipe(url(), v.description('A page that answers the address of whoever asks as plain text; it is asked every ten minutes')),
  ),
});

interface Memory {
  address: string | null;
  changes: number;
  changed_at: number | null;
}

/** The address stays in the memory of the agent: it is neither reported nor stored, only that it changed. */
export default defineProbe<Memory, v.InferOutput<typeof settings>>({
  id: 'public_ip',
  title: 'Public address',
  every: 600_000,
  deadline: 8_000,
  metrics: {
    'system.network.public_address.known': gauge('1', 'Whether the public address could be asked for'),
    'system.network.public_address.changes': counter('{change}', 'Changes of the public address'),
    'system.network.public_address.age': gauge('s', 'Time since the public address changed', { resolution: 1 }),
  },
  settings,
  silent:
    'Off, because whoever is asked learns the address: set probes.public_ip.url to a page that answers the address of the caller as text (such as https://icanhazip.com, or one of your own)',
  memory: () => ({ address: null, changes: 0, changed_at: null }),
  async read({ host, memory, settings: { url: page } }) {
    if (page === undefined) return null;
    const reply = await host.http({ url: page });
    const address = reply?.status === 200 ? reply.text.trim() : '';
    const known = isIP(address) !== 0;
    if (known && memory.address !== null && memory.address !== address) {
      memory.changes++;
      memory.changed_at = host.monotonic();
    }
    if (known) memory.address = address;
    return [
      ...sample('system.network.public_address.known', known ? 1 : 0),
      ...sample('system.network.public_address.changes', memory.address === null ? null : memory.changes),
      ...sample(
        'system.network.public_address.age',
        mapped(memory.changed_at, (at) => (host.monotonic() - at) / 1_000),
      ),
    ];
  },
});
