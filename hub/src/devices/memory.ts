/** What the registry holds in memory, and edits of it that reach memory at once and the store together, or neither. */
import { AppError } from '@muster/shared/errors';
import type { WireMetric } from '@muster/shared/wire/messages';
import type { Device } from '../parts.js';
import { documentsOf } from '../shelf.js';
import type { Change, Json, Recovered } from '../store/store.js';
import { type Columns, createColumnShelf } from './columns.js';
import { asStored, type Credential, createCredentials, type StoredCredential } from './credentials.js';
import { createDeclarations } from './declarations.js';
import { createWaiting } from './waiting.js';

export type Memory = ReturnType<typeof recall>;

export const recall = (documents: Recovered['documents']) => {
  const columns = createColumnShelf();
  for (const [key, list] of documentsOf<Columns>(documents, 'columns')) {
    const [device = '', id = ''] = key.split('/');
    columns.restore(device, { id, columns: list });
  }
  const declarations = createDeclarations();
  for (const [device, list] of documentsOf<WireMetric[]>(documents, 'metrics')) declarations.restore(device, list);
  const credentials = createCredentials(documentsOf<StoredCredential>(documents, 'credentials'));
  return { devices: documentsOf<Device>(documents, 'devices'), credentials, columns, declarations, waiting: createWaiting() };
};

export const known = (memory: Memory, id: string): Device => {
  const device = memory.devices.get(id);
  if (!device) throw new AppError('not_found', `There is no device "${id}"`, { path: 'device' });
  return device;
};

/** Changes to devices and credentials that reach memory at once and the store together, or neither. */
export interface Edit {
  device(device: Device): void;
  dropDevice(id: string): void;
  credential(agent: string, credential: Credential | undefined): void;
  /** Devices and agents touched so far. */
  touched(but?: string): string[];
  agents(): string[];
  changes(): Change[];
  undo(): void;
}

export const createEdit = (memory: Memory, first: readonly Change[] = []): Edit => {
  const devices = new Map<string, Device | undefined>();
  const agents = new Map<string, Credential | undefined>();
  const remember = <T>(before: Map<string, T>, id: string, value: T) => {
    if (!before.has(id)) before.set(id, value);
  };
  return {
    device(device) {
      remember(devices, device.id, memory.devices.get(device.id));
      memory.devices.set(device.id, device);
    },
    dropDevice(id) {
      remember(devices, id, memory.devices.get(id));
      memory.devices.delete(id);
    },
    credential(agent, credential) {
      remember(agents, agent, memory.credentials.get(agent));
      memory.credentials.set(agent, credential);
    },
    touched: (but) => [...devices.keys()].filter((id) => id !== but),
    agents: () => [...agents.keys()],
    changes: () => [
      ...first,
      ...[...devices.keys()].map((id) => document('devices', id, (memory.devices.get(id) ?? null) as unknown as Json)),
      ...[...agents.keys()].map((id) => document('credentials', id, stored(memory.credentials.get(id)))),
    ],
    undo() {
      for (const [id, before] of devices)
        if (before) memory.devices.set(id, before);
        else memory.devices.delete(id);
      for (const [agent, before] of agents) memory.credentials.set(agent, before);
    },
  };
};

export const document = (collection: string, key: string, value: Json): Change => ({ kind: 'document', collection, key, value });
const stored = (credential: Credential | undefined): Json => (credential ? asStored(credential) : null);
