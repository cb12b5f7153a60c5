import { gauge, type MetricDeclaration, type Sample } from '../../metrics.js';
import type { NetworkReply } from '../../network.js';
import { type DimoConfig, type DimoVehicle, partsOf } from './dimo-config.js';
import { SIGNALS } from './dimo-health.js';
import type { DimoMemory, VehicleMemory } from './dimo-memory.js';
import { levelOf, missedWeeks, weekOf } from './dimo-weeks.js';

/** What is known of a vehicle as samples. Ages grow between questions, so that a silent car shows at once. */
export const DIMO_METRICS: Record<string, MetricDeclaration> = {
  answers: gauge('1', 'Whether a part of DIMO answered when it was last asked'),
  'last_seen.age': gauge('s', 'Time since the vehicle last sent data', { resolution: 1 }),
  ...Object.fromEntries(SIGNALS.map(({ metric, declaration }) => [metric, declaration])),
  'week.active': gauge('1', 'Whether the vehicle sent data in this issuance week'),
  'streak.missed_weeks': gauge('wk', 'Whole issuance weeks without data; three in a row cost a level'),
  'streak.weeks': gauge('wk', 'Weeks in a row with data, as of the newest reward'),
  'streak.level': gauge('1', 'Streak level, 1 to 4'),
  'reward.weeks_behind': gauge('wk', 'Ended issuance weeks since the newest reward'),
  'not_qualified.age': gauge('s', 'Time since a reward was refused to the vehicle', { resolution: 1 }),
};

/** Two questions may fail before a value counts as unknown. */
const MISSES = 3;
const STREAK_HOLDS_MS = 3 * 86_400_000;

interface Known {
  config: DimoConfig;
  memory: DimoMemory;
  now: number;
}

export const samplesOf = (vehicle: DimoVehicle, known: Known): Sample[] => {
  const labels = { vehicle: `${vehicle.token_id}` };
  const state = known.memory.vehicles[vehicle.token_id] ?? {};
  const found = [...healthOf(state, known), ...streakOf(state, known)];
  const answers = partsOf(known.config, vehicle).flatMap((part) => {
    const last = part === 'logs' ? known.memory.logs : state[part];
    return last ? [{ metric: 'answers', labels: { part, ...labels }, value: Number(last.ok) }] : [];
  });
  return [...answers, ...found.map(([metric, value]) => ({ metric, labels, value }))];
};

const healthOf = ({ telemetry }: VehicleMemory, { config, now }: Known): [string, number][] => {
  if (telemetry?.at === undefined || now - telemetry.at > MISSES * config.telemetry_every_s * 1_000) return [];
  const signals = SIGNALS.flatMap(({ metric }, index): [string, number][] => {
    const value = telemetry.values?.[index] ?? null;
    return value === null ? [] : [[metric, value]];
  });
  const { last_seen = null } = telemetry;
  if (last_seen === null) return signals;
  return [
    ['last_seen.age', Math.max(0, Math.round((now - last_seen) / 1_000))],
    ...signals,
    ['week.active', Number(weekOf(last_seen) >= weekOf(now))],
    ['streak.missed_weeks', missedWeeks(last_seen, now)],
  ];
};

const streakOf = (state: VehicleMemory, { memory, now }: Known): [string, number][] => {
  const found: [string, number][] = [];
  const at = Math.max(state.identity?.at ?? 0, memory.logs?.at ?? 0);
  if (state.streak && now - at <= STREAK_HOLDS_MS) {
    const { streak, week } = state.streak;
    if (streak !== null) found.push(['streak.weeks', streak], ['streak.level', levelOf(streak)]);
    found.push(['reward.weeks_behind', Math.max(0, weekOf(now) - 1 - week)]);
  }
  if (state.not_qualified !== undefined) {
    found.push(['not_qualified.age', Math.max(0, Math.round((now - state.not_qualified) / 1_000))]);
  }
  return found;
};

/** When the vehicle itself was heard; 0 while telemetry is asked for and nothing is known of it: an answer of DIMO is no sign of the car. */
export const seenOf = (vehicle: DimoVehicle, { config, memory }: Omit<Known, 'now'>): Pick<NetworkReply, 'seen_at'> =>
  config.developer ? { seen_at: memory.vehicles[vehicle.token_id]?.telemetry?.last_seen ?? 0 } : {};
