/** Who speaks for which device: new keys, carried devices, removal. Every device has one voice. */
import { AppError } from '@muster/shared/errors';
import { WIRE_LIMITS } from '@muster/shared/wire/limits';
import { DEVICE_ID } from '@muster/shared/wire/topics';
import type { Device } from '../parts.js';
import { makeCredential } from './credentials.js';
import { newDevice, trimAbout, withFacts } from './describe.js';
import { createEdit, document, type Edit, known, type Memory } from './memory.js';

/** The device, its key and everything under its name go; who carried it loses it, whom it carried stays. */
export const removal = (memory: Memory, id: string): Edit => {
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
export const enrolment = (memory: Memory, { id, key, carries, about, now }: Enrolment): Edit => {
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

export const carrying = (memory: Memory, { agent, devices, now }: Carrying): Edit => {
  known(memory, agent);
  const credential = memory.credentials.get(agent);
  if (!credential) throw new AppError('conflict', `"${agent}" has no key of its own, so it cannot carry devices`);
  checkIds(memory, agent, devices);
  const edit = createEdit(memory);
  edit.credential(agent, { ...credential, grant: { agent, devices: new Set([agent, ...devices]) } });
  assign(memory, edit, { agent, devices, now });
  return edit;
};

/** Devices that no agent speaks for. */
export const placing = (memory: Memory, edit: Edit, { devices, now }: Omit<Carrying, 'agent'>): string[] => {
  for (const id of devices) checkId(id);
  const made = [...new Set(devices)].filter((id) => !memory.devices.has(id));
  for (const id of made) edit.device(newDevice(id, now));
  return made;
};

/** Carried devices exist from the moment that a credential holds them. */
const assign = (memory: Memory, edit: Edit, { agent, devices, now }: Carrying) => {
  const wanted = new Set(devices.filter((id) => id !== agent));
  for (const device of [...memory.devices.values()])
    if (device.carried_by === agent && !wanted.has(device.id)) edit.device({ ...device, carried_by: null });
  for (const id of wanted) edit.device(withFacts(memory.devices.get(id) ?? newDevice(id, now), { carried_by: agent }));
};

const checkIds = (memory: Memory, agent: string, devices: readonly string[]) => {
  for (const id of [agent, ...devices]) checkId(id);
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

const checkId = (id: string) => {
  if (DEVICE_ID.test(id)) return;
  const sentence = `"${id.slice(0, 80)}" is not a device id; use 1-63 of a-z, 0-9 and -`;
  throw new AppError('bad_request', sentence, { path: 'device' });
};
