import { AppError } from '../../errors.js';
import { findAll, textOf } from '../../json-path.js';
import type { LosslessJson } from '../../lossless.js';
import { gauge, type MetricDeclaration, roundTo } from '../../metrics.js';
import type { DimoConfig, DimoVehicle } from './dimo-config.js';
import { askGraphql, bearer, jsonBody, type Way } from './dimo-http.js';
import type { DimoTokens } from './dimo-tokens.js';

/** What the telemetry API says of a vehicle's health. Where it is and how fast it drives is nobody's business. */
export interface Seen {
  /** Null: never. */
  last_seen: number | null;
  /** In the order of `SIGNALS`. */
  values: (number | null)[];
}

interface Signal {
  field: string;
  metric: string;
  declaration: MetricDeclaration;
}

const signal = (field: string, metric: string, declaration: MetricDeclaration): Signal => ({ field, metric, declaration });

export const SIGNALS: readonly Signal[] = [
  signal(
    'lowVoltageBatteryCurrentVoltage',
    'battery.voltage',
    gauge('V', 'Voltage of the starter battery', { resolution: 0.01 }),
  ),
  signal('powertrainTransmissionTravelledDistance', 'odometer', gauge('km', 'Distance travelled', { resolution: 1 })),
  signal(
    'powertrainTractionBatteryStateOfChargeCurrent',
    'traction_battery.charge',
    gauge('%', 'Charge of the traction battery', { resolution: 0.1 }),
  ),
  signal('obdIsPluggedIn', 'plugged_in', gauge('1', 'Whether the unit is plugged in')),
  signal('isIgnitionOn', 'ignition', gauge('1', 'Whether the ignition is on')),
  signal('obdStatusDTCCount', 'fault_codes', gauge('{code}', 'Diagnostic trouble codes')),
  signal('connectivityCellularIsJammingDetected', 'jamming', gauge('1', 'Whether the mobile network is jammed')),
];

const fields = SIGNALS.map(({ field }) => `${field}{timestamp value}`).join(' ');
export const TELEMETRY_QUERY = `query($t:Int!,$f:SignalFilter){signalsLatest(tokenId:$t,filter:$f){lastSeen ${fields}}}`;

export interface TelemetryNeeds extends Way {
  config: DimoConfig;
  tokens: DimoTokens;
}

/** A token that was refused before its time is exchanged once more; every other refusal is an answer. */
export const readTelemetry = async (needs: TelemetryNeeds, vehicle: DimoVehicle): Promise<Seen> => {
  const { tokens } = needs;
  const token = await tokens.vehicle(vehicle.token_id);
  try {
    return await ask(needs, vehicle, token);
  } catch (error) {
    if (!(error instanceof AppError && error.code === 'unauthorized')) throw error;
    tokens.drop(vehicle.token_id);
    return ask(needs, vehicle, await tokens.vehicle(vehicle.token_id));
  }
};

const ask = async (needs: TelemetryNeeds, { token_id, source }: DimoVehicle, token: string): Promise<Seen> => {
  const variables = { t: token_id, f: source === undefined ? null : { source } };
  const body = jsonBody({ query: TELEMETRY_QUERY, variables }, bearer(token));
  const what = `The telemetry of vehicle ${token_id}`;
  const json = await askGraphql(needs, { what, url: needs.config.telemetry_url, ...body });
  return readSeen(findAll(json, 'data')[0] ?? null, what);
};

const readSeen = (data: LosslessJson, what: string): Seen => {
  if (data === null) throw new AppError('bad_reply', `${what} holds no data`);
  const last_seen = textOf(findAll(data, 'signalsLatest.lastSeen')[0]);
  const ts = last_seen === null ? null : Date.parse(last_seen);
  if (Number.isNaN(ts)) throw new AppError('bad_reply', `${what} was last seen at no time`);
  return { last_seen: ts, values: SIGNALS.map((signal) => readValue(data, signal)) };
};

const readValue = (data: LosslessJson, { field, declaration }: Signal): number | null => {
  const text = textOf(findAll(data, `signalsLatest.${field}.value`)[0]);
  const value = text === null ? Number.NaN : Number(text);
  return Number.isFinite(value) ? roundTo(value, declaration.resolution) : null;
};
