/** What a birth says about its agent, the devices it carries, their columns and metrics. */
import type { Birth, WireMetric } from '@muster/shared/wire/messages';
import type { Grant } from '../bus/bus.js';
import type { Device } from '../parts.js';
import type { Change, Json } from '../store/store.js';
import { type Columns, checkColumns } from './columns.js';
import { trimAbout, withFacts } from './describe.js';
import { createEdit, document, type Edit, known, type Memory } from './memory.js';

/** Checks everything before the first change, so that a refused birth leaves nothing behind. */
export const takeBirth = (memory: Memory, grant: Grant, birth: Birth) => {
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

export const declare = (memory: Memory, device: string, metrics: readonly WireMetric[]): Change[] => {
  const list = memory.declarations.add(device, metrics);
  return list ? [document('metrics', device, list as Json)] : [];
};
