/** Whether each channel told of every fault once and in time, and of nothing else. */
import { type Firing, type Heard, isWithin } from './alerts-book.js';
import type { Taken } from './alerts-channel.js';
import { idOf, stakeText } from './alerts-fleet.js';
import { type AlertFault, shapeOf } from './alerts-plan.js';
import { type ChannelFailure, isWeeklySilence, type Outage, type PlannedSilence, placeOf } from './alerts-troubles.js';

export interface NoticeScore {
  channel: string;
  notices: number;
  /** About faults, of them about places and about notices that were held back; reminders; ends. */
  firing: number;
  outages: number;
  held: number;
  /** Told in parts, because the hub was away as the place went away. */
  split: number;
  reminders: number;
  resolved: number;
  untold: number;
  told_late: number;
  twice: number;
  /** Told in a silence, or without a reason. */
  needless: number;
  /** From the alert to the notice, where the channel worked and its limit was not reached. */
  p50_s: number;
  p99_s: number;
  max_s: number;
  /** The longest of all. */
  longest_s: number;
  examples: string[];
}

/** Gathered for a second, then sent; the simulation looks every quarter of one. */
const PROMISED_S = 1.75;
/** One after the other: each that leaves at the same time takes so long. */
const TAKES_S = 0.5;
/** The longest pause of a channel that failed, and the turn of what waits behind. */
const PAUSE_S = 660;
const PER_MINUTE = 10;
const MINUTE_S = 61;
/** A place is away, and its alerts are pending or told, within this time. */
const VANISH_S = 32;
/** This channel fails at times. */
export const FAILING = 'phone';

/** While a device is away its other alerts are not told. */
const REBOOT_S = 60;

interface Want {
  /** When it is to be told, and until when that may take. */
  at: number;
  by: number;
  undisturbed: boolean;
}

export const judgeNotices = (heard: Heard, channel: string): NoticeScore => {
  const notices = heard.book.notices.filter((one) => one.channel === channel);
  const verdicts = createVerdicts(heard, channel, notices);
  for (const fault of heard.plan.faults) if (!fault.kind.startsWith('site')) verdicts.fault(fault);
  for (const outage of heard.plan.outages) verdicts.outage(outage);
  verdicts.hub();
  const of = (wanted: (one: Taken) => boolean) => notices.filter(wanted).length;
  return {
    channel,
    notices: notices.length,
    firing: of(({ kind }) => kind === 'firing'),
    outages: of(({ kind, incident }) => kind === 'firing' && incident !== null),
    held: of(({ held }) => held !== null),
    reminders: of(({ kind }) => kind === 'still' || kind === 'escalation'),
    resolved: of(({ kind }) => kind === 'resolved'),
    ...verdicts.result(),
  };
};

const createVerdicts = (heard: Heard, channel: string, notices: readonly Taken[]) => {
  const counts = { untold: 0, told_late: 0, twice: 0, needless: 0 };
  const examples: string[] = [];
  const latencies: number[] = [];
  let longest_s = 0;
  let split = 0;
  const wrong = (what: keyof typeof counts, about: unknown, more = '') => {
    counts[what]++;
    examples.push(`${channel}: ${what}: ${JSON.stringify(about)} ${more}`);
  };
  const wantOf = createWants(heard, channel, notices);
  const timed = (about: unknown, { at, by, undisturbed }: Want, told: number) => {
    if (told > by) wrong('told_late', about, `told at ${told} s, to be told at ${at} s, by ${by} s`);
    if (undisturbed) latencies.push(told - at);
    longest_s = Math.max(longest_s, told - at);
  };
  const judge = (about: { kind: string }, firings: readonly Firing[], told: readonly number[]) => {
    const [first] = told;
    const again = about.kind === 'flapping' || about.kind === 'looping';
    const away_s = about.kind === 'looping' ? REBOOT_S : 0;
    const wants = firings.flatMap((one) => wantOf(one, { told: first ?? Number.POSITIVE_INFINITY, away_s }) ?? []);
    const [want] = wants;
    if (first === undefined && want) wrong('untold', about, `fired ${firings.map(({ at, ended }) => `${at}-${ended}`)}`);
    if (first !== undefined && !want) wrong('needless', about, `told at ${told}`);
    if (first !== undefined && want) timed(about, want, first);
    if (told.length > 1 && !again) wrong('twice', about, `told at ${told}`);
  };
  return {
    fault(fault: AlertFault) {
      const { rule } = shapeOf(fault.kind);
      const firings = heard.book.of(idOf(fault.device)).filter((one) => isWithin(fault, one) && one.rule === rule);
      const told = firings.flatMap((one) => one.told).flatMap((one) => (one.channel === channel ? one.at : []));
      if (firings.length > 0) judge(fault, firings, told);
    },
    outage(outage: Outage) {
      const { devices, ...about } = outage;
      const { firings, whole, told, alone } = tellingsOf(heard, { outage, channel, notices });
      // A hub that went away in that very moment hears of some before and of the others after it: each device is told once then.
      const torn = told.length > 1 && heard.absences.some((one) => one.from <= outage.from + VANISH_S && one.to >= outage.from);
      if (torn) split++;
      if (firings.length > 0) judge(about, firings.slice(0, 1), torn ? told.slice(0, 1) : told);
      const rest = devices.filter((device) => !torn || !alone.has(idOf(device)));
      if (torn && whole.length === 0 && rest.length > 0) wrong('untold', about, `${rest}`);
      for (const { title, text } of whole)
        if (!title.includes(`${rest.length} devices`) || !text.includes(stakeText(rest)))
          wrong('untold', about, `"${title}" "${text}", of ${rest.length} devices and ${stakeText(rest)}`);
    },
    /** A channel that fails is told on the other, and on no other. */
    hub() {
      for (const one of heard.book.of('')) {
        const told = one.told.filter((each) => each.channel === channel).map(({ at }) => at);
        if (channel === FAILING && told.length > 0) wrong('needless', one);
        if (channel !== FAILING && told.length > 1) wrong('twice', one);
      }
    },
    result() {
      latencies.sort((a, b) => a - b);
      const at = (share: number) => latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * share))] ?? 0;
      return { ...counts, split, p50_s: at(0.5), p99_s: at(0.99), max_s: at(1), longest_s, examples };
    },
  };
};

/** The notices of a channel about an outage: of the place, and of its devices by themselves. */
const tellingsOf = (
  { book }: Heard,
  { outage, channel, notices }: { outage: Outage; channel: string; notices: readonly Taken[] },
) => {
  const ids = new Set(outage.devices.map(idOf));
  const firings = [...ids].flatMap((id) => book.of(id).filter((one) => isWithin(outage, one)));
  const whole = notices.filter(
    (one) => one.kind === 'firing' && isWithin(outage, one) && one.incident?.devices.some((id) => ids.has(id)),
  );
  const single = firings.flatMap(({ device, told }) => told.map((one) => ({ ...one, device })));
  const mine = single.filter((one) => one.channel === channel);
  const held = whole.length === 0 ? mine.filter((one) => one.held).slice(0, 1) : [];
  const alone = mine.filter((one) => !one.held);
  const told = [...whole, ...held, ...alone].map(({ at }) => at).sort((a, b) => a - b);
  return { firings, whole, told, alone: new Set(alone.map(({ device }) => device)) };
};

/** When an alert is to be told on a channel; null: it was silenced until its end. */
const createWants = ({ plan, absences }: Heard, channel: string, notices: readonly Taken[]) => {
  const failures = channel === FAILING ? plan.failures : [];
  const times = notices.map(({ at }) => at);
  return (firing: Firing, { told, away_s }: { told: number; away_s: number }): Want | null => {
    const at = unsilenced(plan.silences, firing);
    // One that ends in the very second may be told or not.
    if (firing.ended !== null && firing.ended <= at + (Number.isFinite(told) ? 0 : 1) && at > firing.at) return null;
    const until = Math.min(told, at + 86_400);
    const delays = [
      ...(away_s > 0 ? [at + away_s] : []),
      ...absences.filter((one) => one.from <= until && one.to >= at).map((one) => one.to + PROMISED_S),
      ...failures.filter((one) => isFailing(one, at)).map((one) => one.to + PAUSE_S),
      at + PROMISED_S + TAKES_S * times.filter((one) => one > at - 2 && one < until).length,
      ...(times.filter((one) => one > until - MINUTE_S && one < until).length >= PER_MINUTE ? [at + MINUTE_S + PROMISED_S] : []),
    ];
    return { at, by: Math.max(...delays), undisturbed: delays.length === 1 };
  };
};

const isFailing = ({ from, to }: ChannelFailure, at: number): boolean => at >= from - 2 && at <= to + PAUSE_S;

const unsilenced = (silences: readonly PlannedSilence[], { device, at }: Firing): number => {
  const index = Number(device.slice(4));
  const holds = ({ scope }: PlannedSilence) => ('device' in scope ? scope.device === index : scope.place === placeOf(index));
  const mine = silences.filter(holds);
  let end = at;
  for (let moved = true; moved; ) {
    const now = end;
    const one = mine.find((each) => (each.weekly ? isWeeklySilence(now) : each.from <= now && each.to > now));
    if (one) end = one.weekly ? nextMinute(now) : one.to;
    moved = end > now;
  }
  return end;
};

const nextMinute = (at: number): number => Math.floor(at / 60) * 60 + 60;
