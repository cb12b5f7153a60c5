import type { AlertsDesk, Latest } from '../parts.js';
import type { Frame } from './client.js';

export interface SnapshotNeeds {
  now: () => number;
  fleet: { json(): string };
  latest: Pick<Latest, 'of'>;
  /** Null leaves them out: a client that has only lost deltas has every alert event. */
  alerts: Pick<AlertsDesk, 'open'> | null;
  /** Number of the newest alert event that the snapshot knows. */
  event: number;
}

/** All that the channels show as it stands: one frame, and one more for each further device. */
export const snapshotFrames = (channels: ReadonlySet<string>, needs: SnapshotNeeds): Frame[] => {
  const devices = [...channels].filter((channel) => channel.startsWith('device:')).map((channel) => channel.slice(7));
  const parts = [opening(needs)];
  if (channels.has('fleet')) parts.push(`"devices":${needs.fleet.json()}`);
  if (channels.has('alerts') && needs.alerts) parts.push(`"alerts":${JSON.stringify(needs.alerts.open())}`);
  const [first, ...rest] = devices;
  if (first !== undefined) parts.push(deviceJson(first, needs));
  return [frame(parts), ...rest.map((device) => frame([opening(needs), deviceJson(device, needs)]))];
};

const opening = ({ now, event }: SnapshotNeeds): string => `"kind":"snapshot","now":${now()},"event":${event}`;
const deviceJson = (id: string, { latest }: SnapshotNeeds): string => `"device":${JSON.stringify({ id, values: latest.of(id) })}`;
/** Joined by hand: the fleet is serialised once for all who subscribe in the same moment. */
const frame = (parts: readonly string[]): Frame => Buffer.from(`{${parts.join(',')}}`);
