/** Devices, their credentials, columns and metrics: all in memory, mirrored as documents. */
import { AppError } from '@muster/shared/errors';
import type { Log } from '@muster/shared/log';
import { createSignal } from '@muster/shared/signal';
import type { WireMetric } from '@muster/shared/wire/messages';
import type { DevicePatch, Registry, Site } from '../parts.js';
import { createShelf, documentsOf } from '../shelf.js';
import type { Recovered, Writer } from '../store/store.js';
import { declare, takeBirth } from './birth.js';
import { withFacts } from './describe.js';
import { carrying, enrolment, placing, removal } from './edits.js';
import { newKey, type Random } from './keys.js';
import { createEdit, type Edit, known, type Memory, recall } from './memory.js';

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
  const commit = (edit: Edit) => commitEdit(needs.writer, edit);

  return {
    ...queries(memory),
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
      forget(memory, id);
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
    async place(devices) {
      const edit = createEdit(memory);
      const made = placing(memory, edit, { devices, now: needs.now() });
      if (made.length > 0) await commit(edit);
      announce(made);
      return made;
    },
    born: (grant, birth) => {
      const { changes, touched } = takeBirth(memory, grant, birth);
      announce(touched);
      return changes;
    },
    sites,
    changed,
    removed,
    revoked,
  };
};

/** Memory has changed already; what the store refuses is taken back. */
const commitEdit = async (writer: Writer, edit: Edit): Promise<void> => {
  try {
    await writer.write(edit.changes());
  } catch (error) {
    edit.undo();
    throw error;
  }
};

const forget = (memory: Memory, id: string) => {
  memory.columns.forget(id);
  memory.declarations.forget(id);
  memory.waiting.forget(id);
};

const checkPatch = (patch: DevicePatch, site_exists: boolean) => {
  if (patch.site && !site_exists)
    throw new AppError('not_found', `There is no site "${patch.site}"; make it first`, { path: 'site' });
};

const queries = (memory: Memory) => ({
  get: (id: string) => memory.devices.get(id),
  all: () => memory.devices.values(),
  verify: (agent: string, password: Uint8Array) => memory.credentials.verify(agent, password),
  columns: (device: string, id: string) => memory.columns.get(device, id),
  declaration: (device: string, metric: string) => memory.declarations.of(device, metric),
  catalogue: () => memory.declarations.all(),
  waiting: () => memory.waiting.all(),
  declare: (device: string, metrics: readonly WireMetric[]) =>
    memory.devices.has(device) ? declare(memory, device, metrics) : [],
});
