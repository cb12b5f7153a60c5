/** What rules about a level of any metric ask alike. */
import * as v from 'valibot';
import type { FactSample, Firing } from '../../rule.js';
import { metricText } from './facts.js';
import { called, duration, labels, level, metricId } from './fields.js';

/** Exactly one of the two levels is set. */
export interface Level {
  above?: number | undefined;
  below?: number | undefined;
  clear?: number | undefined;
}

export const levelFields = () => ({
  metric: called(metricId(), 'Metric'),
  labels: called(labels(), 'Where', { help: 'Labels of the series, such as zone=cpu; left empty: every one.' }),
  above: called(v.optional(level()), 'Above'),
  below: called(v.optional(level()), 'Below'),
});

export const holdFields = () => ({
  for_ms: called(duration(0), 'For'),
  clear: called(v.optional(level()), 'Until back at', {
    help: 'The alert ends there, not at the level itself, so that it does not flap.',
  }),
  /** How long it must be beyond the clear level before the alert ends. */
  recover_ms: called(duration(0), 'Until well for'),
});

export const hasOneLevel = ({ above, below }: Level): boolean => (above === undefined) !== (below === undefined);
export const ONE_LEVEL = 'needs exactly one of "above" and "below"';

export const sideOf = ({ above }: Level) => (above === undefined ? 'below' : 'above');

export const beyond = ({ above, below, clear }: Level, value: number): Firing => {
  if (above !== undefined) return value > above ? 'yes' : value <= (clear ?? above) ? 'no' : 'keep';
  if (below !== undefined) return value < below ? 'yes' : value >= (clear ?? below) ? 'no' : 'keep';
  return 'keep';
};

export const levelText = ({ above, below }: Level, sample: FactSample): string =>
  above !== undefined ? `above ${metricText(above, sample)}` : `below ${metricText(below ?? 0, sample)}`;
