import type { LiveAlert } from '@muster/shared/wire/live';

/** Resolved alerts kept in memory, newest; older ones are in the event log. */
const RESOLVED = 500;

/** Alerts as announced: open ones by device, and the lately resolved. */
export const createBoard = (recovered: readonly LiveAlert[]) => {
  const open = new Map<string, LiveAlert>();
  const byDevice = new Map<string, Set<string>>();
  const resolved = new Map<string, LiveAlert>();
  /** Newest event shown of an alert, while one of its events still waits for the store. */
  const shown = new Map<string, number>();

  const put = (alert: LiveAlert, number: number) => {
    if ((shown.get(alert.id) ?? 0) > number) return;
    shown.set(alert.id, number);
    if (alert.state === 'resolved') close(alert);
    else {
      open.set(alert.id, alert);
      idsOf(alert.device).add(alert.id);
    }
  };
  const close = (alert: LiveAlert) => {
    open.delete(alert.id);
    const ids = byDevice.get(alert.device);
    ids?.delete(alert.id);
    if (ids?.size === 0) byDevice.delete(alert.device);
    // One that was cancelled never fired: nobody needs to read about it.
    if (alert.fired_at !== null) resolved.set(alert.id, alert);
    for (const id of resolved.keys()) if (resolved.size > RESOLVED) resolved.delete(id);
  };
  const idsOf = (device: string): Set<string> => {
    const ids = byDevice.get(device) ?? new Set<string>();
    byDevice.set(device, ids);
    return ids;
  };
  const get = (id: string) => open.get(id) ?? resolved.get(id);
  for (const alert of recovered) put(alert, alert.event);

  return {
    put,
    get,
    open: (): LiveAlert[] => [...open.values()],
    numberOf: (id: string): number => get(id)?.event ?? 0,
    /** Its events up to `number` are stored. */
    settled(id: string, number: number) {
      if ((shown.get(id) ?? 0) <= number && !open.has(id)) shown.delete(id);
    },
    list(filter: { state?: string | undefined; device?: string | undefined }): LiveAlert[] {
      const wanted = ({ state, device }: LiveAlert) =>
        (filter.device === undefined || device === filter.device) &&
        (filter.state === undefined || state === filter.state || (filter.state === 'open' && state !== 'resolved'));
      return [...open.values(), ...resolved.values()].filter(wanted).sort((a, b) => b.since - a.since || (a.id < b.id ? -1 : 1));
    },
    ofDevice: (device: string): LiveAlert[] => [...(byDevice.get(device) ?? [])].flatMap((id) => open.get(id) ?? []),
    counts(device: string) {
      const counts = { firing: 0, pending: 0 };
      for (const id of byDevice.get(device) ?? []) {
        const alert = open.get(id);
        if (alert?.state === 'firing') counts.firing++;
        else if (alert) counts.pending++;
      }
      return counts;
    },
    rename(device: string, name: string) {
      for (const id of byDevice.get(device) ?? []) {
        const alert = open.get(id);
        if (alert && alert.device_name !== name) open.set(id, { ...alert, device_name: name });
      }
    },
  };
};
export type Board = ReturnType<typeof createBoard>;
