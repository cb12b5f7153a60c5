import type { LiveAlert } from '@muster/shared/wire/live';
import type { AlertDocument } from './journal.js';
import type { Held } from './lifecycle.js';

/** One (rule setting, device, subject) that is not ok, as the engine works with it; the board shows what was announced of it. */
export interface Cell {
  setting: string;
  device: string;
  subject: string;
  held: Held;
  /** Where the verdict asks for another delay than its rule. */
  delay?: number | undefined;
  alert: LiveAlert;
}

/** Cells by device, by alert id, and those that are pending. */
export const createCells = (documents: readonly AlertDocument[]) => {
  const byDevice = new Map<string, Map<string, Cell>>();
  const byAlert = new Map<string, Cell>();
  const pending = new Set<Cell>();

  const put = (cell: Cell) => {
    const cells = byDevice.get(cell.device) ?? new Map<string, Cell>();
    byDevice.set(cell.device, cells.set(keyOf(cell.setting, cell.subject), cell));
    byAlert.set(cell.alert.id, cell);
    if (cell.held.state === 'pending') pending.add(cell);
    else pending.delete(cell);
  };
  for (const document of documents) put(asCell(document));

  return {
    put,
    pending,
    byAlert: (id: string) => byAlert.get(id),
    has: (device: string) => byDevice.has(device),
    /** The settings that something of the device is open of. */
    settings: (device: string): readonly string[] => {
      const cells = byDevice.get(device);
      return cells ? [...cells.values()].map(({ setting }) => setting) : NONE;
    },
    devices: () => byDevice.keys(),
    /** Devices with at least one. */
    count: () => byDevice.size,
    of: (device: string): Cell[] => [...(byDevice.get(device)?.values() ?? [])],
    find: (device: string, setting: string, subject: string) => byDevice.get(device)?.get(keyOf(setting, subject)),
    delete(cell: Cell) {
      const cells = byDevice.get(cell.device);
      cells?.delete(keyOf(cell.setting, cell.subject));
      if (cells?.size === 0) byDevice.delete(cell.device);
      byAlert.delete(cell.alert.id);
      pending.delete(cell);
    },
  };
};

const NONE: readonly string[] = [];

const keyOf = (setting: string, subject: string): string => `${setting}\n${subject}`;

const asCell = ({ alert, setting, subject }: AlertDocument): Cell => ({
  setting,
  device: alert.device,
  subject,
  alert,
  held:
    alert.fired_at === null
      ? { state: 'pending', since: alert.since }
      : { state: 'firing', since: alert.since, fired_at: alert.fired_at, ...(alert.flapping && { bad_since: null }) },
});
