import { AppError } from '@muster/shared/errors';
import { hardware } from '@muster/shared/hardware';
import type { Sample } from '@muster/shared/metrics';
import { plausibleCelsius, sample } from '@muster/shared/parse';
import { secret, url } from '@muster/shared/schema';
import * as v from 'valibot';
import { defineProbe, type HostRequest } from '../probe.js';

const MOST_PLUGS = 16;
const TIMEOUT_MS = 3_000;
const WH = 3_600;

const plug = v.strictObject({
  name: v.pipe(v.string(), v.regex(/^[\w .-]{1,40}$/, 'must be a short name of letters, digits, space, _ . and -')),
  kind: v.picklist(['shelly', 'shelly_gen1', 'tasmota'], 'must be shelly, shelly_gen1 or tasmota'),
  url: url(),
  /** Of a strip with several outlets. */
  channel: v.optional(v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(31)), 0),
  user: v.optional(v.pipe(v.string(), v.minLength(1)), 'admin'),
  password: v.optional(secret()),
  /** It feeds this device, alone or with the other plugs named so, and nothing else. */
  feeds_only_this: v.optional(v.boolean(), true),
});
type Plug = v.InferOutput<typeof plug>;

const settings = v.strictObject({
  plugs: v.optional(
    v.pipe(
      v.array(plug),
      v.maxLength(MOST_PLUGS),
      v.check((plugs) => new Set(plugs.map(({ name }) => name)).size === plugs.length, 'must give each plug a name of its own'),
    ),
    [],
  ),
});
type Settings = v.InferOutput<typeof settings>;

/** W, J, V, A and Cel; null for what a plug does not tell. */
interface Reading {
  power: number | null;
  energy: number | null;
  voltage?: number | null;
  current?: number | null;
  temperature?: number | null;
}

export default defineProbe<undefined, Settings>({
  id: 'smart_plug',
  title: 'Smart plugs',
  every: 30_000,
  deadline: 8_000,
  metrics: hardware('hw.host.power', 'hw.host.energy', 'hw.power', 'hw.energy', 'hw.voltage', 'hw.current', 'hw.temperature'),
  settings,
  silent:
    'No plug is named; set probes.smart_plug, such as {"plugs": [{"name": "desk", "kind": "shelly", "url": "http://192.168.1.20"}]}.',
  async read({ host, settings: { plugs } }) {
    if (plugs.length === 0) return null;
    const replies = await Promise.all(plugs.map((one) => host.http(KINDS[one.kind].request(one))));
    const faults = plugs.flatMap((one, at) => faultOf(one, replies[at]?.status) ?? []);
    // One that does not answer costs the others nothing.
    if (faults[0] && faults.length === plugs.length) throw faults[0];
    const readings = plugs.map((one, at) => (replies[at]?.status === 200 ? KINDS[one.kind].reading(replies[at].text) : null));
    const each = plugs.flatMap((one, at) => samplesOf(one.name, readings[at] ?? null));
    return [...each, ...whole(readings.filter((_, at) => plugs[at]?.feeds_only_this))];
  },
});

/** What all plugs of this device give together; with one of them missing the sum would be too small, so there is none. */
const whole = (readings: readonly (Reading | null)[]): Sample[] => {
  const sum = (what: 'power' | 'energy') =>
    readings.reduce<number | null>((total, one) => (total === null || one?.[what] == null ? null : total + one[what]), 0);
  if (readings.length === 0) return [];
  const labels = { source: 'plug' };
  return [...sample('hw.host.power', sum('power'), labels), ...sample('hw.host.energy', sum('energy'), labels)];
};

const samplesOf = (name: string, reading: Reading | null): Sample[] => {
  if (!reading) return [];
  const labels = { plug: name };
  return [
    ...sample('hw.power', reading.power, labels),
    ...sample('hw.energy', reading.energy, labels),
    ...sample('hw.voltage', reading.voltage ?? null, labels),
    ...sample('hw.current', reading.current ?? null, labels),
    ...sample('hw.temperature', plausibleCelsius(reading.temperature ?? null), labels),
  ];
};

const faultOf = ({ name, kind, url: address }: Plug, got: number | undefined): AppError | null => {
  if (got === 200) return null;
  const set = `see probes.smart_plug in the settings file`;
  if (got === undefined)
    return new AppError('unreachable', `The plug "${name}" does not answer on ${new URL(address).host}; ${set}`);
  if (got === 401) return new AppError('unauthorized', `The plug "${name}" wants a password: ${KINDS[kind].password}; ${set}`);
  return new AppError('bad_reply', `The plug "${name}" answered with status ${got}, as if it were no ${kind}; ${set}`);
};

interface Kind {
  request(one: Plug): HostRequest;
  reading(text: string): Reading | null;
  password: string;
}

const at = (one: Plug, path: string): string => `${one.url.replace(/\/+$/, '')}${path}`;

const basic = ({ user, password }: Plug): Record<string, string> =>
  password === undefined ? {} : { authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}` };

const number = v.optional(v.nullable(v.pipe(v.number(), v.finite())));
const times = (value: number | null | undefined, factor: number): number | null => (value == null ? null : value * factor);

const parsed = <S extends v.GenericSchema>(schema: S, text: string): v.InferOutput<S> | null => {
  try {
    const result = v.safeParse(schema, JSON.parse(text));
    return result.success ? result.output : null;
  } catch {
    return null;
  }
};

/** Generation 2 and later: `{"apower": 61.3, "voltage": 233.1, "current": 0.27, "aenergy": {"total": 51234.5}, "temperature": {"tC": 41.2}}`; Wh. */
const gen2 = v.object({
  apower: number,
  voltage: number,
  current: number,
  aenergy: v.optional(v.object({ total: number })),
  temperature: v.optional(v.object({ tC: number })),
});

/** Generation 1: `{"meters": [{"power": 61.3, "is_valid": true, "total": 307407}], "temperature": 41.2}`; watt-minutes. */
const meter = v.object({ power: number, total: number, is_valid: v.optional(v.boolean(), true) });

/** `{"StatusSNS": {"ENERGY": {"Total": 3.705, "Power": 5, "Voltage": 233, "Current": 0.021}}}`; kWh. */
const tasmota = v.object({
  StatusSNS: v.object({ ENERGY: v.object({ Total: number, Power: number, Voltage: number, Current: number }) }),
});

const KINDS: Record<Plug['kind'], Kind> = {
  shelly: {
    // Its digest authentication needs an exchange that one GET cannot make.
    request: (one) => ({ url: at(one, `/rpc/Switch.GetStatus?id=${one.channel}`), timeout_ms: TIMEOUT_MS }),
    password: 'this generation asks for it in a way that the agent cannot answer, so switch its authentication off',
    reading(text) {
      const told = parsed(gen2, text);
      if (told === null || told.apower == null) return null;
      const { apower, voltage, current, aenergy, temperature } = told;
      return {
        ...{ power: apower, energy: times(aenergy?.total, WH) },
        ...{ voltage: voltage ?? null, current: current ?? null, temperature: temperature?.tC ?? null },
      };
    },
  },
  shelly_gen1: {
    request: (one) => ({ url: at(one, `/meter/${one.channel}`), headers: basic(one), timeout_ms: TIMEOUT_MS }),
    password: 'give user and password',
    reading(text) {
      const told = parsed(meter, text);
      return told?.is_valid && told.power != null ? { power: told.power, energy: times(told.total, 60) } : null;
    },
  },
  tasmota: {
    request(one) {
      // It takes the password of /cm in the address only.
      const { user, password } = one;
      const login = password === undefined ? '' : `user=${encodeURIComponent(user)}&password=${encodeURIComponent(password)}&`;
      return { url: at(one, `/cm?${login}cmnd=Status%2010`), headers: basic(one), timeout_ms: TIMEOUT_MS };
    },
    password: 'give user and password',
    reading(text) {
      const told = parsed(tasmota, text)?.StatusSNS.ENERGY;
      if (told?.Power == null) return null;
      return {
        power: told.Power,
        energy: times(told.Total, 1_000 * WH),
        voltage: told.Voltage ?? null,
        current: told.Current ?? null,
      };
    },
  },
};
