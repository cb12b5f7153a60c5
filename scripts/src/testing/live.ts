import type { LiveAlertEvent, LiveMessage, PresenceState } from '@muster/shared/wire/live';
import WebSocket from 'ws';
import type { HubAccess } from '../api.js';
import { until } from './processes.js';

/** A listener on `/api/v1/live` that keeps what it heard, with the time of hearing. */
export interface LiveListener {
  messages: { at: number; message: LiveMessage }[];
  events(): LiveAlertEvent[];
  /** When a device was first told to be in this state after `since` (ms); waits for it. */
  state(device: string, state: PresenceState, since?: number): Promise<number>;
  /** The first alert event of a device with this change after `since`; waits for it. */
  alert(device: string, change: LiveAlertEvent['change'], since?: number): Promise<{ at: number; event: LiveAlertEvent }>;
  close(): void;
}

export const listenLive = async (
  access: HubAccess,
  channels: readonly string[] = ['fleet', 'alerts'],
  after?: number,
): Promise<LiveListener> => {
  const socket = new WebSocket(`${access.url.replace(/^http/, 'ws')}/api/v1/live`, {
    headers: { authorization: `Bearer ${access.token}` },
  });
  const messages: LiveListener['messages'] = [];
  socket.on('message', (data) => messages.push({ at: Date.now(), message: JSON.parse(String(data)) as LiveMessage }));
  await new Promise((resolve, reject) => {
    socket.on('open', resolve);
    socket.on('error', reject);
  });
  socket.on('error', () => {});
  socket.send(JSON.stringify({ kind: 'subscribe', channels, ...(after === undefined ? {} : { after }) }));
  await until('the live snapshot', () => messages.find(({ message }) => message.kind === 'snapshot'));
  return {
    messages,
    events: () => messages.flatMap(({ message }) => (message.kind === 'alert' ? [message.event] : [])),
    state: (device, state, since = 0) => until(`${device} to be ${state}`, () => stateAt(messages, { device, state, since })),
    alert: (device, change, since = 0) =>
      until(`an alert of ${device} to be ${change}`, () => alertAt(messages, { device, change, since })),
    close: () => socket.terminate(),
  };
};

const stateAt = (
  messages: LiveListener['messages'],
  { device, state, since }: { device: string; state: PresenceState; since: number },
) =>
  messages.find(({ at, message }) => {
    if (at < since || (message.kind !== 'devices' && message.kind !== 'snapshot')) return false;
    return message.devices?.some((one) => one.id === device && one.state === state);
  })?.at;

const alertAt = (
  messages: LiveListener['messages'],
  { device, change, since }: { device: string; change: string; since: number },
) => {
  const heard = messages.find(
    ({ at, message }) =>
      at >= since && message.kind === 'alert' && message.event.change === change && message.event.alert.device === device,
  );
  return heard?.message.kind === 'alert' ? { at: heard.at, event: heard.message.event } : undefined;
};
