import { seriesKey } from '@muster/shared/metrics';
import type { AlertsDesk, Latest, PresenceKeeper } from '../parts.js';
import type { Reader } from '../store/store.js';
import type { Compared, Period } from './compare.js';
import { DAY_MS } from './daily.js';
import type { CompareWhy } from './fiat-port.js';

export interface WhyNeeds {
  presence: Pick<PresenceKeeper, 'availability'>;
  latest: Pick<Latest, 'of'>;
  alerts: Pick<AlertsDesk, 'list'>;
  reader: Pick<Reader, 'series'>;
  now: () => number;
  /** A promise for later, to bound a wait. */
  after: (ms: number) => Promise<void>;
}

/** Temperatures are read for the rows of a page; what is not there in time is there the next time. */
const WAIT_MS = 40;
const FRESH_MS = 15 * 60_000;
const MOST_KEPT = 20_000;
/** Shares and degrees worth a sentence. */
const UPTIME_STEP = 0.02;
const WARMER = 5;

interface Kept {
  at: number;
  mean: number | null;
}

/** What differs in the health of a device between the period and the one before. */
export const createWhy = (needs: WhyNeeds) => {
  const kept = new Map<string, Kept>();
  const reading = new Set<string>();

  const mean = async (device: string, [from, to]: readonly [number, number]): Promise<void> => {
    const key = keyOf(device, [from, to]);
    if (reading.has(key) || needs.now() - (kept.get(key)?.at ?? Number.NEGATIVE_INFINITY) < FRESH_MS) return;
    const hottest = hottestOf(needs.latest, device);
    reading.add(key);
    try {
      const query = {
        device,
        series: hottest ?? '',
        kind: 'gauge',
        from: from * DAY_MS,
        to: to * DAY_MS,
        points: to - from,
      } as const;
      const points = hottest === null ? [] : (await needs.reader.series(query)).points;
      const sum = points.reduce((total, [, , value]) => total + value, 0);
      if (kept.size >= MOST_KEPT) kept.clear();
      kept.set(key, { at: needs.now(), mean: points.length > 0 ? Math.round((sum / points.length) * 10) / 10 : null });
    } finally {
      reading.delete(key);
    }
  };
  const temperatureOf = (device: string, days: readonly [number, number]) => kept.get(keyOf(device, days))?.mean ?? null;

  return async (rows: readonly Compared[], period: Period): Promise<CompareWhy[]> => {
    const asked = rows.map(async ({ device }) => {
      await mean(device.id, period.days);
      await mean(device.id, period.before);
    });
    await Promise.race([Promise.allSettled(asked), needs.after(WAIT_MS)]);
    const alerts = alertsBy(needs.alerts, period);
    return Promise.all(
      rows.map(async ({ device }) => {
        const facts = {
          uptime: await uptimeOf(needs, device.id, [period.from, Math.min(period.to, period.now)]),
          uptime_before: await uptimeOf(needs, device.id, [period.before[0] * DAY_MS, period.before[1] * DAY_MS]),
          temperature: temperatureOf(device.id, period.days),
          temperature_before: temperatureOf(device.id, period.before),
          alerts: alerts.get(device.id) ?? 0,
        };
        return { ...facts, notes: notesOf(facts) };
      }),
    );
  };
};
export type Why = ReturnType<typeof createWhy>;

const keyOf = (device: string, [from, to]: readonly [number, number]): string => `${device} ${from} ${to}`;

const hottestOf = (latest: Pick<Latest, 'of'>, device: string): string | null => {
  const [hottest] = latest
    .of(device)
    .filter(({ metric }) => metric === 'hw.temperature')
    .sort((a, b) => b.value - a.value);
  return hottest ? seriesKey(hottest.metric, hottest.labels) : null;
};

/** Of the time in which its state is known. */
const uptimeOf = async (
  { presence }: Pick<WhyNeeds, 'presence'>,
  device: string,
  [from, to]: readonly [number, number],
): Promise<number | null> => {
  const stays = await presence.availability(device, from, to);
  let known = 0;
  let online = 0;
  for (const stay of stays) {
    if (stay.state === 'unknown' || stay.state === 'never_seen') continue;
    known += stay.to - stay.from;
    if (stay.state === 'online' || stay.state === 'reconnecting') online += stay.to - stay.from;
  }
  return known > 0 ? Math.round((online / known) * 10_000) / 10_000 : null;
};

const alertsBy = (alerts: Pick<AlertsDesk, 'list'>, { from, to }: Period): Map<string, number> => {
  const counts = new Map<string, number>();
  for (const { device, since, resolved_at, fired_at } of alerts.list({})) {
    if (fired_at === null || since >= to || (resolved_at ?? to) < from) continue;
    counts.set(device, (counts.get(device) ?? 0) + 1);
  }
  return counts;
};

const notesOf = (facts: Omit<CompareWhy, 'notes'>): string[] => {
  const { uptime, uptime_before, temperature, temperature_before, alerts } = facts;
  const percent = (share: number) => `${Math.round(share * 1_000) / 10} %`;
  const notes: string[] = [];
  if (uptime !== null && uptime_before !== null && Math.abs(uptime - uptime_before) >= UPTIME_STEP)
    notes.push(`online ${percent(uptime)} of the time, ${percent(uptime_before)} before`);
  else if (uptime !== null && uptime < 1 - UPTIME_STEP) notes.push(`online ${percent(uptime)} of the time`);
  if (temperature !== null && temperature_before !== null && temperature - temperature_before >= WARMER)
    notes.push(`${temperature} °C on average, ${temperature_before} °C before`);
  if (alerts > 0) notes.push(alerts === 1 ? '1 alert' : `${alerts} alerts`);
  return notes;
};
