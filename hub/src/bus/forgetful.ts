import { Readable } from 'node:stream';

/**
 * What aedes keeps and routes, kept and routed nowhere: no device hears another, commands go straight to their client, and the
 * store alone remembers. So no session, will, retained message or queue can fill the hub (broker-traps 9 and 13).
 */
export const createNoRouting = () => ({
  on: (_topic: string, _listener: unknown, done?: () => void) => done?.(),
  removeListener: (_topic: string, _listener: unknown, done?: () => void) => done?.(),
  emit: (_packet: unknown, done?: () => void) => done?.(),
  close: (done?: () => void) => done?.(),
});

const nothing = async (): Promise<void> => {};
const empty = (): Readable => Readable.from([]);

export const createNoPersistence = () => ({
  setup: async (_broker: unknown): Promise<void> => {},
  storeRetained: nothing,
  createRetainedStreamCombi: empty,
  addSubscriptions: nothing,
  removeSubscriptions: nothing,
  cleanSubscriptions: nothing,
  subscriptionsByClient: async () => [],
  subscriptionsByTopic: async () => [],
  outgoingEnqueue: nothing,
  outgoingEnqueueCombi: nothing,
  outgoingUpdate: nothing,
  outgoingClearMessageId: nothing,
  outgoingStream: empty,
  /** QoS 2: a PUBLISH is always new (the store knows a second one by its key), a PUBREL always known (it frees its slot). */
  incomingGetPacket: (_client: unknown, packet: { cmd: string }) =>
    packet.cmd === 'pubrel' ? Promise.resolve(packet) : Promise.reject(new Error('not kept')),
  incomingStorePacket: nothing,
  incomingDelPacket: nothing,
  cleanIncoming: nothing,
  putWill: nothing,
  delWill: nothing,
  streamWill: empty,
  destroy: nothing,
});
