import type { LiveDevice, LiveMessage, LiveValue } from '@muster/shared/wire/live';
import { batch, signal } from '@preact/signals';
import { createAlertBoard, type EventMemory } from './alert-board.js';
import { mergeDevices } from './fleet.js';

/** Everything live on the screen, fed by the messages of the live channel. */
export interface BoardNeeds {
  now(): number;
  memory: EventMemory;
  /** Alerts must be fetched anew: events were missed for good. */
  gap(): void;
}

const createFleetBoard = () => {
  const devices = new Map<string, LiveDevice>();
  /** Rises with every change of a value; `places` only when lines may change places. */
  const version = signal(0);
  const places = signal(0);
  const loaded = signal(false);
  const takeDevices = (list: readonly LiveDevice[], removed: readonly string[] | undefined) => {
    if (mergeDevices(devices, list, removed)) places.value += 1;
    version.value += 1;
  };
  return {
    devices,
    version,
    places,
    loaded,
    takeDevices,
    takeFleet(list: readonly LiveDevice[]): void {
      const listed = new Set(list.map((device) => device.id));
      takeDevices(
        list,
        [...devices.keys()].filter((id) => !listed.has(id)),
      );
      loaded.value = true;
    },
    takeEarnings(id: string, earnings_today: LiveDevice['earnings_today']): void {
      const known = devices.get(id);
      if (known) takeDevices([{ ...known, earnings_today }], []);
    },
  };
};

export const createBoard = (needs: BoardNeeds) => {
  const { takeDevices, takeFleet, takeEarnings, ...fleet } = createFleetBoard();
  const { takeEvent, takeSnapshot, ...alerts } = createAlertBoard(needs.memory);
  const offset = signal(0);
  /** Newest values of the device that is looked at. */
  const watched = signal<{ id: string; fresh: readonly LiveValue[] } | null>(null);

  const openWith = (message: Extract<LiveMessage, { kind: 'snapshot' }>) => {
    offset.value = message.now - needs.now();
    if (message.devices) takeFleet(message.devices);
    if (message.device) watched.value = { id: message.device.id, fresh: message.device.values };
    takeSnapshot(message.alerts, message.event);
  };
  return {
    ...fleet,
    ...alerts,
    watched,
    /** By the hub's clock. */
    now: () => needs.now() + offset.value,
    take(message: LiveMessage): void {
      batch(() => {
        if (message.kind === 'snapshot') openWith(message);
        else if (message.kind === 'devices') takeDevices(message.devices, message.removed);
        else if (message.kind === 'samples') watched.value = { id: message.device, fresh: message.values };
        else if (message.kind === 'alert') takeEvent(message.event);
        else if (message.kind === 'alerts') alerts.putAlerts(message.alerts);
        else if (message.kind === 'earnings') takeEarnings(message.device, message.earnings_today);
        else if (message.kind === 'gap') needs.gap();
      });
    },
  };
};
export type Board = ReturnType<typeof createBoard>;
