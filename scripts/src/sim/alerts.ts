/** `npm run sim -- alerts [--devices N --days D --seed S] [--json]`: faults on a known timeline, and what the hub makes of them. */
import { loadSettings, setting, wholeNumber } from '@muster/shared/settings';
import { runAlerts } from './alerts-run.js';
import { type AlertScore, type Latency, scoreAlerts } from './alerts-score.js';
import type { NoticeScore } from './alerts-told.js';
import { planAlerts, planQuiet } from './alerts-troubles.js';
import { createRandom } from './random.js';

const OPTIONS = {
  devices: setting({ name: 'devices', help: 'How many devices', schema: wholeNumber(1, 20_000), default: 1_000 }),
  days: setting({ name: 'days', help: 'Simulated days', schema: wholeNumber(1, 365), default: 30 }),
  seed: setting({ name: 'seed', help: 'The same seed gives the same faults', schema: wholeNumber(0, 2 ** 31), default: 1 }),
};
const DAY_S = 86_400;

export interface AlertSim {
  devices: number;
  days: number;
  seed: number;
  /** Nothing happens to the fleet. */
  quiet?: boolean;
}

export const simulateAlerts = async ({ devices, days, seed, quiet = false }: AlertSim): Promise<AlertScore> => {
  const random = createRandom(seed);
  const size = { devices, length_s: days * DAY_S };
  const plan = (quiet ? planQuiet : planAlerts)(size, random.fork('faults'));
  return scoreAlerts(await runAlerts({ plan, ...size, random }), { devices, days });
};

export const runAlertSim = async (flags: Readonly<Record<string, string | true>>): Promise<void> => {
  const { json, ...rest } = flags;
  const { values } = loadSettings(OPTIONS, { flags: rest, env: {}, file: null });
  const started = performance.now();
  const score = await simulateAlerts(values);
  const seconds = (performance.now() - started) / 1_000;
  for (const line of linesOf(score, values)) console.log(line);
  console.log(`${seconds.toFixed(0)} s`);
  const { missed, false_alarms, worst_flapping_notices_per_h } = score;
  if (json) console.log(JSON.stringify({ missed, false_alarms, worst_flapping_notices_per_h }));
};

const linesOf = (score: AlertScore, { devices, days, seed }: AlertSim): string[] => [
  `${devices} devices × ${days} days, seed ${seed}: ${score.faults} faults to be told, ${score.fired} alerts fired, ${score.restarts} restarts of the hub`,
  `missed ${score.missed} (of them ${score.lost} not found and ${score.late} found late), false alarms ${score.false_alarms} (${score.false_alarms_per_device_year.toFixed(3)} per device and year)`,
  `flapping: at most ${score.worst_flapping_notices_per_h} notices and ${score.worst_flapping_firings_per_h} alerts of a device within an hour`,
  'from the fault to the alert',
  ...score.latency.map(latencyLine),
  ...score.notices.flatMap(noticeLines),
  ...score.examples.map((text) => `  ${text}`),
];

const latencyLine = ({ kind, faults, p50_s, max_s, promised_s }: Latency): string =>
  `  ${kind.padEnd(14)} ${`${faults}`.padStart(6)} p50 ${p50_s.toFixed(0)} s, at most ${max_s.toFixed(0)} s (promised ${promised_s} s while the hub is there)`;

const noticeLines = (one: NoticeScore): string[] => [
  `channel ${one.channel}: ${one.notices} notices: ${one.firing} of faults (${one.outages} of them of a whole place, ${one.split} of these in parts, ${one.held} of what was held back), ${one.reminders} reminders, ${one.resolved} of ends`,
  `  not told ${one.untold}, late ${one.told_late}, twice ${one.twice}, needless ${one.needless}`,
  `  from the alert to the notice p50 ${one.p50_s.toFixed(2)} s, p99 ${one.p99_s.toFixed(2)} s, at most ${one.max_s.toFixed(2)} s; where the channel failed, the hub was away or the limit was reached at most ${one.longest_s.toFixed(0)} s`,
];
