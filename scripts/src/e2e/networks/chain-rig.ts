import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeFolder, type RunningHub, startAgent, startHub, until } from '../../testing/processes.js';

/** A hub and one device whose agent reads one reward source; what the hub's API says of it. */
export interface ChainRig {
  hub: RunningHub;
  /** Base units by token of the device, in the ledger of the last days. */
  earned(): Promise<Record<string, string>>;
  latest(metric: string): Promise<number | undefined>;
  networks(): Promise<
    { network: string; account: string; source: string; booked: boolean; state: string; last_error: string | null }[]
  >;
  stop(): Promise<void>;
}

interface EarningsReply {
  items: { key: string; streams: { network: string; token: string; decimals: number; amount: string; estimated: boolean }[] }[];
}
interface LatestReply {
  values: { metric: string; value: number }[];
}

const DEVICE = 'earner';
const DAY_MS = 86_400_000;

export const startChainRig = async (network: string, config: object): Promise<ChainRig> => {
  const [hubFolder, agentFolder] = [makeFolder(), makeFolder()];
  mkdirSync(join(agentFolder.path, 'agent'), { recursive: true });
  const settings = { networks: [{ network, config, every: 5_000 }] };
  writeFileSync(join(agentFolder.path, 'agent', 'settings.json'), JSON.stringify(settings), { mode: 0o600 });
  const hub = await startHub(hubFolder.path);
  const agent = await startAgent(hub, agentFolder.path, DEVICE);
  return {
    hub,
    async earned() {
      const range = `from=${Date.now() - 30 * DAY_MS}&to=${Date.now() + DAY_MS}`;
      const { items } = await hub.api.get<EarningsReply>(`/earnings?${range}&by=device&device=${DEVICE}`);
      const streams = items.flatMap((item) => item.streams);
      return Object.fromEntries(
        streams.map((one) => [`${one.network} ${one.token} ${one.decimals}${one.estimated ? ' estimated' : ''}`, one.amount]),
      );
    },
    async latest(metric) {
      const { values } = await hub.api.get<LatestReply>(`/devices/${DEVICE}/latest`);
      return values.find((one) => one.metric === metric)?.value;
    },
    networks: async () => (await hub.api.get<{ items: Awaited<ReturnType<ChainRig['networks']>> }>('/networks')).items,
    async stop() {
      await agent.stop();
      await hub.stop();
      for (const folder of [hubFolder, agentFolder]) folder.remove();
    },
  };
};

/** Waits until the ledger says exactly this. */
export const untilEarned = (rig: ChainRig, wanted: Record<string, string>): Promise<unknown> =>
  until(`the ledger to say ${JSON.stringify(wanted)}`, async () => {
    const found = await rig.earned();
    return JSON.stringify(found) === JSON.stringify(wanted);
  });
