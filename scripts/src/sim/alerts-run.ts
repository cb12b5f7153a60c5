/** Moves the clock second by second, and lets happen to the fleet and the hub what is planned. */
import type { RuleDeclaration } from '@muster/hub/alerts/rule';
import { createHandStore } from '@muster/hub/alerts/testing/store';
import { loadPlugins } from '@muster/shared/plugins';
import { createTestClock } from '@muster/shared/testing/clock';
import { type Absence, createBook, type Heard } from './alerts-book.js';
import { createRecorder } from './alerts-channel.js';
import { type AlertDevice, newAlertDevice, valuesAt } from './alerts-device.js';
import { remoteOf, simDevice, siteId, stakeOf } from './alerts-fleet.js';
import type { AlertFault } from './alerts-plan.js';
import { FAILING } from './alerts-told.js';
import { type AlertPlan, type PlannedSilence, WEEKLY } from './alerts-troubles.js';
import { type AlertWorld, createAlertWorld, INTERVAL_S } from './alerts-world.js';
import type { Random } from './random.js';

/** In `src` as well as in the build. */
const RULES = new URL(
  '../../../hub/src/alerts/rules/'.replace('/src/', import.meta.url.includes('/dist/') ? '/dist/' : '/src/'),
  import.meta.url,
);
const CHANNELS = [FAILING, 'mail'];
/** Around faults devices report so often. */
const CLOSE_S = 10;
const NEAR_S = 720;
const KEEPALIVE_S = 7;
const FLAP_S = 600;
const LOOP_S = 480;
const REBOOT_S = 45;
const AWAY_S = 20;
/** Agents back off up to 30 s. */
const BACK_OFF_S = 28;
/** For so long after something was heard the clock moves in quarters of a second, with room for promises between. */
const LIVELY_S = 4;
const QUARTERS = 4;
const TURNS = 40;
/** Else what a failed channel needs for its next try. */
const FEW_TURNS = 10;

export interface AlertRun {
  plan: AlertPlan;
  devices: number;
  length_s: number;
  random: Random;
}

/** The fleet and its hub as they are at a second. */
interface Scene {
  world: AlertWorld;
  plan: AlertPlan;
  fleet: AlertDevice[];
  random: Random;
  /** Devices that connect at a second. */
  back_at: Map<number, AlertDevice[]>;
  open: Set<AlertFault>;
  absences: Absence[];
  at: number;
  lively_until: number;
  /** A notice is on its way. */
  delivering: boolean;
  /** Next ones of the plan. */
  next: { fault: number; silence: number; restart: number };
  advance(seconds: number): void;
}

export const runAlerts = async ({ plan, devices, length_s, random }: AlertRun): Promise<Heard> => {
  const clock = createTestClock();
  const book = createBook(clock.now());
  const scene = await createScene({ plan, devices, length_s, random }, { clock, book });
  const { world } = scene;
  for (const name of CHANNELS) await world.notify().putNotifier(name, { kind: 'recorder', config: { name } });
  for (const one of scene.fleet) comesBack(scene, one, 1 + Math.floor(random.next() * INTERVAL_S));
  while (scene.at < length_s) {
    await step(scene);
    await happen(scene);
    reports(scene);
  }
  return { plan, book, absences: scene.absences, channels: CHANNELS };
};

interface Stage {
  clock: ReturnType<typeof createTestClock>;
  book: ReturnType<typeof createBook>;
}

const createScene = async ({ plan, devices, random }: AlertRun, { clock, book }: Stage): Promise<Scene> => {
  const store = createHandStore();
  store.automatic(true);
  const seconds = () => clock.monotonic() / 1_000;
  const failing = () => plan.failures.find(({ from, to }) => from <= seconds() && to > seconds())?.how ?? null;
  const recorder = createRecorder({
    ...{ clock, document: store.document },
    trouble: (channel) => (channel === FAILING ? failing() : null),
    took(notice) {
      scene.delivering = true;
      scene.lively_until = scene.at + LIVELY_S;
      book.took(notice);
    },
  });
  const world = await createAlertWorld({
    ...{ clock, store, remote: remoteOf, stake: stakeOf, chance: random.fork('chance').next },
    devices: Array.from({ length: devices }, (_, index) => simDevice(index)),
    rules: await loadPlugins<RuleDeclaration>(RULES),
    notifiers: new Map([[recorder.id, recorder]]),
    hear(event) {
      scene.lively_until = scene.at + LIVELY_S;
      book.hear(event);
    },
  });
  const fleet = Array.from({ length: devices }, (_, index) => newAlertDevice(index, random.fork(`device ${index}`)));
  const scene: Scene = {
    ...{ world, plan, fleet, random: random.fork('run'), back_at: new Map(), open: new Set(), absences: [] },
    ...{ at: 0, lively_until: LIVELY_S, delivering: false, next: { fault: 0, silence: 0, restart: 0 } },
    advance: (s) => clock.advance(s * 1_000),
  };
  return scene;
};

const comesBack = ({ back_at }: Scene, one: AlertDevice, at: number) => void back_at.set(at, [...(back_at.get(at) ?? []), one]);

const settle = async (turns: number) => {
  for (let turn = 0; turn < turns; turn++) await Promise.resolve();
};

/** A second passes, or the hub is restarted. */
const step = async (scene: Scene): Promise<void> => {
  const { at } = scene;
  if (isToRestart(scene)) await restart(scene);
  else {
    const killed = await second(scene);
    scene.at++;
    if (killed) await restart(scene);
  }
  for (let due = at + 1; due <= scene.at; due++) {
    for (const one of scene.back_at.get(due) ?? []) if (isThere(one, scene.at)) connect(scene, one);
    scene.back_at.delete(due);
  }
};

/** True when the hub is to be killed while a channel has a notice, but did not say so yet. */
const second = async (scene: Scene): Promise<boolean> => {
  const { plan, next, at } = scene;
  const due = plan.restarts[next.restart];
  const parts = scene.lively_until >= at ? QUARTERS : 1;
  scene.delivering = false;
  for (let part = 1; part <= parts; part++) {
    scene.advance(1 / parts);
    await settle(parts > 1 ? TURNS : FEW_TURNS);
    if (!scene.delivering || due?.how !== 'delivering' || due.at > at) continue;
    scene.advance((parts - part) / parts);
    return true;
  }
  return false;
};

const isToRestart = ({ plan, next, at }: Scene): boolean => {
  const due = plan.restarts[next.restart];
  return due !== undefined && due.how !== 'delivering' && due.at <= at;
};

const restart = async (scene: Scene): Promise<void> => {
  const { world, plan, next, fleet, random } = scene;
  const killed = plan.restarts[next.restart]?.how !== 'stopped';
  next.restart++;
  const from = scene.at;
  await world.restart(AWAY_S, killed);
  scene.at += AWAY_S;
  scene.lively_until = scene.at + LIVELY_S;
  scene.absences.push({ from, to: scene.at });
  for (const one of fleet)
    if (isThere(one, scene.at)) comesBack(scene, one, scene.at + 1 + Math.floor(random.next() * BACK_OFF_S));
};

const happen = async (scene: Scene): Promise<void> => {
  const { plan, next, at, open } = scene;
  for (let silence = plan.silences[next.silence]; silence && silence.from <= at; silence = plan.silences[++next.silence])
    await scene.world.notify().addSilence(silenceOf(silence, scene), 'operator');
  for (let fault = plan.faults[next.fault]; fault && fault.from <= at; fault = plan.faults[++next.fault]) begin(scene, fault);
  for (const fault of open) during(scene, fault);
};

const silenceOf = ({ scope, to, weekly }: PlannedSilence, { at }: Scene) => ({
  scope: 'device' in scope ? { device: `sim-${scope.device}` } : { site: siteId(scope.place) },
  ...(weekly ? { weekly: WEEKLY } : { to: EPOCH + Math.max(to, at + 1) * 1_000 }),
  comment: 'maintenance',
});
/** Where the hand-moved clock begins. */
const EPOCH = Date.UTC(2026, 0, 1);

const connect = ({ world, at }: Scene, one: AlertDevice) => {
  world.connect(one.id, `${one.index} ${Math.round(one.booted)}`);
  if (one.fault?.kind !== 'mute') world.report(one.id, valuesAt(one, at));
};

type Kinds = ReadonlySet<AlertFault['kind']>;
const DARK: Kinds = new Set(['cut', 'site_power', 'site_line']);
const DROPPED: Kinds = new Set(['killed', 'blip', 'site_blip']);
const SAID_SO: Kinds = new Set(['stopped', 'rebooted']);
const BOOTED: Kinds = new Set(['cut', 'site_power', 'stopped', 'rebooted']);

/** Whether the device would be connected. */
const isThere = ({ fault }: AlertDevice, at: number): boolean => {
  if (!fault) return true;
  if (DARK.has(fault.kind) || DROPPED.has(fault.kind) || SAID_SO.has(fault.kind)) return false;
  if (fault.kind === 'flapping') return Math.floor((at - fault.from) / FLAP_S) % 2 === 1;
  return fault.kind !== 'looping' || (at - fault.from) % LOOP_S >= REBOOT_S;
};

const begin = ({ fleet, open }: Scene, fault: AlertFault) => {
  const one = fleet[fault.device];
  if (!one) return;
  one.fault = fault;
  if (fault.kind === 'bad_sectors') one.sectors += 4;
  open.add(fault);
};

/** What the fault does to the link at this second. */
const during = (scene: Scene, fault: AlertFault) => {
  const { world, fleet, at, open } = scene;
  const one = fleet[fault.device];
  if (!one) return;
  if (at >= fault.to) {
    open.delete(fault);
    one.fault = null;
    if (BOOTED.has(fault.kind)) one.booted = at;
    if (!world.connected(one.id)) connect(scene, one);
    return;
  }
  if (DARK.has(fault.kind) && at - fault.from >= KEEPALIVE_S) world.drop(one.id, 'keepalive');
  if (DROPPED.has(fault.kind)) world.drop(one.id, 'lost');
  if (SAID_SO.has(fault.kind)) world.stop(one.id);
  if (fault.kind === 'flapping' || fault.kind === 'looping') swing(scene, one);
};

const swing = (scene: Scene, one: AlertDevice) => {
  const there = isThere(one, scene.at);
  if (there === scene.world.connected(one.id)) return;
  if (!there) {
    scene.world.drop(one.id, 'lost');
    return;
  }
  if (one.fault?.kind === 'looping') one.booted = scene.at;
  connect(scene, one);
};

/** Each at its own second of the interval; those with a fault closer together around its ends. */
const reports = ({ world, fleet, at, open }: Scene) => {
  for (let index = INTERVAL_S - 1 - ((at + INTERVAL_S - 1) % INTERVAL_S); index < fleet.length; index += INTERVAL_S) {
    const one = fleet[index];
    if (one && !one.fault) world.report(one.id, valuesAt(one, at));
  }
  for (const fault of open) {
    const one = fleet[fault.device];
    const near = at - fault.from < NEAR_S || at > fault.to - NEAR_S;
    if (!one || (at + one.index) % (near ? CLOSE_S : INTERVAL_S) !== 0) continue;
    if (fault.kind !== 'mute' && !DARK.has(fault.kind)) world.report(one.id, valuesAt(one, at));
  }
};
