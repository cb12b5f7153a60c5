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
  stopped: 'no',
  never_seen: 'no',
  reconnecting: 'keep',
  unknown: 'keep',
};

const WEEK_MS = 604_800_000;

export default defineRule({
  id: 'offline',
  title: 'Device offline',
  severity: 'critical',
  config: v.object({
    after_ms: v.optional(v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(WEEK_MS)), 20_000),
  }),
  default_config: { after_ms: 20_000 },
  needs: () => [],
  delay: (config) => config.after_ms,
  judge: (_config, facts) => ({ firing: FIRING[facts.presence.state], value: null, why: sentence(facts) }),
});

const sentence = ({ device, presence, stake }: Facts): string => {
  if (presence.state !== 'lost') return `${device.name} is ${presence.state.replace('_', ' ')}.`;
  const heard = presence.last_seen === null ? 'it has not been heard yet' : `last heard ${utcTime(presence.last_seen)}`;
  return `${device.name} is lost; ${heard}${stakeText(stake?.())}.`;
};
