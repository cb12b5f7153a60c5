/** Alerts as people see them: beside what their events say, whether they still hold, why they give no notice, and what is at stake. */
import type { Clock } from '@muster/shared/clock';
import { createSignal } from '@muster/shared/signal';
import type { LiveAlert, LiveAlertEvent } from '@muster/shared/wire/live';
import type { AlertsDesk, Stake } from './parts.js';

export interface AlertViewNeeds {
  alerts: AlertsDesk & { isUnknown(alert: LiveAlert): boolean; ofDevice(device: string): LiveAlert[] };
  silenced(alert: LiveAlert): string | null;
  stake(device: string): Stake | null;
  clock: Pick<Clock, 'every' | 'monotonic'>;
}

export const ALERT_VIEWS = {
  tick_ms: 250,
  /** Open alerts looked at in a tick: some microseconds each, so that ten thousand are seen within a second and block nobody. */
  slice: 2_500,
  /** What nobody tells of, such as the end of a snooze, shows within this. */
  round_ms: 10_000,
} as const;

export const createAlertViews = (needs: AlertViewNeeds) => {
  const { alerts, clock } = needs;
  const { desk, view, event, touched } = createDesk(needs);
  /** What of each open alert was shown beside its events. */
  const shown = new Map<string, string>();
  let queue: LiveAlert[] = [];
  let filled_at = Number.NEGATIVE_INFINITY;
  let asked = false;

  /** Known by its own time: what changes and changes back between two looks of a client is told twice, never missed. */
  const look = (list: readonly LiveAlert[]): void => {
    const news = list.filter(({ id }) => {
      const alert = alerts.get(id);
      if (!alert || alert.state === 'resolved') return false;
      const now = besides(view(alert));
      const before = shown.get(id);
      shown.set(id, now);
      return before !== undefined && before !== now;
    });
    if (news.length > 0) touched.emit(news.map(({ id }) => id));
  };
  const fill = (): void => {
    asked = false;
    queue = alerts.open();
    filled_at = clock.monotonic();
  };

  alerts.event.on((one) => {
    const seen = { ...one, alert: view(one.alert) };
    if (seen.alert.state === 'resolved') shown.delete(seen.alert.id);
    else shown.set(seen.alert.id, besides(seen.alert));
    event.emit(seen);
  });
  return {
    desk,
    presenceChanged: ({ device }: { device: string }) => look(alerts.ofDevice(device)),
    /** A silence or an incident began or ended: all are looked at within two seconds, half of that unless a round is on its way. */
    mutesChanged: () => {
      asked = true;
    },
    start: () => {
      // What is open at the start has been shown to nobody.
      for (const alert of alerts.open()) shown.set(alert.id, besides(view(alert)));
      return clock.every(ALERT_VIEWS.tick_ms, () => {
        // A round ends before the next begins: mutes that change without rest must not hide the last of thousands.
        if (queue.length === 0 && (asked || clock.monotonic() - filled_at >= ALERT_VIEWS.round_ms)) fill();
        look(queue.splice(0, ALERT_VIEWS.slice));
      });
    },
  };
};

/** The desk of the alerts, each of them as people see it. */
const createDesk = ({ alerts, silenced, stake }: AlertViewNeeds) => {
  const touched = createSignal<readonly string[]>();
  const event = createSignal<LiveAlertEvent>();
  const view = (alert: LiveAlert): LiveAlert => {
    const { acknowledged, device } = alert;
    return {
      ...alert,
      acknowledged: acknowledged && { ...acknowledged, owner: acknowledged.owner ?? acknowledged.by },
      unknown: alerts.isUnknown(alert),
      silenced: silenced(alert),
      stake: device === '' ? null : stake(device),
    };
  };
  /** Of what is over nothing is said that holds now alone: whoever replays it gets what there was. */
  const replayed = (one: LiveAlertEvent): LiveAlertEvent => {
    const alert = view(one.alert);
    const newest = alerts.get(alert.id)?.event === alert.event;
    return { ...one, alert: newest ? alert : { ...alert, unknown: false, silenced: null } };
  };
  const desk: AlertsDesk = {
    ...alerts,
    // Spread copies what a getter says now.
    get newest() {
      return alerts.newest;
    },
    touched,
    event,
    open: () => alerts.open().map(view),
    get: (id) => {
      const alert = alerts.get(id);
      return alert && view(alert);
    },
    // `list` stays as it is: of thousands a page is shown, and `get` shows each.
    acknowledge: async (...given) => (await alerts.acknowledge(...given)).map(view),
    assign: async (...given) => (await alerts.assign(...given)).map(view),
    unacknowledge: async (...given) => (await alerts.unacknowledge(...given)).map(view),
    snooze: async (...given) => (await alerts.snooze(...given)).map(view),
    events: async (...given) => (await alerts.events(...given)).map(replayed),
  };
  return { desk, view, event, touched };
};

const besides = ({ unknown, silenced, stake }: LiveAlert): string =>
  `${unknown}|${stake?.currency}|${stake?.fiat_per_hour}|${stake?.tokens.length}|${silenced}`;
