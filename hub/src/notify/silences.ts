/** Times in which alerts of a scope give no notice. */
import { AppError } from '@muster/shared/errors';
import { check } from '@muster/shared/schema';
import type { LiveAlert } from '@muster/shared/wire/live';
import * as v from 'valibot';
import type { Shelf, Silence, SilenceSetting } from '../parts.js';
import { createShelf, documentsOf } from '../shelf.js';
import type { Json, Recovered, Writer } from '../store/store.js';
import { NOTIFY_LIMITS } from './limits.js';
import { isInScope, noticeScope, type ScopeNeeds } from './scope.js';
import { isWithin, type LocalTimes, weeklyTimes } from './times.js';

const COLLECTION = 'silences';
const PAST = 'silences_past';
const PAST_MS = 400 * 86_400_000;
/** One that is over is shown for so long. */
const SHOWN_MS = 7 * 86_400_000;
const time = v.pipe(v.number(), v.safeInteger(), v.minValue(0));

export const silenceSetting = v.strictObject({
  scope: noticeScope,
  from: v.optional(time),
  to: v.optional(time),
  weekly: v.optional(weeklyTimes),
  comment: v.optional(v.pipe(v.string(), v.maxLength(1_000)), ''),
});

export interface SilenceNeeds extends ScopeNeeds {
  writer: Writer;
  now(): number;
  local: LocalTimes;
  newId(): string;
}

export const createSilences = (needs: SilenceNeeds, documents: Recovered['documents']) => {
  const { now, local } = needs;
  const shelf: Shelf<Silence> = createShelf(COLLECTION, needs.writer, documentsOf<Silence>(documents, COLLECTION).values());
  let seen = { at: Number.NaN, active: [] as Silence[] };
  /** Asked for thousands of alerts at one time. */
  const active = (): Silence[] => {
    if (seen.at !== now()) seen = { at: now(), active: shelf.all().filter((one) => isActive(one, now(), local)) };
    return seen.active;
  };
  const past = createPast(needs, documents);
  const forget = () => {
    seen = { at: Number.NaN, active: [] };
  };
  return {
    all: () => shelf.all(),
    /** The one that mutes an alert now. */
    of: (alert: LiveAlert): Silence | undefined => active().find(({ scope }) => isInScope(scope, alert, needs)),
    async add(given: unknown, by: string): Promise<Silence> {
      const setting = checkSilence(given, now());
      if (shelf.all().length >= NOTIFY_LIMITS.silences)
        throw new AppError('too_many', `At most ${NOTIFY_LIMITS.silences} silences are kept; remove some first`);
      const silence = { ...setting, id: needs.newId(), by, created_at: now() };
      forget();
      await shelf.put(silence);
      forget();
      return silence;
    },
    async delete(id: string): Promise<boolean> {
      const before = shelf.get(id);
      forget();
      const gone = await shelf.delete(id).finally(forget);
      if (before && gone) past.keep(before);
      return gone;
    },
    /** Those that mute now: another list once one begins, ends or is edited. */
    active,
    /** Those that were or are, each with its end: what availability counts apart. */
    everything: (): Silence[] => [...past.all(), ...shelf.all()],
    /** Those that are long over go. */
    tidy() {
      for (const one of shelf.all()) {
        if ((one.to ?? Number.POSITIVE_INFINITY) >= now() - SHOWN_MS) continue;
        const { id } = one;
        void shelf.delete(id).then(
          () => past.keep(one),
          () => {},
        );
      }
      past.tidy();
    },
  };
};
export type Silences = ReturnType<typeof createSilences>;

/** Each look tells when other silences hold than at the last one. */
export const createSilenceWatch = (silences: Pick<Silences, 'active'>, changed: () => void) => {
  let active = silences.active();
  return () => {
    const before = active;
    active = silences.active();
    if (active.length !== before.length || active.some((one, index) => one !== before[index])) changed();
  };
};

/** Those that are over or were ended, for as long as a report looks back; beyond the bound the oldest go. */
const createPast = ({ writer, now }: SilenceNeeds, documents: Recovered['documents']) => {
  const kept = documentsOf<Silence>(documents, PAST);
  const write = (id: string, value: Silence | null) => {
    const change = { kind: 'document', collection: PAST, key: id, value: value as unknown as Json } as const;
    if (writer.accepts(1_000)) writer.queue([change], { bytes: 1_000 });
  };
  const drop = (id: string) => {
    kept.delete(id);
    write(id, null);
  };
  return {
    all: () => [...kept.values()],
    keep(one: Silence) {
      const ended = { ...one, to: Math.min(one.to ?? Number.POSITIVE_INFINITY, now()) };
      if (ended.to <= (one.from ?? one.created_at)) return;
      kept.set(one.id, ended);
      write(one.id, ended);
      for (const id of kept.keys()) if (kept.size > NOTIFY_LIMITS.silences) drop(id);
    },
    tidy() {
      for (const { id, to = 0 } of kept.values()) if (to < now() - PAST_MS) drop(id);
    },
  };
};

const checkSilence = (given: unknown, now: number): SilenceSetting => {
  const setting = check(silenceSetting, given, 'The silence');
  const refuse = (sentence: string, path: string) => {
    throw new AppError('bad_request', sentence, { path });
  };
  const { from = now, to, weekly, ...rest } = setting;
  if (to === undefined && weekly === undefined) refuse('A silence needs either "to" or "weekly"', 'to');
  if (to !== undefined && to <= Math.max(from, now)) refuse('A silence must end after it begins, and later than now', 'to');
  if (weekly) return { ...rest, weekly, ...(setting.from !== undefined && { from }), ...(to !== undefined && { to }) };
  return { ...rest, from, ...(to !== undefined && { to }) };
};

const isActive = ({ from = 0, to = Number.POSITIVE_INFINITY, weekly }: Silence, now: number, local: LocalTimes): boolean =>
  now >= from && now < to && (!weekly || isWithin(weekly, now, local));
