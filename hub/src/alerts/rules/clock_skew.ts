import * as v from 'valibot';
import { defineRule } from '../rule.js';
import { isThere, MINUTE, valueText, verdictOf } from './lib/facts.js';
import { called, duration } from './lib/fields.js';

const OFFSET = 'system.clock.offset';

/** Proofs, tokens and certificates are judged by the time: a clock that is off costs income before anything breaks. */
export default defineRule({
  id: 'clock_skew',
  title: 'Clock is wrong',
  severity: 'warning',
  config: v.object({
    /** Seconds ahead or behind. */
    more_than_s: called(v.optional(v.pipe(v.number(), v.minValue(0.001), v.maxValue(86_400)), 5), 'Off by more than', {
      help: 'Ahead or behind; it ends at half of it.',
    }),
    /** Longer than the 15 minutes between two questions: a board without a clock boots in the past, and one answer says so for long. */
    for_ms: called(duration(20 * MINUTE), 'For'),
  }),
  default_config: { more_than_s: 5, for_ms: 20 * MINUTE },
  needs: () => [OFFSET],
  delay: (c) => c.for_ms,
  calm: (c) => [-c.more_than_s, c.more_than_s],
  judge: (c, facts) =>
    facts.samples
      .filter((sample) => isThere(sample, facts))
      .map((sample) => {
        const off = Math.abs(sample.value);
        const firing = off > c.more_than_s ? 'yes' : off <= c.more_than_s / 2 ? 'no' : 'keep';
        const side = sample.value > 0 ? 'ahead of' : 'behind';
        return verdictOf(sample, facts, {
          firing,
          why: () =>
            `${facts.device.name}: its clock is ${valueText(off, 's')} ${side} the true time; is its time service running?`,
        });
      }),
});
