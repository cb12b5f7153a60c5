import type { LiveAlertEvent } from '@muster/shared/wire/live';

/** The seam to what sends notices: it takes the events in their order and answers how many notices leave. */
export interface NoticeSender {
  take(event: LiveAlertEvent): number;
}

/** One for each alert that fires; of one and the same that fires again at most one an hour. */
const FLOOR_MS = 3_600_000;

export const createPlainSender = (): NoticeSender => {
  const sent = new Map<string, number>();
  return {
    take({ change, ts, alert }) {
      if (change !== 'firing') return 0;
      const key = `${alert.rule} ${alert.device} ${alert.title}`;
      if (ts - (sent.get(key) ?? Number.NEGATIVE_INFINITY) < FLOOR_MS) return 0;
      sent.set(key, ts);
      return 1;
    },
  };
};
