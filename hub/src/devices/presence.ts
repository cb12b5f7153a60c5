/** The presence state machine (DESIGN §3.4): pure. Inputs change the facts about a device, `judge` says what they mean now. */
import type { PresenceState } from '@muster/shared/wire/live';
import type { CloseReason } from '../bus/bus.js';

export const PRESENCE = {
  /** Agents back off up to 30 s with jitter: after an absence of the hub they get this long to come back. */
  reconnect_ms: 45_000,
  /** Drops this soon after the hub's loop woke are the hub's own: all keepalives fire at once (measured). */
  waking_ms: 1_000,
  /** A take-over closes the old link just before the new one opens. */
  takeover_ms: 5_000,
  quiet_intervals: 3,
  lost_intervals: 10,
  /** An agent has one live report in flight and its PUBACK may wait 2.5 s for a group: shorter silences say nothing. */
  quiet_floor_ms: 5_000,
  lost_floor_ms: 10_000,
  /** Rhythm of a device without a birth, until its reports tell, and the bounds of what they can tell. */
  rhythm_ms: 300_000,
  rhythm_min_ms: 10_000,
  rhythm_max_ms: 86_400_000,
} as const;

/** The same instant on both clocks: `ts` is shown, only `mono` decides, so that a step of the wall clock changes nobody's state. */
export interface Moment {
  ts: number;
  mono: number;
}

export interface Facts {
  readonly state: PresenceState;
  readonly since: number;
  readonly last_seen: number | null;
  readonly boot: string | null;
  readonly session: number;
  /** How it was heard last: by births over a connection, or by reports alone. */
  readonly speaks: 'nobody' | 'agent' | 'script';
  /** Highest link ever opened, the one open now, the one that spoke last, the one that sent a birth last. */
  readonly newest: number;
  readonly link: number | null;
  readonly voice: number | null;
  readonly agent_link: number | null;
  readonly goodbye: boolean;
  /** Connected, but not heard since the hub stood still. */
  readonly awaited: boolean;
  /** It was quiet when the hub went away: a birth of the same boot is no report. */
  readonly mute: boolean;
  /** Monotonic: `reconnecting` until then. */
  readonly grace_until: number;
  /** Monotonic: whatever it was until then, while one link replaces another. */
  readonly held_until: number;
  /** Monotonic: where its silence begins. */
  readonly heard: number;
  /** Monotonic: when it came back from an absence of its own; carried devices are unknown until heard after it. */
  readonly present_at: number;
  readonly interval_ms: number;
  readonly rhythm_ms: number;
  readonly beat: number;
}

export const NEVER_SEEN: Facts = {
  state: 'never_seen',
  since: 0,
  last_seen: null,
  boot: null,
  session: 0,
  speaks: 'nobody',
  newest: 0,
  link: null,
  voice: null,
  agent_link: null,
  goodbye: false,
  awaited: false,
  mute: false,
  grace_until: 0,
  held_until: 0,
  heard: Number.NEGATIVE_INFINITY,
  present_at: Number.NEGATIVE_INFINITY,
  interval_ms: 10_000,
  rhythm_ms: PRESENCE.rhythm_ms,
  beat: Number.NEGATIVE_INFINITY,
};

// ---- what a device is now

/** Set for a carried device: its agent's state and return, and its own pace. */
export interface Carrier {
  state: PresenceState;
  present_at: number;
  interval_ms: number;
}

export interface View {
  mono: number;
  carrier: Carrier | null;
  /** The store cannot commit: nothing becomes quiet or lost. */
  frozen: boolean;
}

export const judge = (facts: Facts, { mono, carrier, frozen }: View): PresenceState => {
  const next = carrier ? judgeCarried(facts, carrier, mono) : judgeOwn(facts, mono);
  return frozen && (next === 'quiet' || next === 'lost') ? facts.state : next;
};

const judgeOwn = (facts: Facts, mono: number): PresenceState => {
  if (facts.speaks === 'nobody') return facts.state;
  if (facts.goodbye) return 'stopped';
  if (facts.speaks === 'script') return bySilence(mono - facts.heard, facts.rhythm_ms);
  if (facts.link === null) return judgeGone(facts, mono);
  if (facts.voice !== facts.link) return judgeMute(facts, mono);
  if (facts.awaited && mono < facts.grace_until) return 'reconnecting';
  return mono - facts.heard <= quietAfter(facts.interval_ms) ? 'online' : 'quiet';
};

const judgeGone = (facts: Facts, mono: number): PresenceState => {
  if (mono < facts.held_until) return facts.state;
  return mono < facts.grace_until ? 'reconnecting' : 'lost';
};

/** Connected, but no birth yet on this link. */
const judgeMute = (facts: Facts, mono: number): PresenceState => {
  if (wasThere(facts.state) && mono < facts.held_until) return facts.state;
  if (facts.state === 'reconnecting' && mono < facts.grace_until) return facts.state;
  return wasThere(facts.state) || facts.state === 'reconnecting' ? 'lost' : facts.state;
};

const judgeCarried = (facts: Facts, carrier: Carrier, mono: number): PresenceState => {
  if (facts.last_seen === null) return 'never_seen';
  if (carrier.state === 'reconnecting') return wasThere(facts.state) ? 'reconnecting' : facts.state;
  if (!wasThere(carrier.state)) return 'unknown';
  if (facts.heard >= carrier.present_at) return bySilence(mono - facts.heard, carrier.interval_ms);
  const waited = mono - carrier.present_at > lostAfter(carrier.interval_ms);
  return waited || facts.state === 'lost' ? 'lost' : 'unknown';
};

const wasThere = (state: PresenceState): boolean => state === 'online' || state === 'quiet';

const bySilence = (silence: number, interval_ms: number): PresenceState => {
  if (silence <= quietAfter(interval_ms)) return 'online';
  return silence <= lostAfter(interval_ms) ? 'quiet' : 'lost';
};
const quietAfter = (interval_ms: number) => Math.max(PRESENCE.quiet_intervals * interval_ms, PRESENCE.quiet_floor_ms);
const lostAfter = (interval_ms: number) => Math.max(PRESENCE.lost_intervals * interval_ms, PRESENCE.lost_floor_ms);

/** The facts with their judged state; `present_at` moves when an absence of the device's own ends. */
export const settled = (facts: Facts, state: PresenceState, now: Moment): Facts => {
  const returned = wasThere(state) && !wasThere(facts.state) && facts.state !== 'reconnecting';
  return { ...facts, state, since: now.ts, present_at: returned ? now.mono : facts.present_at };
};

// ---- what happens to it

export const opened = (facts: Facts, link: number, now: Moment): Facts => {
  if (link <= facts.newest) return facts;
  const held_until = wasThere(facts.state) ? now.mono + PRESENCE.reconnect_ms : 0;
  return { ...facts, newest: link, link, held_until };
};

export interface Closing {
  link: number;
  reason: CloseReason;
  /** The hub's own loop woke just now. */
  waking: boolean;
}

/** The end of an old link means nothing: the newest one decides. */
export const closed = (facts: Facts, { link, reason, waking }: Closing, now: Moment): Facts => {
  if (link !== facts.link) return facts;
  const gone = { ...facts, link: null, held_until: 0 };
  if (reason === 'taken_over') return { ...gone, held_until: now.mono + PRESENCE.takeover_ms };
  if (facts.speaks !== 'agent') return gone;
  if (reason === 'clean') return { ...gone, goodbye: facts.goodbye || facts.agent_link === link };
  const ours = reason === 'hub' || waking;
  return ours && isExpected(facts.state) ? { ...gone, grace_until: now.mono + PRESENCE.reconnect_ms } : gone;
};

const isExpected = (state: PresenceState): boolean => wasThere(state) || state === 'reconnecting';

export interface Birthmark {
  link: number;
  boot: string;
  session: number;
  interval_ms: number;
}

export const born = (facts: Facts, { link, boot, session, interval_ms }: Birthmark, now: Moment): Facts => {
  if (link !== facts.link) return { ...facts, last_seen: now.ts };
  const said = { speaks: 'agent', voice: link, agent_link: link, goodbye: false, boot, session, interval_ms } as const;
  const still = boot === facts.boot && (facts.mute || facts.state === 'quiet');
  return { ...heard(facts, now), ...said, ...(still && { heard: now.mono - quietAfter(interval_ms) - 1 }) };
};

/** A report on this link would change nothing but the time it was heard. */
export const isSteady = (facts: Facts, link: number): boolean =>
  facts.state === 'online' &&
  facts.speaks === 'agent' &&
  facts.link === link &&
  facts.voice === link &&
  facts.agent_link === link &&
  !facts.goodbye &&
  !facts.awaited &&
  facts.grace_until === 0 &&
  facts.held_until === 0;

/** Steady and not silent: judging it would change nothing. Of 10,000 devices looked at twice a second that is nearly all. */
export const isAtEase = (facts: Facts, mono: number): boolean =>
  facts.link !== null && isSteady(facts, facts.link) && mono - facts.heard <= quietAfter(facts.interval_ms);

/** Until then what is at ease stays so; being heard again only moves it on. */
export const quietAt = ({ heard, interval_ms }: Facts): number => heard + quietAfter(interval_ms);

/** Of steady facts, in place: new ones for every report cost 0.5 µs and as much again for their garbage (kept equal by a test). */
export const hearAgain = (facts: { -readonly [K in keyof Facts]: Facts[K] }, now: Moment): void => {
  facts.last_seen = now.ts;
  facts.heard = now.mono;
};

const heard = (facts: Facts, now: Moment): Facts => ({
  ...facts,
  last_seen: now.ts,
  heard: now.mono,
  awaited: false,
  mute: false,
  grace_until: 0,
  held_until: 0,
});

/** A report of the device itself. On a link without birth it is a script's, judged by rhythm from now on. */
export const reported = (facts: Facts, link: number, now: Moment): Facts => {
  const late = facts.speaks === 'agent' && link !== facts.link;
  const over = facts.goodbye && link === facts.agent_link;
  if (late || over) return { ...facts, last_seen: now.ts };
  if (link === facts.agent_link) return heard(facts, now);
  return { ...heard(facts, now), ...rhythm(facts, now), speaks: 'script', voice: link, goodbye: false };
};

/** Reports within 10 s are one beat; a long gap counts as ten beats at most, so that one outage does not blunt the judgement. */
const rhythm = ({ beat, rhythm_ms }: Facts, now: Moment): Pick<Facts, 'beat' | 'rhythm_ms'> => {
  const gap = now.mono - beat;
  if (gap < PRESENCE.rhythm_min_ms) return { beat, rhythm_ms };
  if (gap === Number.POSITIVE_INFINITY) return { beat: now.mono, rhythm_ms };
  const counted = Math.min(gap, rhythm_ms * PRESENCE.lost_intervals, PRESENCE.rhythm_max_ms);
  return { beat: now.mono, rhythm_ms: Math.max(rhythm_ms + 0.3 * (counted - rhythm_ms), PRESENCE.rhythm_min_ms) };
};

/** A live row of a carried device, in its agent's report. */
export const carriedReported = (facts: Facts, now: Moment): Facts => ({ ...facts, last_seen: now.ts, heard: now.mono });

/** The hub's own source spoke of a device that nobody else speaks for. */
export const sourced = (facts: Facts, seen: number, now: Moment): Facts => {
  if (facts.speaks !== 'nobody') return facts;
  const age = Math.max(0, now.ts - seen);
  return { ...facts, last_seen: Math.max(facts.last_seen ?? 0, now.ts - age), heard: Math.max(facts.heard, now.mono - age) };
};

/** Spooled goodbyes of an earlier boot arrive late and mean nothing. */
export const stopping = (facts: Facts, { link, boot }: { link: number; boot: string }): Facts => {
  const current = link === facts.link && link === facts.agent_link && boot === facts.boot;
  return current ? { ...facts, goodbye: true } : facts;
};

export interface Will {
  boot: string;
  session: number;
  waking: boolean;
}

/** A will counts for the current boot and session only, and never against a newer link. */
export const willed = (facts: Facts, { boot, session, waking }: Will, now: Moment): Facts => {
  const current = facts.link === facts.agent_link && boot === facts.boot && session === facts.session;
  return current && facts.link !== null ? closed(facts, { link: facts.link, reason: 'lost', waking }, now) : facts;
};

// ---- absences of the hub

const shifted = (facts: Facts, stood_ms: number, now: Moment): Facts => ({
  ...facts,
  heard: Math.min(facts.heard + stood_ms, now.mono),
});

const isMute = ({ state, speaks, mute }: Facts): boolean => mute || (state === 'quiet' && speaks === 'agent');

/** The hub's loop stood still: agents may have left unseen, silences did not happen. */
export const woke = (facts: Facts, stood_ms: number, now: Moment): Facts => {
  const later = shifted(facts, stood_ms, now);
  if (facts.speaks !== 'agent' || !isExpected(facts.state)) return later;
  return { ...later, awaited: true, mute: isMute(facts), grace_until: now.mono + PRESENCE.reconnect_ms };
};

/** The store commits again: whose link went away meanwhile gets time to come back. */
export const thawed = (facts: Facts, stood_ms: number, now: Moment): Facts => {
  const later = shifted(facts, stood_ms, now);
  const away = facts.speaks === 'agent' && facts.link === null && isExpected(facts.state);
  return away ? { ...later, grace_until: now.mono + PRESENCE.reconnect_ms } : later;
};

/** A new process knows no link; whoever was there is expected back, and its silence begins now. */
export const restarted = (facts: Facts, now: Moment): Facts => {
  const there = isExpected(facts.state);
  const silence = facts.speaks === 'script' && facts.state === 'quiet' ? quietAfter(facts.rhythm_ms) + 1 : 0;
  return {
    ...facts,
    heard: there ? now.mono - silence : Number.NEGATIVE_INFINITY,
    present_at: there ? now.mono : Number.NEGATIVE_INFINITY,
    grace_until: there ? now.mono + PRESENCE.reconnect_ms : 0,
    mute: isMute(facts),
    goodbye: facts.state === 'stopped',
  };
};
