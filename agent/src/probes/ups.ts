import { AppError } from '@muster/shared/errors';
import { hardware, status } from '@muster/shared/hardware';
import { gauge, type Sample } from '@muster/shared/metrics';
import { countIn, labelText, mapped, numberIn, plausibleCelsius, ratioOfPercent, sample } from '@muster/shared/parse';
import * as v from 'valibot';
import { defineProbe, type Host } from '../probe.js';

const MOST_UPSES = 16;
const NAME = /^[A-Za-z0-9_.-]{1,60}$/;
/** What `ups.status` may hold: `OL CHRG`, `OB DISCHRG LB`. */
const FLAGS = { on_battery: 'OB', low_battery: 'LB', replace_battery: 'RB', overload: 'OVER', bypass: 'BYPASS' };

const settings = v.strictObject({
  host: v.optional(v.pipe(v.string(), v.minLength(1))),
  port: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(65_535)), 3_493),
  names: v.optional(
    v.pipe(v.array(v.pipe(v.string(), v.regex(NAME, 'must be the name of a UPS in NUT'))), v.maxLength(MOST_UPSES)),
  ),
  /** The UPS feeds this device and nothing else, so what it gives is what the device draws. */
  feeds_only_this: v.optional(v.boolean(), false),
});
type Settings = v.InferOutput<typeof settings>;

interface Memory {
  names: readonly string[] | null;
}

export default defineProbe<Memory, Settings>({
  id: 'ups',
  title: 'UPS (NUT)',
  every: 30_000,
  deadline: 10_000,
  metrics: {
    ...hardware(
      'hw.status',
      'hw.battery.charge',
      'hw.battery.time_left',
      'hw.voltage',
      'hw.power',
      'hw.host.power',
      'hw.temperature',
    ),
    'hw.ups.status': gauge('1', 'Whether a UPS is in this state'),
    'hw.ups.load': gauge('1', 'Load of a UPS, of what it can give', { resolution: 0.01 }),
  },
  settings,
  silent: 'No NUT server (upsd) answers on 127.0.0.1:3493; for one elsewhere set probes.ups, such as {"host": "192.168.1.5"}.',
  memory: () => ({ names: null }),
  async read({ host, memory, settings: given }) {
    memory.names ??= given.names ?? (await namesOf(host, given));
    if (memory.names === null) return silent(given);
    const answers = await Promise.all(memory.names.map((name) => variablesOf(host, given, name)));
    if (answers.every((answer) => answer === null)) return silent(given);
    return answers.flatMap((answer) => (answer ? samplesOf(answer, given) : []));
  },
});

/** Not there is normal; what the settings name must be there. */
const silent = ({ host, port, names }: Settings): null => {
  if (host === undefined && names === undefined) return null;
  throw new AppError(
    'unreachable',
    `The NUT server on ${host ?? '127.0.0.1'}:${port} told nothing of a UPS; see that upsd listens there (LISTEN in upsd.conf) and that probes.ups has the right names`,
  );
};

/** The server closes after LOGOUT, whatever it said before. */
const asked = async (host: Host, given: Settings, question: string): Promise<string[] | null> => {
  const place = { kind: 'tcp', host: given.host ?? '127.0.0.1', port: given.port } as const;
  const answer = await host.ask({ ...place, send: `${question}\nLOGOUT\n` });
  return answer === null || answer.refused ? null : answer.text.split('\n');
};

/** `UPS rack "APC Smart-UPS 1500"` */
const namesOf = async (host: Host, given: Settings): Promise<string[] | null> => {
  const lines = await asked(host, given, 'LIST UPS');
  const names = lines?.flatMap((line) => /^UPS (\S+) /.exec(line)?.[1] ?? []).filter((name) => NAME.test(name));
  return names && names.length > 0 ? [...new Set(names)].slice(0, MOST_UPSES) : null;
};

interface Variables {
  ups: string;
  values: ReadonlyMap<string, string>;
}

/** `VAR rack battery.charge "100"` */
const variablesOf = async (host: Host, given: Settings, ups: string): Promise<Variables | null> => {
  const lines = await asked(host, given, `LIST VAR ${ups}`);
  if (!lines) return null;
  const pairs = lines.flatMap((line): [string, string][] => {
    const [, name, value] = /^VAR \S+ (\S+) "(.*)"/.exec(line) ?? [];
    return name === undefined || value === undefined ? [] : [[name, value]];
  });
  return { ups: labelText(ups), values: new Map(pairs) };
};

const samplesOf = ({ ups, values }: Variables, { feeds_only_this }: Settings): Sample[] => {
  const number = (name: string) => numberIn(values.get(name));
  const count = (name: string) => countIn(values.get(name));
  const volts = (sensor: string) => sample('hw.voltage', count(`${sensor}.voltage`), { ups, sensor });
  const watts = wattsOf(count);
  return [
    ...flags(values.get('ups.status'), ups),
    ...sample('hw.battery.charge', ratioOfPercent(number('battery.charge')), { ups }),
    ...sample('hw.battery.time_left', count('battery.runtime'), { ups }),
    ...['input', 'output', 'battery'].flatMap(volts),
    // Some allow more than 100 % for a while.
    ...sample(
      'hw.ups.load',
      mapped(count('ups.load'), (percent) => percent / 100),
      { ups },
    ),
    ...sample('hw.temperature', plausibleCelsius(number('ups.temperature') ?? number('battery.temperature')), { ups }),
    ...(feeds_only_this ? sample('hw.host.power', watts, { source: 'ups' }) : sample('hw.power', watts, { ups })),
  ];
};

/** Small ones tell no watts, but their load and what they can give. */
const wattsOf = (count: (name: string) => number | null): number | null => {
  const [load, nominal] = [count('ups.load'), count('ups.realpower.nominal')];
  return count('ups.realpower') ?? (load === null || nominal === null ? null : (load * nominal) / 100);
};

const flags = (text: string | undefined, ups: string): Sample[] => {
  const words = new Set(text?.split(' '));
  // WAIT and a stale driver tell nothing of the UPS.
  if (!['OL', 'OB', 'OFF', 'BYPASS'].some((word) => words.has(word))) return [];
  return [
    ...Object.entries(FLAGS).flatMap(([state, word]) => sample('hw.ups.status', Number(words.has(word)), { ups, state })),
    ...status({ ups }, 'predicted_failure', words.has('RB')),
  ];
};
