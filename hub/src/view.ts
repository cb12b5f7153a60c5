import type { LiveDevice } from '@muster/shared/wire/live';
import type { AlertsDesk, Device, EarningsBook, Latest, PresenceKeeper, Registry } from './parts.js';

/** One line of the fleet list, put together from the parts. */
export interface ViewNeeds {
  registry: Registry;
  presence: PresenceKeeper;
  latest: Latest;
  alerts: AlertsDesk;
  earnings: EarningsBook;
}

/** Series that the fleet list shows; of several file systems or sensors it shows the worst. */
const MAIN = new Set([
  'system.cpu.utilization',
  'system.memory.utilization',
  'system.filesystem.utilization',
  'hw.temperature',
  'hw.gpu.utilization',
  'hw.host.power',
  'hw.power',
  'system.uptime',
]);

export const createViews = (needs: ViewNeeds) => {
  const of = (device: Device): LiveDevice => {
    const { state, since, last_seen, boot } = needs.presence.get(device.id);
    return {
      id: device.id,
      name: device.name,
      state,
      since,
      last_seen,
      boot,
      site: device.site,
      tags: device.tags,
      carried_by: device.carried_by,
      main: mainValues(needs.latest, device.id),
      earnings_today: needs.earnings.today(device.id),
      alerts: needs.alerts.counts(device.id),
    };
  };
  return {
    view: (id: string): LiveDevice | undefined => {
      const device = needs.registry.get(id);
      return device && of(device);
    },
    views: (): LiveDevice[] => [...needs.registry.all()].map(of),
  };
};

/** By metric id: the highest value of its series. */
const mainValues = (latest: Latest, device: string): Record<string, number> => {
  const main: Record<string, number> = {};
  for (const { metric, value } of latest.of(device)) {
    if (MAIN.has(metric)) main[metric] = Math.max(main[metric] ?? Number.NEGATIVE_INFINITY, value);
  }
  return main;
};
