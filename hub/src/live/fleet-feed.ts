import type { LiveDevice } from '@muster/shared/wire/live';
import { type Audience, channelOf } from './audience.js';
import { frameOf } from './client.js';

export interface FleetFeedNeeds {
  view: (device: string) => LiveDevice | undefined;
  views: () => LiveDevice[];
  audience: Audience;
  /** Runs a task after the present one, once for many changes of the same moment. */
  soon: (task: () => void) => void;
}

/** Lines of the fleet list that change between two ticks; each frame is serialised once for all who listen. */
export const createFleetFeed = ({ view, views, audience, soon }: FleetFeedNeeds, limits: { urgent_frames: number }) => {
  const changed = new Set<string>();
  const urgent = new Set<string>();
  const removed = new Set<string>();
  let urgentFrames = 0;
  let asked = false;
  /** Good until the next frame leaves: whoever subscribes before that gets the frame too. */
  let json: string | null = null;

  const heard = (device: string): boolean => {
    const someone = audience.hears('fleet') || audience.hears(channelOf(device));
    if (!someone) json = null;
    return someone;
  };
  const send = (ids: Iterable<string>, gone: readonly string[]): void => {
    json = null;
    const devices = [...ids].flatMap((id) => view(id) ?? []);
    if (devices.length === 0 && gone.length === 0) return;
    if (audience.hears('fleet'))
      audience.offer('fleet', frameOf({ kind: 'devices', devices, ...(gone.length > 0 && { removed: [...gone] }) }));
    for (const device of devices) sendToWatchers(audience, device);
  };
  const flushUrgent = (): void => {
    asked = false;
    if (urgent.size === 0) return;
    urgentFrames += 1;
    for (const id of urgent) changed.delete(id);
    send(urgent, []);
    urgent.clear();
  };

  return {
    /** Shown at the next tick. */
    change(device: string): void {
      if (heard(device)) changed.add(device);
    },
    /** Shown at once, many of the same moment in one frame; when a whole fleet comes back, the rest waits for the tick. */
    changeNow(device: string): void {
      if (!heard(device)) return;
      urgent.add(device);
      if (asked || urgentFrames >= limits.urgent_frames) return;
      asked = true;
      soon(flushUrgent);
    },
    remove(device: string): void {
      changed.delete(device);
      urgent.delete(device);
      if (audience.hears('fleet')) removed.add(device);
      else json = null;
    },
    tick(): void {
      urgentFrames = 0;
      for (const id of urgent) changed.add(id);
      urgent.clear();
      send(changed, [...removed]);
      changed.clear();
      removed.clear();
    },
    json(): string {
      json ??= JSON.stringify(views());
      return json;
    },
  };
};
export type FleetFeed = ReturnType<typeof createFleetFeed>;

/** Those who watch the device and not the fleet. */
const sendToWatchers = (audience: Audience, device: LiveDevice): void => {
  const watchers = [...audience.of(channelOf(device.id))].filter((client) => !client.channels.has('fleet'));
  if (watchers.length === 0) return;
  const frame = frameOf({ kind: 'devices', devices: [device] });
  for (const client of watchers) client.offer(frame);
};
