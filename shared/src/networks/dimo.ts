import { defineNetwork, type NetworkCall, type NetworkReply, type ReadingDraft } from '../network.js';
import { type DimoConfig, type DimoVehicle, dimoConfig } from './lib/dimo-config.js';
import { readMemory } from './lib/dimo-memory.js';
import { DECIMALS } from './lib/dimo-rewards.js';
import { isAllFailing, runRound } from './lib/dimo-round.js';
import { DIMO_METRICS, samplesOf, seenOf } from './lib/dimo-samples.js';
import { newTokenJar, type TokenJar } from './lib/dimo-tokens.js';
import { WEEK_MS } from './lib/dimo-weeks.js';
import { newestSeen } from './lib/newest-seen.js';

/** DIMO vehicles: health from the telemetry API, rewards in exact wei from the rewards API and from the issuance contract's logs. */
// Tokens of a source live as long as its settings do; `memory` is written to the disk, where they must not be.
const jars = new WeakMap<DimoConfig, TokenJar>();

export default defineNetwork({
  id: 'dimo',
  title: 'DIMO',
  docs: 'https://docs.dimo.org/developer-platform',
  tokens: { DIMO: DECIMALS },
  config: dimoConfig,
  metrics: DIMO_METRICS,
  // How often it is looked whether something is due, not how often DIMO is asked.
  every: 60_000,
  // Vehicles are parked for days: lost after five, which leaves two to save the week's reward.
  heard_every: 12 * 3_600_000,
  /** Batches of a week's rewards can be late by some days. */
  expects: { cadence: WEEK_MS, silence_is_normal_for: WEEK_MS + 3 * 86_400_000 },
  faults: [
    // A car that stands is silent for days; a week without data costs the reward, three the level.
    { metric: 'last_seen.age', when: 'above', value: 5 * 86_400, resolves: 86_400, title: 'the unit is silent' },
    {
      metric: 'streak.missed_weeks',
      when: 'above',
      value: 1,
      severity: 'critical',
      title: 'the streak is about to lose a level',
    },
    { metric: 'plugged_in', when: 'equals', value: 0, for: 3_600_000, title: 'the unit is unplugged' },
  ],

  async onDevice(call) {
    const parts = await read(call, call.config.vehicles);
    const samples = parts.flatMap(({ reply }) => reply.samples ?? []);
    const readings = parts.flatMap(({ vehicle, reply }) => (reply.readings ?? []).map((one) => ofDevice(one, vehicle.device)));
    const [one, ...others] = parts;
    return { samples, readings, ...(one && others.length === 0 ? newestSeen([one.reply.seen_at]) : {}) };
  },

  /** Vehicles of devices that the hub does not know are not asked for; those that name none give readings of the account alone. */
  async onHub({ devices: known, ...call }) {
    const vehicles = call.config.vehicles.filter(({ device }) => device === undefined || known.includes(device));
    const devices = new Map<string, NetworkReply>();
    const accounts: ReadingDraft[] = [];
    for (const { vehicle, reply } of await read(call, vehicles)) {
      if (vehicle.device === undefined) accounts.push(...(reply.readings ?? []));
      else devices.set(vehicle.device, joined(devices.get(vehicle.device), reply));
    }
    return { devices, accounts };
  },
});

interface VehicleReply {
  vehicle: DimoVehicle;
  reply: NetworkReply;
}

const read = async (call: NetworkCall<DimoConfig>, vehicles: readonly DimoVehicle[]): Promise<VehicleReply[]> => {
  const { config, now } = call;
  const jar = jars.get(config) ?? newTokenJar();
  jars.set(config, jar);
  const memory = readMemory(
    call.memory.get(),
    config.vehicles.map((one) => one.token_id),
  );
  const needs = { call, vehicles, memory, jar };
  const round = await runRound(needs);
  const [error] = round.errors;
  if (error && isAllFailing(needs)) throw error;
  if (round.asked > 0) call.memory.put(memory);
  return vehicles.map((vehicle) => ({
    vehicle,
    reply: {
      samples: samplesOf(vehicle, { config, memory, now }),
      readings: round.readings.get(vehicle.token_id) ?? [],
      ...seenOf(vehicle, { config, memory }),
    },
  }));
};

const ofDevice = (reading: ReadingDraft, device: string | undefined): ReadingDraft =>
  device === undefined ? reading : { ...reading, device };

const joined = (one: NetworkReply | undefined, other: NetworkReply): NetworkReply => ({
  samples: [...(one?.samples ?? []), ...(other.samples ?? [])],
  readings: [...(one?.readings ?? []), ...(other.readings ?? [])],
  ...newestSeen([one?.seen_at, other.seen_at]),
});
