import * as v from 'valibot';
import { defineRule, type FactSample, type Facts, type LookBack, type Trace } from '../rule.js';
import { DAY, growth, HOUR, isThere, MINUTE, metricText, seriesText, spanText, verdictOf } from './lib/facts.js';
import { called, duration, hasLabels } from './lib/fields.js';
import { beyond, hasOneLevel, holdFields, levelFields, levelText, ONE_LEVEL, sideOf } from './lib/levels.js';

const PER = { second: 1_000, minute: MINUTE, hour: HOUR, day: DAY };
const POINTS = 10;

const config = v.pipe(
  v.object({
    ...levelFields(),
    /** The change is told per so much time. */
    per: called(
      v.optional(v.picklist(['second', 'minute', 'hour', 'day'], 'must be second, minute, hour or day'), 'hour'),
      'Per',
    ),
    /** Over how long it is measured; whole for a judgement. */
    window_ms: called(duration(HOUR, 5 * MINUTE), 'Measured over'),
    ...holdFields(),
  }),
  v.check((c) => hasOneLevel(c), ONE_LEVEL),
);
type Config = v.InferOutput<typeof config>;

const stepOf = ({ window_ms }: Config): number => Math.max(MINUTE, Math.round(window_ms / POINTS));

export default defineRule({
  id: 'rate',
  title: 'Metric changes too fast or too slowly',
  severity: 'warning',
  config,
  default_config: null,
  many: true,
  side: sideOf,
  needs: (c) => [c.metric],
  delay: (c) => c.for_ms,
  recovers: (c) => c.recover_ms,
  looks_back: (c): LookBack[] => [{ metric: c.metric, keep: 'steps', step_ms: stepOf(c), window_ms: c.window_ms }],
  calm: () => [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY],
  judge(c, facts) {
    const meant = facts.samples.filter((sample) => hasLabels(c.labels, sample.labels) && isThere(sample, facts));
    return meant.map((sample) => {
      const rate = rateOf(c, sample, facts.history?.(sample.series, stepOf(c)));
      const firing = rate === null ? 'keep' : beyond(c, rate);
      const verdict = verdictOf(sample, facts, { firing, why: () => sentence(c, { sample, rate, facts }) });
      verdict.value = rate;
      return verdict;
    });
  },
});

/** Null until the window is nearly full. */
const rateOf = (c: Config, sample: FactSample, trace: Trace | undefined): number | null => {
  const from = trace?.times.findIndex((at) => at >= sample.ts - c.window_ms - stepOf(c)) ?? -1;
  const began = trace?.times[from];
  if (!trace || began === undefined || sample.ts - began < c.window_ms * 0.8) return null;
  const newest = { ...trace, times: [...trace.times, sample.ts], values: [...trace.values, sample.value] };
  const change =
    sample.declaration?.kind === 'counter' ? growth(newest, began) : sample.value - (trace.values[from] ?? sample.value);
  return change === null ? null : (change / (sample.ts - began)) * PER[c.per];
};

const sentence = (c: Config, { sample, rate, facts }: { sample: FactSample; rate: number | null; facts: Facts }): string => {
  if (rate === null) return `${facts.device.name}: ${seriesText(sample)} has not been watched for ${spanText(c.window_ms)} yet.`;
  return `${facts.device.name}: ${seriesText(sample)} changes by ${metricText(rate, sample)} per ${c.per}; the rule asks for ${levelText(c, sample)}.`;
};
