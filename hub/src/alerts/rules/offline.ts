import { stakeText } from '@muster/shared/stake-text';
import { utcTime } from '@muster/shared/text';
import type { PresenceState } from '@muster/shared/wire/live';
import * as v from 'valibot';
import { defineRule, type Facts, type Firing } from '../rule.js';

/** `reconnecting` and `unknown` say nothing about the device: a hub restart is no outage. */
const FIRING: Record<PresenceState, Firing> = {
  lost: 'yes',
  online: 'no',
  quiet: 'no',
  stopped: 'yes',
  never_seen: 'no',
  reconnecting: 'keep',
  unknown: 'keep',
};

const WEEK_MS = 604_800_000;
const span = () => v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(WEEK_MS));

export default defineRule({
  id: 'offline',
  title: 'Device offline',
  severity: 'critical',
  config: v.object({
    after_ms: v.optional(span(), 20_000),
    /** After a goodbye; null: what was shut down in order is nobody's business. */
    stopped_after_ms: v.optional(v.nullable(span()), 600_000),
    /** How long it must be back before the alert ends. */
    recover_ms: v.optional(span(), 0),
  }),
  default_config: { after_ms: 20_000, stopped_after_ms: 600_000, recover_ms: 0 },
  about_presence: true,
  needs: () => [],
  delay: (config) => config.after_ms,
  recovers: (config) => config.recover_ms,
  judge({ stopped_after_ms }, facts) {
    const { state } = facts.presence;
    const ignored = state === 'stopped' && stopped_after_ms === null;
    return {
      firing: ignored ? 'no' : FIRING[state],
      value: null,
      why: sentence(facts),
      after_ms: state === 'stopped' ? (stopped_after_ms ?? undefined) : undefined,
    };
  },
});

const sentence = ({ device, presence, stake }: Facts): string => {
  if (presence.state === 'stopped') {
    return `${device.name} was shut down ${utcTime(presence.since)} and has not come back${stakeText(stake?.())}.`;
  }
  if (presence.state !== 'lost') return `${device.name} is ${presence.state.replace('_', ' ')}.`;
  const heard = presence.last_seen === null ? 'it has not been heard yet' : `last heard ${utcTime(presence.last_seen)}`;
  return `${device.name} is lost; ${heard}${stakeText(stake?.())}.`;
};
