import * as v from 'valibot';
import { defineRule, type FactSample, type Facts } from '../rule.js';
import { isThere, metricText, seriesText, verdictOf } from './lib/facts.js';
import { hasLabels } from './lib/fields.js';
import { beyond, hasOneLevel, holdFields, levelFields, levelText, ONE_LEVEL, sideOf } from './lib/levels.js';

const config = v.pipe(
  v.object({
    ...levelFields(),
    ...holdFields(),
  }),
  v.check((c) => hasOneLevel(c), ONE_LEVEL),
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
  side: sideOf,
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

const sentence = (c: Config, sample: FactSample, { device }: Facts): string => {
  return `${device.name}: ${seriesText(sample)} is ${metricText(sample.value, sample)}; the rule asks for ${levelText(c, sample)}.`;
};
