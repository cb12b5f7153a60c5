import { type AppError, asAppError } from '../../errors.js';
import type { NetworkCall, ReadingDraft } from '../../network.js';
import { type DimoConfig, type DimoVehicle, type Part, partsOf } from './dimo-config.js';
import { readTelemetry } from './dimo-health.js';
import type { Way } from './dimo-http.js';
import { readLogs } from './dimo-logs.js';
import type { DimoMemory, PartState, VehicleMemory } from './dimo-memory.js';
import { crossCheckOf, ledgerOf, readIdentity, readWeeks } from './dimo-rewards.js';
import { createTokens, type DimoTokens, type TokenJar } from './dimo-tokens.js';
import { nextRewardsDue } from './dimo-weeks.js';

/** One call: asks what is due, at most four things at a time, and what fails costs only itself. */
export interface Round {
  /** By vehicle, in the order in which they are to be sent. */
  readings: Map<number, ReadingDraft[]>;
  asked: number;
  errors: AppError[];
}

export interface RoundNeeds {
  call: NetworkCall<DimoConfig>;
  vehicles: readonly DimoVehicle[];
  /** Is changed. */
  memory: DimoMemory;
  jar: TokenJar;
}

/** An agent gives a source 15 s; what was not begun by then is due the next time. */
const BUDGET_MS = 12_000;
const AT_ONCE = 4;
const LOGS_EVERY_MS = 15 * 60_000;
const RETRY_MS = 10 * 60_000;
/** A clock that was put back must not silence a source. */
const LONGEST_WAIT_MS = 8 * 86_400_000;

interface Job {
  due: number;
  run(): Promise<void>;
}

interface Running extends RoundNeeds, Round {
  way: Way;
  tokens: DimoTokens;
  /** Rounded totals of the identity API. */
  totals: Map<number, bigint>;
}

export const runRound = async (needs: RoundNeeds): Promise<Round> => {
  const { call, jar, vehicles, memory } = needs;
  const { http, host, config, now } = call;
  const way = { http, signal: AbortSignal.any([call.signal, AbortSignal.timeout(BUDGET_MS)]) };
  const tokens = createTokens({ ...way, host, config, now, jar });
  const round: Running = { ...needs, way, tokens, readings: new Map(), totals: new Map(), asked: 0, errors: [] };
  const isDue = ({ due }: Job) => due <= now || due > now + LONGEST_WAIT_MS;
  const jobs = [...logsJobs(round), ...vehicles.flatMap((vehicle) => vehicleJobs(round, vehicle))].filter(isDue);
  jobs.sort((a, b) => a.due - b.due);
  const work = async () => {
    for (let job = jobs.shift(); job && !way.signal.aborted; job = jobs.shift()) await job.run();
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  for (const vehicle of vehicles) addCrossCheck(round, vehicle, memory);
  return round;
};

/** Nothing that the settings ask for answers: the source as a whole has failed. */
export const isAllFailing = ({ call, vehicles, memory }: RoundNeeds): boolean =>
  vehicles.every((vehicle) =>
    partsOf(call.config, vehicle).every((part) => {
      const state = part === 'logs' ? memory.logs : memory.vehicles[vehicle.token_id]?.[part];
      return state?.ok === false;
    }),
  );

/** After the exact readings, never without them: else the rounded amount would be booked. */
const addCrossCheck = (round: Running, vehicle: DimoVehicle, memory: DimoMemory): void => {
  const total = round.totals.get(vehicle.token_id);
  const known = memory.vehicles[vehicle.token_id];
  const isExactKnown = known?.rewards?.at !== undefined || (vehicle.unit_token_id === undefined && memory.logs?.at !== undefined);
  if (total !== undefined && isExactKnown) add(round, vehicle, crossCheckOf(vehicle, total));
};

const add = ({ readings }: Round, { token_id }: DimoVehicle, reading: ReadingDraft): void => {
  readings.set(token_id, [...(readings.get(token_id) ?? []), reading]);
};

const vehicleJobs = (round: Running, vehicle: DimoVehicle): Job[] => {
  const { memory, call } = round;
  const known: VehicleMemory = memory.vehicles[vehicle.token_id] ?? {};
  memory.vehicles[vehicle.token_id] = known;
  const parts = partsOf(call.config, vehicle).filter((part) => part !== 'logs');
  return parts.map((part) => ({
    due: known[part]?.due ?? 0,
    async run() {
      const before = known[part];
      const state = await attempt(round, { part, before, vehicle: `${vehicle.token_id}` }, () =>
        ASK[part](round, vehicle, known),
      );
      known[part] = { ...before, ...state };
    },
  }));
};

/** Each answers when it is asked again. */
const ASK: Record<Exclude<Part, 'logs'>, (round: Running, vehicle: DimoVehicle, known: VehicleMemory) => Promise<PartState>> = {
  async telemetry({ call, way, tokens }, vehicle) {
    const { config, now } = call;
    const seen = await readTelemetry({ ...way, config, tokens }, vehicle);
    return { ...seen, ok: true, at: now, due: now + config.telemetry_every_s * 1_000 };
  },
  async rewards(round, vehicle) {
    const { config, now } = round.call;
    add(round, vehicle, ledgerOf(vehicle, 'dimo-rewards-api', await readWeeks(round.way, { config, vehicle, now })));
    return { ok: true, at: now, due: nextRewardsDue(now, vehicle.token_id) };
  },
  async identity({ call, way, totals }, vehicle, known) {
    const { config, now } = call;
    const { total, week, streak } = await readIdentity(way, config.identity_url ?? '', vehicle);
    if (total !== null) totals.set(vehicle.token_id, total);
    if (week !== null && week >= (known.streak?.week ?? 0)) known.streak = { week, streak };
    return { ok: true, at: now, due: nextRewardsDue(now, vehicle.token_id) };
  },
};

const logsJobs = (round: Running): Job[] => {
  const { call, memory, way, vehicles } = round;
  const { logs } = call.config;
  if (!logs || vehicles.length === 0) return [];
  const before = memory.logs;
  const ask = async () => {
    const found = await readLogs({ ...way, logs, vehicles }, before?.cursor);
    if (found.error && !found.advanced) throw found.error;
    for (const vehicle of vehicles) {
      const { token_id } = vehicle;
      const known = memory.vehicles[token_id] ?? {};
      memory.vehicles[token_id] = known;
      add(round, vehicle, ledgerOf(vehicle, 'dimo-logs', found.paid.get(token_id) ?? []));
      const streak = found.streaks.get(token_id);
      if (streak && streak.week >= (known.streak?.week ?? 0)) known.streak = streak;
      const refused = found.not_qualified.get(token_id);
      if (refused !== undefined) known.not_qualified = Math.max(refused, known.not_qualified ?? 0);
    }
    // After a failure further on, what was read holds; the next question begins there, and tells if it lasts.
    const due = found.more || found.error ? call.now : call.now + LOGS_EVERY_MS;
    return { cursor: found.cursor, ok: true, at: call.now, due };
  };
  const run = async () => {
    memory.logs = { ...before, ...(await attempt(round, { part: 'logs', before, vehicle: 'all' }, ask)) };
  };
  return [{ due: before?.due ?? 0, run }];
};

interface Attempt {
  part: Part;
  vehicle: string;
  before: PartState | undefined;
}

const attempt = async (round: Running, one: Attempt, ask: () => Promise<PartState>): Promise<PartState> => {
  const { part, vehicle, before } = one;
  round.asked++;
  try {
    const state = await ask();
    if (state.ok && before?.ok === false) round.call.log.info('A part of DIMO answers again', { part, vehicle });
    return state;
  } catch (failure) {
    return failed(round, one, asAppError(failure));
  }
};

const failed = (round: Running, { part, vehicle, before }: Attempt, error: AppError): PartState => {
  round.errors.push(error);
  if (before?.ok !== false) round.call.log.warn('A part of DIMO does not answer', { part, vehicle, error: error.message });
  const { retry_after_ms } = error.details;
  return { ok: false, due: round.call.now + (typeof retry_after_ms === 'number' ? retry_after_ms : RETRY_MS) };
};
