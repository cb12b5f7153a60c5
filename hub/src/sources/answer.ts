/** From what a network answered to what is stored, booked and shown: pure, checked whole before anything of it counts. */
import { AppError } from '@muster/shared/errors';
import { type MetricDeclaration, parseSeriesKey, roundTo, type Sample, seriesKey } from '@muster/shared/metrics';
import type { HubNetworkReply, NetworkReply } from '@muster/shared/network';
import { type Completing, completeReading } from '@muster/shared/source-run';
import { WIRE_LIMITS as L } from '@muster/shared/wire/limits';
import type { WireMetric } from '@muster/shared/wire/messages';
import type { HubReading } from '../parts.js';

/** What one answer may hold: more is a flood, and the hub's loop has others to serve. */
export const ANSWER_LIMITS = { devices: 20_000, samples: 200_000, readings: 50_000, entries: 50_000 } as const;

export interface DevicePart {
  device: string;
  columns: string[];
  values: number[];
  metrics: WireMetric[];
  /** When the source heard it, ms. */
  seen: number;
}

export interface Answer {
  parts: DevicePart[];
  readings: HubReading[];
  /** Of which it spoke without being asked to, or that do not exist. */
  strangers: string[];
  samples: number;
}

export interface Asked extends Completing {
  metrics: Record<string, MetricDeclaration>;
  /** Null: it may speak of every device there is. */
  devices: ReadonlySet<string> | null;
  isThere(device: string): boolean;
}

export const readAnswer = (asked: Asked, reply: HubNetworkReply | undefined): Answer => {
  const spoken = [...(reply?.devices ?? [])];
  refuseFlood(spoken, reply?.accounts ?? []);
  const isMeant = (device: string) => (asked.devices?.has(device) ?? true) && asked.isThere(device);
  const known = spoken.filter(([device]) => isMeant(device));
  const parts = known.map(([device, own]) => partOf(asked, device, own));
  // Readings of a stranger go on, to be refused by name.
  const ofDevices = spoken.flatMap(([device, { readings = [] }]) => readings.map((draft) => ({ draft, device })));
  const ofAccounts = (reply?.accounts ?? []).map((draft) => ({ draft, device: draft.device ?? null }));
  const drafts = [...ofDevices, ...ofAccounts].filter(({ device }) => device === null || (asked.devices?.has(device) ?? true));
  const readings = drafts.flatMap(({ draft, device }) =>
    completeReading(asked, draft).map((reading): HubReading => ({ device, reading })),
  );
  const strangers = spoken.map(([device]) => device).filter((device) => !isMeant(device));
  return { parts, readings, strangers, samples: parts.reduce((sum, { values }) => sum + values.length, 0) };
};

const refuseFlood = (
  spoken: readonly (readonly [string, NetworkReply])[],
  accounts: NonNullable<HubNetworkReply['accounts']>,
) => {
  const readings = [...spoken.flatMap(([, own]) => own.readings ?? []), ...accounts];
  const counts = {
    devices: spoken.length,
    samples: spoken.reduce((sum, [, { samples = [] }]) => sum + samples.length, 0),
    readings: readings.length,
    entries: readings.reduce((sum, draft) => sum + (draft.kind === 'ledger' ? draft.entries.length : 0), 0),
  };
  for (const [what, most] of Object.entries(ANSWER_LIMITS) as [keyof typeof counts, number][])
    if (counts[what] > most)
      throw new AppError('too_large', `One answer held ${counts[what]} ${what}; at most ${most} are taken, so nothing of it was`);
};

const partOf = ({ network, metrics, now }: Asked, device: string, { samples = [], seen_at = now }: NetworkReply): DevicePart => {
  const values = new Map<string, number>();
  const used = new Map<string, WireMetric>();
  for (const sample of samples) {
    const declaration = metrics[sample.metric];
    const key = keyOf(network, sample);
    if (!Number.isFinite(sample.value)) continue;
    values.set(key, roundTo(sample.value, declaration?.resolution));
    if (declaration) used.set(sample.metric, wireMetric(`${network}.${sample.metric}`, declaration));
  }
  if (values.size > L.series_per_device)
    throw new AppError(
      'too_large',
      `The answer holds ${values.size} values of ${device}; at most ${L.series_per_device} are taken`,
    );
  const heard = Number.isFinite(seen_at) ? Math.min(seen_at, now) : now;
  return { device, columns: [...values.keys()], values: [...values.values()], metrics: [...used.values()], seen: heard };
};

const keyOf = (network: string, { metric, labels }: Sample): string => {
  const key = seriesKey(`${network}.${metric}`, labels);
  if (key.length <= L.key_chars && parseSeriesKey(key) !== null) return key;
  throw new AppError('bad_reply', `The answer holds a value named "${key.slice(0, 80)}", which is no metric`);
};

const wireMetric = (id: string, { kind, unit, title, resolution }: MetricDeclaration): WireMetric => ({
  ...{ id, kind, unit: unit.slice(0, 32), title: title.slice(0, L.title_chars) },
  ...(resolution === undefined ? {} : { resolution }),
});
