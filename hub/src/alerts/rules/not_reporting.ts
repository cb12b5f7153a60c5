import { utcTime } from '@muster/shared/text';
import type { PresenceState } from '@muster/shared/wire/live';
import * as v from 'valibot';
import { defineRule, type Facts, type Firing } from '../rule.js';

/** A device that is away is the business of `offline`: here it leaves things as they are. */
const FIRING: Record<PresenceState, Firing> = {
  quiet: 'yes',
  online: 'no',
  stopped: 'no',
  never_seen: 'no',
  lost: 'keep',
  reconnecting: 'keep',
  unknown: 'keep',
};

const WEEK_MS = 604_800_000;

export default defineRule({
  id: 'not_reporting',
  title: 'Device connected but not reporting',
  severity: 'warning',
  config: v.object({
    after_ms: v.optional(v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(WEEK_MS)), 300_000),
  }),
  default_config: { after_ms: 300_000 },
  about_presence: true,
  needs: () => [],
  delay: (config) => config.after_ms,
  judge: (_config, facts) => ({ firing: FIRING[facts.presence.state], value: null, why: sentence(facts) }),
});

const sentence = ({ device, presence }: Facts): string => {
  if (presence.state !== 'quiet') return `${device.name} is ${presence.state.replace('_', ' ')}.`;
  return `${device.name} is connected but has sent no report since ${utcTime(presence.since)}.`;
};
