/** Why an alert gives no notice at present. */
import { utcTime } from '@muster/shared/text';
import type { LiveAlert, PresenceState } from '@muster/shared/wire/live';
import type { AlertsDesk, Device, PresenceKeeper, RuleSetting } from '../parts.js';
import type { Silences } from './silences.js';

export interface MuteNeeds {
  silences: Pick<Silences, 'of'>;
  now(): number;
  device(id: string): Pick<Device, 'name' | 'carried_by'> | undefined;
  presence: Pick<PresenceKeeper, 'get'>;
  alerts: Pick<AlertsDesk, 'rules'>;
  /** Name of the place of a device, while most of it is away. */
  awayAround(device: string): string | null;
}

/** Of such a device the offline alert speaks, and no other. */
const AWAY: ReadonlySet<PresenceState> = new Set(['lost', 'stopped', 'unknown']);
/** The rule that says that a device is away. */
const AWAY_RULE = 'offline';

export const createMutes = ({ silences, now, device, presence, alerts, awayAround }: MuteNeeds) => {
  let seen: { rules: readonly RuleSetting[]; away: ReadonlySet<string> } = { rules: [], away: new Set() };
  const isAwayRule = (id: string): boolean => {
    const rules = alerts.rules();
    if (rules !== seen.rules)
      seen = { rules, away: new Set(rules.filter(({ rule }) => rule === AWAY_RULE).map((one) => one.id)) };
    return seen.away.has(id);
  };
  const awayText = ({ device: id, rule }: LiveAlert): string | null => {
    const about = device(id);
    if (!about) return null;
    const carrier = about.carried_by;
    if (carrier !== null && AWAY.has(presence.get(carrier).state))
      return `${device(carrier)?.name ?? carrier}, which speaks for it, is away`;
    if (isAwayRule(rule)) return null;
    if (AWAY.has(presence.get(id).state)) return `${about.name} is away`;
    const place = awayAround(id);
    return place === null ? null : `${place} is away`;
  };
  return {
    /** Says that its device is away. */
    isAway: ({ rule }: LiveAlert): boolean => isAwayRule(rule),
    why(alert: LiveAlert): string | null {
      if (alert.state === 'resolved') return null;
      const until = alert.snoozed?.until ?? 0;
      if (until > now()) return `snoozed until ${utcTime(until)}`;
      const silence = silences.of(alert);
      if (silence) return silence.comment ? `silenced: ${silence.comment}` : `silenced by ${silence.by}`;
      return awayText(alert);
    },
  };
};
export type Mutes = ReturnType<typeof createMutes>;
