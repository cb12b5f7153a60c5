/** Devices, their credentials, columns and metrics: all in memory, mirrored as documents. */
import { AppError } from '@muster/shared/errors';
import type { Log } from '@muster/shared/log';
import { createSignal } from '@muster/shared/signal';
import { WIRE_LIMITS } from '@muster/shared/wire/limits';
import type { Birth, WireMetric } from '@muster/shared/wire/messages';
import { DEVICE_ID } from '@muster/shared/wire/topics';
import type { Grant } from '../bus/bus.js';
import type { Device, DevicePatch, Registry, Site } from '../parts.js';
import { createShelf, documentsOf } from '../shelf.js';
import type { Change, Json, Recovered, Writer } from '../store/store.js';
import { type Columns, checkColumns, createColumnShelf } from './columns.js';
import { asStored, type Credential, createCredentials, makeCredential, type StoredCredential } from './credentials.js';
import { createDeclarations } from './declarations.js';
import { newDevice, trimAbout, withFacts } from './describe.js';
import { newKey, type Random } from './keys.js';
import { createWaiting } from './waiting.js';

export interface RegistryNeeds {
  writer: Writer;
  now: () => number;
  random: Random;
  log: Log;
}

export const createRegistry = (needs: RegistryNeeds, documents: Recovered['documents']): Registry => {
  const memory = recall(documents);
  const sites = createShelf<Site>('sites', needs.writer, documentsOf<Site>(documents, 'sites').values());
  const changed = createSignal<string>();
  const removed = createSignal<string>();
  const revoked = createSignal<string>();
  const announce = (ids: Iterable<string>) => {
    for (const id of ids) changed.emit(id);
  };
  /** Memory has changed already; what the store refuses is taken back. */
  const commit = async (edit: Edit) => {
    try {
      await needs.writer.write(edit.changes());
    } catch (error) {
      edit.undo();
      throw error;
    }
  };

  return {
    get: (id) => memory.devices.get(id),
    all: () => memory.devices.values(),
    async patch(id, patch) {
      const edit = createEdit(memory);
      const device = known(memory, id);
      checkPatch(patch, sites.get(patch.site ?? '') !== undefined);
      edit.device(withFacts(device, patch));
      await commit(edit);
      changed.emit(id);
      return known(memory, id);
    },
    async remove(id) {
      known(memory, id);
      const edit = removal(memory, id);
      await commit(edit);
      for (const agent of edit.agents()) revoked.emit(agent);
      memory.columns.forget(id);
      memory.declarations.forget(id);
      memory.waiting.forget(id);
      needs.log.info('device removed', { device: id });
      removed.emit(id);
      announce(edit.touched(id));
    },
    async credential(id, { carries, about }) {
      const existed = memory.credentials.get(id) !== undefined;
      const key = newKey(needs.random);
      const edit = enrolment(memory, { id, key, carries, about, now: needs.now() });
      await commit(edit);
      for (const agent of edit.agents()) if (existed || agent !== id) revoked.emit(agent);
      announce(edit.touched());
      return { key };
    },
    async carries(agent, devices) {
      const edit = carrying(memory, { agent, devices, now: needs.now() });
      await commit(edit);
      memory.waiting.forget(agent);
      revoked.emit(agent);
      announce(edit.touched());
    },
    verify: (agent, password) => memory.credentials.verify(agent, password),
    born: (grant, birth) => {
      const { changes, touched } = takeBirth(memory, grant, birth);
      announce(touched);
      return changes;
    },
    columns: (device, id) => memory.columns.get(device, id),
    declaration: (device, metric) => memory.declarations.of(device, metric),
    catalogue: () => memory.declarations.all(),
    waiting: () => memory.waiting.all(),
    sites,
    changed,
    removed,
    revoked,
  };
};

type Memory = ReturnType<typeof recall>;

const recall = (documents: Recovered['documents']) => {
  const columns = createColumnShelf();
  for (const [key, list] of documentsOf<Columns>(documents, 'columns')) {
    const [device = '', id = ''] = key.split('/');
    columns.put(device, { id, columns: list });
  }
  const declarations = createDeclarations();
  for (const [device, list] of documentsOf<WireMetric[]>(documents, 'metrics')) declarations.add(device, list);
  const credentials = createCredentials(documentsOf<StoredCredential>(documents, 'credentials'));
  return { devices: documentsOf<Device>(documents, 'devices'), credentials, columns, declarations, waiting: createWaiting() };
};

const known = (memory: Memory, id: string): Device => {
  const device = memory.devices.get(id);
  if (!device) throw new AppError('not_found', `There is no device "${id}"`, { path: 'device' });
  return device;
};

const checkPatch = (patch: DevicePatch, site_exists: boolean) => {
  if (patch.site && !site_exists)
    throw new AppError('not_found', `There is no site "${patch.site}"; make it first`, { path: 'site' });
};

/** Changes to devices and credentials that reach memory at once and the store together, or neither. */
interface Edit {
  device(device: Device): void;
  dropDevice(id: string): void;
  credential(agent: string, credential: Credential | undefined): void;
  /** Devices and agents touched so far. */
  touched(but?: string): string[];
  agents(): string[];
  changes(): Change[];
  undo(): void;
}

const createEdit = (memory: Memory, first: readonly Change[] = []): Edit => {
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

const document = (collection: string, key: string, value: Json): Change => ({ kind: 'document', collection, key, value });
const stored = (credential: Credential | undefined): Json => (credential ? asStored(credential) : null);

/** The device, its key and everything under its name go; who carried it loses it, whom it carried stays. */
const removal = (memory: Memory, id: string): Edit => {
  const lists = memory.columns.ids(id).map((list) => document('columns', `${id}/${list}`, null));
  const edit = createEdit(memory, [{ kind: 'forget', device: id }, ...lists, document('metrics', id, null)]);
  leaveCarrier(memory, edit, known(memory, id));
  for (const device of memory.devices.values()) if (device.carried_by === id) edit.device({ ...device, carried_by: null });
  if (memory.credentials.get(id)) edit.credential(id, undefined);
  edit.dropDevice(id);
  return edit;
};

const leaveCarrier = (memory: Memory, edit: Edit, device: Device) => {
  const carrier = device.carried_by === null ? undefined : memory.credentials.get(device.carried_by);
  if (!carrier) return;
  const devices = new Set([...carrier.grant.devices].filter((id) => id !== device.id));
  edit.credential(carrier.grant.agent, { ...carrier, grant: { ...carrier.grant, devices } });
};

interface Enrolment {
  id: string;
  key: string;
  carries: readonly string[] | undefined;
  about: Device['about'] | undefined;
  now: number;
}

/** A key for a device, made when it is new; a carried device speaks for itself from now on. */
const enrolment = (memory: Memory, { id, key, carries, about, now }: Enrolment): Edit => {
  checkIds(memory, id, carries ?? []);
  const edit = createEdit(memory);
  const before = memory.devices.get(id);
  if (before) leaveCarrier(memory, edit, before);
  const facts = about ? { about: trimAbout(about) } : {};
  edit.device(withFacts(before ?? newDevice(id, now), { carried_by: null, ...facts }));
  const devices = carries ?? memory.credentials.get(id)?.grant.devices ?? [];
  edit.credential(id, makeCredential(id, key, { devices, created_at: now }));
  if (carries) assign(memory, edit, { agent: id, devices: carries, now });
  return edit;
};

interface Carrying {
  agent: string;
  devices: readonly string[];
  now: number;
}

const carrying = (memory: Memory, { agent, devices, now }: Carrying): Edit => {
  known(memory, agent);
  const credential = memory.credentials.get(agent);
  if (!credential) throw new AppError('conflict', `"${agent}" has no key of its own, so it cannot carry devices`);
  checkIds(memory, agent, devices);
  const edit = createEdit(memory);
  edit.credential(agent, { ...credential, grant: { agent, devices: new Set([agent, ...devices]) } });
  assign(memory, edit, { agent, devices, now });
  return edit;
};

/** Carried devices exist from the moment that a credential holds them. */
const assign = (memory: Memory, edit: Edit, { agent, devices, now }: Carrying) => {
  const wanted = new Set(devices.filter((id) => id !== agent));
  for (const device of [...memory.devices.values()])
    if (device.carried_by === agent && !wanted.has(device.id)) edit.device({ ...device, carried_by: null });
  for (const id of wanted) edit.device(withFacts(memory.devices.get(id) ?? newDevice(id, now), { carried_by: agent }));
};

const checkIds = (memory: Memory, agent: string, devices: readonly string[]) => {
  const wrong = [agent, ...devices].find((id) => !DEVICE_ID.test(id));
  if (wrong !== undefined)
    throw new AppError('bad_request', `"${wrong.slice(0, 80)}" is not a device id; use 1-63 of a-z, 0-9 and -`, {
      path: 'device',
    });
  if (devices.length > WIRE_LIMITS.carried)
    throw new AppError('bad_request', `An agent carries at most ${WIRE_LIMITS.carried} devices; split them`, { path: 'carries' });
  for (const id of devices) if (id !== agent) checkFree(memory, agent, id);
};

const checkFree = (memory: Memory, agent: string, id: string) => {
  const carrier = memory.devices.get(id)?.carried_by ?? null;
  const why = memory.credentials.get(id)
    ? 'speaks for itself'
    : carrier !== null && carrier !== agent
      ? `is carried by "${carrier}"`
      : '';
  if (why)
    throw new AppError('conflict', `"${id}" ${why}`, { path: 'carries', hint: 'Remove it there first, or choose another id' });
};

/** Checks everything before the first change, so that a refused birth leaves nothing behind. */
const takeBirth = (memory: Memory, grant: Grant, birth: Birth) => {
  known(memory, grant.agent);
  const lists = birth.columns.map((list) => ({ device: list.device ?? grant.agent, ...checkColumns(list) }));
  const mine = lists.filter(({ device }) => grant.devices.has(device) && memory.devices.has(device));
  const edit = createEdit(memory);
  describeAll(memory, edit, { grant, birth });
  const changes = [...(edit.touched().length ? edit.changes() : []), ...mine.flatMap((list) => shelve(memory, list))];
  const speaking = new Set([grant.agent, ...mine.map(({ device }) => device)]);
  for (const device of speaking) changes.push(...declare(memory, device, birth.metrics));
  return { changes, touched: edit.touched() };
};

const describeAll = (memory: Memory, edit: Edit, { grant, birth }: { grant: Grant; birth: Birth }) => {
  const update = (id: string, facts: Partial<Device>) => {
    const device = memory.devices.get(id);
    const next = device && withFacts(device, facts);
    if (next && next !== device) edit.device(next);
  };
  const { agent_version, interval_ms, about, boot, session } = birth;
  update(grant.agent, { agent_version, interval_ms, about: trimAbout(about) });
  const carried = birth.carries ?? [];
  for (const { device, about, interval_ms } of carried)
    if (device !== grant.agent && grant.devices.has(device))
      update(device, { ...(about ? { about: trimAbout(about) } : {}), interval_ms: interval_ms ?? birth.interval_ms });
  const strangers = carried.map(({ device }) => device).filter((device) => !grant.devices.has(device));
  memory.waiting.named(grant.agent, `${boot} ${session}`, strangers);
};

const shelve = (memory: Memory, { device, id, columns }: { device: string; id: string; columns: Columns }): Change[] => {
  const gone = memory.columns.put(device, { id, columns });
  if (gone === null) return [];
  const held = memory.columns.get(device, id) ?? columns;
  return [
    document('columns', `${device}/${id}`, held as string[]),
    ...gone.map((old) => document('columns', `${device}/${old}`, null)),
  ];
};

const declare = (memory: Memory, device: string, metrics: readonly WireMetric[]): Change[] => {
  const list = memory.declarations.add(device, metrics);
  return list ? [document('metrics', device, list as Json)] : [];
};
