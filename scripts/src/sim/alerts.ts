/** `npm run sim -- alerts [--devices N --days D --seed S] [--json]`: faults on a known timeline, and what the alerts make of them. */
import type { RuleDeclaration } from '@muster/hub/alerts/rule';
import { loadPlugins } from '@muster/shared/plugins';
import { loadSettings, setting, wholeNumber } from '@muster/shared/settings';
import { type AlertDevice, newAlertDevice, valuesAt } from './alerts-device.js';
import { createPlainSender, type NoticeSender } from './alerts-notices.js';
import { type AlertFault, planAlertFaults } from './alerts-plan.js';
import { type AlertScore, createScore } from './alerts-score.js';
import { type AlertWorld, createAlertWorld, INTERVAL_S } from './alerts-world.js';
import { createRandom, type Random } from './random.js';

const OPTIONS = {
  devices: setting({ name: 'devices', help: 'How many devices', schema: wholeNumber(1, 20_000), default: 1_000 }),
  days: setting({ name: 'days', help: 'Simulated days', schema: wholeNumber(1, 365), default: 30 }),
  seed: setting({ name: 'seed', help: 'The same seed gives the same faults', schema: wholeNumber(0, 2 ** 31), default: 1 }),
};

export interface AlertSim {
  devices: number;
  days: number;
  seed: number;
  sender?: NoticeSender;
}

/** In `src` as well as in the build. */
const RULES = new URL(
  '../../../hub/src/alerts/rules/'.replace('/src/', import.meta.url.includes('/dist/') ? '/dist/' : '/src/'),
  import.meta.url,
);
const DAY_S = 86_400;
const EPOCH = Date.UTC(2026, 0, 1);
/** Around faults devices report so often. */
const CLOSE_S = 10;
const NEAR_S = 720;
const KEEPALIVE_S = 7;
const FLAP_S = 600;
const LOOP_S = 480;
const REBOOT_S = 45;
/** The hub is restarted so often, and away for so long. */
const RESTART_S = 4 * DAY_S + 5_000;
const AWAY_S = 20;
/** Agents back off up to 30 s. */
const BACK_OFF_S = 28;

export const simulateAlerts = async ({ devices, days, seed, sender = createPlainSender() }: AlertSim): Promise<AlertScore> => {
  const random = createRandom(seed);
  const length_s = days * DAY_S;
  const plan = planAlertFaults(devices, length_s, random.fork('faults'));
  const fleet = Array.from({ length: devices }, (_, index) => newAlertDevice(index, random.fork(`device ${index}`)));
  const score = createScore(plan, EPOCH, sender);
  const rules = await loadPlugins<RuleDeclaration>(RULES);
  const ids = fleet.map(({ id }) => id);
  const world = await createAlertWorld(ids, rules, score.hear);
  const run: Run = { world, fleet, random: random.fork('run'), back_at: new Map(), at: 0 };
  for (const one of fleet) comesBack(run, one, 1 + Math.floor(run.random.next() * INTERVAL_S));
  let next = 0;
  const open = new Set<AlertFault>();
  while (run.at < length_s) {
    await step(run);
    for (let fault = plan[next]; fault && fault.from <= run.at; fault = plan[++next]) begin(run, fault, open);
    for (const fault of open) during(run, fault, open);
    reports(run, open);
  }
  return score.result(devices, days);
};

interface Run {
  world: AlertWorld;
  fleet: AlertDevice[];
  random: Random;
  /** Devices that connect at a second. */
  back_at: Map<number, AlertDevice[]>;
  at: number;
}

const comesBack = ({ back_at }: Run, one: AlertDevice, at: number) => void back_at.set(at, [...(back_at.get(at) ?? []), one]);

/** A second passes; now and then the hub is restarted instead. */
const step = async (run: Run): Promise<void> => {
  const { world, back_at } = run;
  const restarts = run.at % RESTART_S === RESTART_S - 1;
  if (restarts) {
    await world.restart(AWAY_S);
    for (const one of run.fleet) {
      if (isThere(one, run.at)) comesBack(run, one, run.at + AWAY_S + 1 + Math.floor(run.random.next() * BACK_OFF_S));
    }
  } else world.advance(1);
  const before = run.at;
  run.at += restarts ? AWAY_S : 1;
  for (let at = before + 1; at <= run.at; at++) {
    for (const one of back_at.get(at) ?? []) if (isThere(one, run.at)) connect(run, one);
    back_at.delete(at);
  }
};

const connect = ({ world, at }: Run, one: AlertDevice) => {
  world.connect(one.id, `${one.index} ${Math.round(one.booted)}`);
  world.report(one.id, valuesAt(one, at));
};

const GONE = new Set<AlertFault['kind']>(['cut', 'killed', 'stopped', 'rebooted', 'blip']);

/** Whether the device would be connected. */
const isThere = ({ fault }: AlertDevice, at: number): boolean => {
  if (!fault) return true;
  if (GONE.has(fault.kind)) return false;
  if (fault.kind === 'flapping') return Math.floor((at - fault.from) / FLAP_S) % 2 === 1;
  return fault.kind !== 'looping' || (at - fault.from) % LOOP_S >= REBOOT_S;
};

const begin = ({ fleet }: Run, fault: AlertFault, open: Set<AlertFault>) => {
  const one = fleet[fault.device];
  if (!one) return;
  one.fault = fault;
  if (fault.kind === 'bad_sectors') one.sectors += 4;
  open.add(fault);
};

/** What the fault does to the link at this second. */
const during = (run: Run, fault: AlertFault, open: Set<AlertFault>) => {
  const { world, fleet, at } = run;
  const one = fleet[fault.device];
  if (!one) return;
  const since = at - fault.from;
  if (at >= fault.to) {
    open.delete(fault);
    one.fault = null;
    if (['cut', 'stopped', 'rebooted'].includes(fault.kind)) one.booted = at;
    if (!world.connected(one.id)) connect(run, one);
    return;
  }
  if (fault.kind === 'cut' && since >= KEEPALIVE_S) world.drop(one.id, 'keepalive');
  if (fault.kind === 'killed' || fault.kind === 'blip') world.drop(one.id, 'lost');
  if (fault.kind === 'stopped' || fault.kind === 'rebooted') world.stop(one.id);
  if (fault.kind === 'flapping' || fault.kind === 'looping') swing(run, one);
};

const swing = (run: Run, one: AlertDevice) => {
  const there = isThere(one, run.at);
  if (there === run.world.connected(one.id)) return;
  if (!there) {
    run.world.drop(one.id, 'lost');
    return;
  }
  if (one.fault?.kind === 'looping') one.booted = run.at;
  connect(run, one);
};

/** Each at its own second of the interval; those with a fault closer together around its ends. */
const reports = (run: Run, open: ReadonlySet<AlertFault>) => {
  const { fleet, at } = run;
  for (let index = INTERVAL_S - 1 - ((at + INTERVAL_S - 1) % INTERVAL_S); index < fleet.length; index += INTERVAL_S) {
    const one = fleet[index];
    if (one && !one.fault) run.world.report(one.id, valuesAt(one, at));
  }
  for (const fault of open) {
    const one = fleet[fault.device];
    const near = at - fault.from < NEAR_S || at > fault.to - NEAR_S;
    if (!one || (at + one.index) % (near ? CLOSE_S : INTERVAL_S) !== 0) continue;
    if (fault.kind !== 'mute' && fault.kind !== 'cut') run.world.report(one.id, valuesAt(one, at));
  }
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
  `${devices} devices × ${days} days, seed ${seed}: ${score.faults} faults to be told, ${score.fired} alerts fired, ${score.notices} notices`,
  `missed ${score.missed} (of them late ${score.late}), false alarms ${score.false_alarms} (${score.false_alarms_per_device_year.toFixed(3)} per device and year)`,
  `flapping: at most ${score.worst_flapping_notices_per_h} notices and ${score.worst_flapping_firings_per_h} alerts of a device within an hour`,
  ...score.latency.map(
    (one) =>
      `  ${one.kind.padEnd(14)} ${`${one.faults}`.padStart(5)} told after p50 ${one.p50_s.toFixed(0)} s, at most ${one.max_s.toFixed(0)} s (promised ${one.promised_s} s)`,
  ),
  ...score.examples.map((text) => `  ${text}`),
];
