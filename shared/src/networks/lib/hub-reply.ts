import type { HubNetworkReply, NetworkReply } from '../../network.js';

/** A source that knows no devices, asked by the hub: its metrics belong to the one device it is set for; without one only its accounts count. */
export const asHubReply = (reply: NetworkReply, devices: readonly string[]): HubNetworkReply => {
  const [device, ...others] = devices;
  if (device === undefined || others.length > 0) return { devices: new Map(), accounts: reply.readings ?? [] };
  return { devices: new Map([[device, reply]]) };
};
