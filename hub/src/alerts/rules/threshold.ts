import * as v from 'valibot';
import { defineRule, type FactSample, type Facts, type Firing } from '../rule.js';
import { isThere, metricText, seriesText, verdictOf } from './lib/facts.js';
import { called, duration, hasLabels, labels, level, metricId } from './lib/fields.js';

const config = v.pipe(
  v.object({
    metric: called(metricId(), 'Metric'),
    labels: called(labels(), 'Where', { help: 'Labels of the series, such as zone=cpu; left empty: every one.' }),
    above: called(v.optional(level()), 'Above'),
    below: called(v.optional(level()), 'Below'),
    for_ms: called(duration(0), 'For'),
    clear: called(v.optional(level()), 'Until back at', {
      help: 'The alert ends there, not at the level itself, so that it does not flap.',
    }),
    /** How long it must be beyond the clear level before the alert ends. */
    recover_ms: called(duration(0), 'Until well for'),
  }),
  v.check((c) => (c.above === undefined) !== (c.below === undefined), 'needs exactly one of "above" and "below"'),
  v.check(
    (c) => c.clear === undefined || c.above === undefined || c.clear <= c.above,
    '"clear" must not be greater than "above"',
  ),
  v.check((c) => c.clear === undefined || c.below === undefined || c.clear >= c.below, '"clear" must not be less than "below"'),
);
type Config = v.InferOutput<typeof config>;

export default defineRule({
  id: 'threshold',
  title: 'Metric beyond a level',
  severity: 'warning',
  config,
  default_config: null,
  many: true,
  side: (c) => (c.above === undefined ? 'below' : 'above'),
  needs: (c) => [c.metric],
  delay: (c) => c.for_ms,
  recovers: (c) => c.recover_ms,
  calm: (c, _metric, found) =>
    hasLabels(c.labels, found)
      ? [c.below ?? Number.NEGATIVE_INFINITY, c.above ?? Number.POSITIVE_INFINITY]
      : [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY],
  judge: (c, facts) =>
    facts.samples
      .filter((sample) => hasLabels(c.labels, sample.labels) && isThere(sample, facts))
      .map((sample) => verdictOf(sample, facts, { firing: beyond(c, sample.value), why: () => sentence(c, sample, facts) })),
});

const beyond = ({ above, below, clear }: Config, value: number): Firing => {
  if (above !== undefined) return value > above ? 'yes' : value <= (clear ?? above) ? 'no' : 'keep';
  if (below !== undefined) return value < below ? 'yes' : value >= (clear ?? below) ? 'no' : 'keep';
  return 'keep';
};

const sentence = (c: Config, sample: FactSample, { device }: Facts): string => {
  const limit = c.above !== undefined ? `above ${metricText(c.above, sample)}` : `below ${metricText(c.below ?? 0, sample)}`;
  return `${device.name}: ${seriesText(sample)} is ${metricText(sample.value, sample)}; the rule asks for ${limit}.`;
};
