/** Topics `muster/v1/{device}/{kind}`: nothing else exists for a device. */
export const DEVICE_ID = /^[a-z0-9][a-z0-9-]{0,62}$/;

/** Kinds that an agent publishes; `status` comes as the will only. */
export const UPWARD_KINDS = ['birth', 'report', 'rewards', 'event', 'status', 'result'] as const;
export type UpwardKind = (typeof UPWARD_KINDS)[number];
export type Kind = UpwardKind | 'command';

export interface Topic {
  device: string;
  kind: Kind;
}

const PREFIX = 'muster/v1/';
const KINDS = new Set<string>([...UPWARD_KINDS, 'command']);

export const topicOf = (device: string, kind: Kind): string => `${PREFIX}${device}/${kind}`;

/** The parts of a topic of this wire, or null. Exact: no wildcard, no further level. */
export const parseTopic = (topic: string): Topic | null => {
  if (!topic.startsWith(PREFIX)) return null;
  const slash = topic.indexOf('/', PREFIX.length);
  const device = topic.slice(PREFIX.length, slash);
  const kind = topic.slice(slash + 1);
  if (slash < 0 || !DEVICE_ID.test(device) || !KINDS.has(kind)) return null;
  return { device, kind: kind as Kind };
};

/** A host name as a device id: lower case, dashes for what is not allowed. */
export const asDeviceId = (name: string): string => {
  const id = name
    .toLowerCase()
    .replace(/\..*$/, '')
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+/, '')
    .slice(0, 63);
  return DEVICE_ID.test(id) ? id : 'device';
};
