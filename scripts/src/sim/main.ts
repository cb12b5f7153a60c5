/** `npm run sim -- --devices N --seed S`: a seeded fleet against a running hub, until Ctrl-C or `--minutes`. */
import { resolve } from 'node:path';
import { AppError, asAppError } from '@muster/shared/errors';
import { envName, loadSettings, onOff, parseArguments, setting, wholeNumber, word } from '@muster/shared/settings';
import * as v from 'valibot';
import { createHubApi, readControl } from '../api.js';
import { runAlertSim } from './alerts.js';
import { earningLine, simulateEarnings } from './earnings.js';
import { planFaults } from './faults.js';
import { createFleet, type FleetFigures } from './fleet.js';
import { createRandom } from './random.js';

const optional = v.nullable(v.pipe(v.string(), v.minLength(1, 'must not be empty')));
const SIM_SETTINGS = {
  devices: setting({ name: 'devices', help: 'How many devices', schema: wholeNumber(1, 20_000), default: 50 }),
  seed: setting({ name: 'seed', help: 'The same seed gives the same fleet', schema: wholeNumber(0, 2 ** 31), default: 1 }),
  interval: setting({
    name: 'interval',
    help: 'Milliseconds between reports of a device',
    schema: wholeNumber(250, 3_600_000),
    default: 10_000,
  }),
  keepalive: setting({ name: 'keepalive', help: 'MQTT keepalive, s', schema: wholeNumber(1, 120), default: 5 }),
  minutes: setting({
    name: 'minutes',
    help: 'Ends after so many minutes; 0 runs until Ctrl-C',
    schema: wholeNumber(0, 1_440),
    default: 0,
  }),
  faults: setting({ name: 'faults', help: 'Let faults happen', schema: onOff(), default: false }),
  prefix: setting({ name: 'prefix', help: 'Start of the device ids', schema: word(), default: 'sim' }),
  data: setting({ name: 'data', help: 'Data folder of the hub on this machine', schema: word(), default: './data' }),
  hub: setting({ name: 'hub', help: 'Address of a hub, with --token, instead of --data', schema: optional, default: null }),
  token: setting({ name: 'token', help: 'API token with the admin role', schema: optional, default: null, secret: true }),
};

const EVERY_MS = 10_000;
const SLOW_DOWN_MS = 3_000;

const main = async () => {
  const { flags, words } = parseArguments(process.argv.slice(2), new Set(['faults', 'help', 'json']));
  if (flags['help']) {
    console.log(help());
    return;
  }
  if (words[0] === 'earnings') return earnings(flags);
  if (words[0] === 'alerts') return runAlertSim(flags);
  if (words.length) throw new AppError('bad_settings', `"${words[0]}" is not understood; settings look like --devices 100`);
  const { values } = loadSettings(SIM_SETTINGS, { flags, env: { [envName('data')]: process.env['MUSTER_DATA'] }, file: null });
  const access =
    values.hub && values.token
      ? { url: values.hub, token: values.token }
      : readControl(resolve(process.env['INIT_CWD'] ?? '.', values.data));
  const length_ms = (values.minutes || 24 * 60) * 60_000;
  const plan = { devices: values.devices, length_ms, every_ms: 20 * 60_000, lasts_ms: [45_000, 180_000] as const };
  const fleet = createFleet(createHubApi(access), {
    devices: values.devices,
    seed: values.seed,
    interval_ms: values.interval,
    keepalive_s: values.keepalive,
    prefix: values.prefix,
    faults: values.faults ? planFaults(plan, createRandom(values.seed)) : [],
    connects_per_s: 500,
  });
  console.log(`Joining and connecting ${values.devices} devices to ${access.url} …`);
  await fleet.start();
  await untilDone(values.minutes * 60_000, () => console.log(line(fleet.figures())));
  await Promise.race([fleet.stop(), new Promise((done) => setTimeout(done, SLOW_DOWN_MS))]);
  const figures = fleet.figures();
  console.log(line(figures));
  process.exit(0);
};

/** A year of 130 healthy devices a network beside those with a fault: a few minutes on one core. */
const EARNINGS = { seed: 1, days: 365, healthy: 130, stopped: 20, dropped: 10 };

const earnings = async (flags: Record<string, string | true>) => {
  const seed = v.safeParse(wholeNumber(0, 2 ** 31), flags['seed'] ?? `${EARNINGS.seed}`);
  if (!seed.success) throw new AppError('bad_settings', '--seed must be a whole number');
  const json = flags['json'] !== undefined;
  const figures = await simulateEarnings(
    { ...EARNINGS, seed: seed.output },
    json ? undefined : (one) => console.log(earningLine(one)),
  );
  if (json) console.log(JSON.stringify(figures, null, 2));
};

const help = (): string => {
  const lines = Object.values(SIM_SETTINGS).map(
    (one) => `  --${one.name.padEnd(10)} ${one.help}${one.default === null ? '' : ` (${one.default})`}`,
  );
  return [
    'npm run sim -- [--setting value …]: a simulated fleet against a running hub',
    ...lines,
    'npm run sim -- alerts [--devices N --days D --seed S] [--json]: what the alerts make of faults on a known timeline',
    'npm run sim -- earnings [--seed S] [--json]: what the rules about earning say of a simulated year',
  ].join('\n');
};

const untilDone = (length_ms: number, show: () => void): Promise<void> =>
  new Promise((done) => {
    setInterval(show, EVERY_MS);
    if (length_ms) setTimeout(done, length_ms);
    for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => done());
  });

const ms = (value: number | null) => (value === null ? '-' : `${value.toFixed(1)} ms`);
const line = (f: FleetFigures): string =>
  `${f.connected} connected, ${f.sent} sent, ${f.acknowledged} acknowledged, ${f.failed} failed, ${f.reconnects} reconnects, ` +
  `PUBACK p50 ${ms(f.puback_p50_ms)}, p99 ${ms(f.puback_p99_ms)}, max ${ms(f.puback_max_ms)}`;

main().catch((error: unknown) => {
  console.error(asAppError(error).message);
  process.exit(1);
});
