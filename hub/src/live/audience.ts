import type { Frame, LiveClient } from './client.js';

export const channelOf = (device: string): string => `device:${device}`;

/** Which client listens to which channel. */
export const createAudience = () => {
  const channels = new Map<string, Set<LiveClient>>();
  const of = (channel: string): Iterable<LiveClient> => channels.get(channel) ?? [];
  const leave = (client: LiveClient): void => {
    for (const channel of client.channels) {
      const members = channels.get(channel);
      members?.delete(client);
      if (members?.size === 0) channels.delete(channel);
    }
    client.channels = new Set();
  };
  return {
    of,
    leave,
    /** Replaces what the client listened to. */
    join(client: LiveClient, wanted: readonly string[]): void {
      leave(client);
      client.channels = new Set(wanted);
      for (const channel of client.channels) {
        const members = channels.get(channel) ?? new Set();
        channels.set(channel, members.add(client));
      }
    },
    hears: (channel: string): boolean => channels.has(channel),
    /** A delta for all of a channel. */
    offer(channel: string, frame: Frame): void {
      for (const client of of(channel)) client.offer(frame);
    },
  };
};
export type Audience = ReturnType<typeof createAudience>;
