import type { LiveAlert } from '@muster/shared/wire/live';
import type { AlertsDesk } from '../parts.js';

/** Alerts in one frame: it stays below what a client may be behind by. */
const AT_ONCE = 1_000;

export interface AlertFeedNeeds {
  alerts: Pick<AlertsDesk, 'get'>;
  /** Somebody listens. */
  hears(): boolean;
  send(alerts: LiveAlert[]): void;
}

/** What changes of open alerts beside their events, as it stands at the next tick. */
export const createAlertFeed = ({ alerts, hears, send }: AlertFeedNeeds) => {
  const touched = new Set<string>();
  return {
    touch(ids: readonly string[]): void {
      if (hears()) for (const id of ids) touched.add(id);
    },
    tick(): void {
      if (touched.size === 0) return;
      const open = [...touched].flatMap((id) => alerts.get(id) ?? []).filter(({ state }) => state !== 'resolved');
      touched.clear();
      for (let from = 0; from < open.length; from += AT_ONCE) send(open.slice(from, from + AT_ONCE));
    },
  };
};
