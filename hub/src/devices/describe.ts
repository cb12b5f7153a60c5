/** What a device says about itself, cut to bounds; and a device as it starts. */
import type { About } from '@muster/shared/wire/messages';
import type { Device } from '../parts.js';
import { DEVICE_LIMITS as L } from './limits.js';

export const trimAbout = (about: About): About =>
  Object.fromEntries(
    Object.entries(about)
      .slice(0, L.about_fields)
      .map(([name, value]) => [name.slice(0, 80), typeof value === 'string' ? value.slice(0, L.about_chars) : value]),
  );

export const newDevice = (id: string, created_at: number, facts: Partial<Device> = {}): Device => ({
  id,
  name: id,
  site: null,
  tags: [],
  about: {},
  agent_version: null,
  interval_ms: null,
  carried_by: null,
  created_at,
  watts: null,
  purchase_price: null,
  hosting_share: null,
  ...facts,
});

/** The device with new facts; the same object when they are the old ones. */
export const withFacts = (device: Device, facts: Partial<Device>): Device => {
  const names = Object.keys(facts) as (keyof Device)[];
  const same = names.every((name) => JSON.stringify(facts[name]) === JSON.stringify(device[name]));
  return same ? device : { ...device, ...facts };
};
