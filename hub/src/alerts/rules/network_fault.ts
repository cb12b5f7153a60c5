import type { NetworkFault } from '@muster/shared/network';
import { loadNetworks } from '@muster/shared/network-plugins';
import * as v from 'valibot';
import { defineRule, type FactSample, type Facts, type Firing, type Verdict } from '../rule.js';
import { isThere, MINUTE, partText, valueText, verdictOf } from './lib/facts.js';
import { called, duration, hasLabels } from './lib/fields.js';

interface Watched extends NetworkFault {
  network: string;
  network_title: string;
  index: number;
}

/** What each network declares, by full metric id. */
const FAULTS = new Map<string, Watched[]>();
for (const { id, title, faults = [] } of (await loadNetworks()).values()) {
  for (const [index, fault] of faults.entries()) {
    const metric = `${id}.${fault.metric}`;
    FAULTS.set(metric, [...(FAULTS.get(metric) ?? []), { ...fault, network: id, network_title: title, index }]);
  }
}

const config = v.object({
  /** Networks whose faults are not to be told. */
  except: called(v.optional(v.array(v.string()), []), 'Not of networks', { help: 'Their ids, such as helium.' }),
  for_ms: called(duration(5 * MINUTE), 'For'),
  recover_ms: called(duration(5 * MINUTE), 'Until well for'),
});
type Config = v.InferOutput<typeof config>;

const faultsOf = (c: Config, metric: string): Watched[] =>
  (FAULTS.get(metric) ?? []).filter(({ network }) => !c.except.includes(network));

export default defineRule({
  id: 'network_fault',
  title: 'Network fault',
  severity: 'warning',
  config,
  default_config: { except: [], for_ms: 5 * MINUTE, recover_ms: 5 * MINUTE },
  needs: (c) => [...FAULTS.keys()].filter((metric) => faultsOf(c, metric).length > 0),
  hears_sources: true,
  delay: (c) => c.for_ms,
  recovers: (c) => c.recover_ms,
  calm: (c, metric, found) => {
    let [low, high] = [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];
    for (const { when, value, labels = {} } of faultsOf(c, metric)) {
      if (!hasLabels(labels, found)) continue;
      // What is equal is either a yes or a no: 0 or 1.
      if (when === 'below' || (when === 'equals' && value === 0))
        low = Math.max(low, when === 'below' ? value : Number.MIN_VALUE);
      else high = Math.min(high, when === 'above' ? value : value - Number.EPSILON);
    }
    return [low, high];
  },
  judge: (c, facts) => facts.samples.filter((one) => isThere(one, facts)).flatMap((one) => judgeOne(c, one, facts)),
});

const judgeOne = (c: Config, sample: FactSample, facts: Facts): Verdict[] =>
  faultsOf(c, sample.metric)
    .filter(({ labels = {} }) => hasLabels(labels, sample.labels))
    .map((fault) => {
      const verdict = verdictOf(sample, facts, {
        firing: firingOf(fault, sample.value),
        why: () => sentence(fault, sample, facts),
        title: `${fault.network_title}: ${fault.title}`,
        severity: fault.severity,
        after_ms: fault.for,
      });
      // Two faults of one metric are two alerts.
      if (fault.index !== faultsOf(c, sample.metric)[0]?.index) verdict.subject = `${sample.series} ${fault.index}`;
      return verdict;
    });

const firingOf = ({ when, value, resolves = value }: NetworkFault, now: number): Firing => {
  if (when === 'equals') return now === value ? 'yes' : 'no';
  if (when === 'above') return now > value ? 'yes' : now <= resolves ? 'no' : 'keep';
  return now < value ? 'yes' : now >= resolves ? 'no' : 'keep';
};

const sentence = (fault: Watched, { labels, value, declaration }: FactSample, { device }: Facts): string => {
  const part = Object.keys(labels).length > 0 ? ` (${partText(labels)})` : '';
  const measured = fault.when === 'equals' ? '' : `: ${valueText(value, declaration?.unit)}`;
  return `${device.name}${part}: ${fault.network_title}, ${fault.title}${measured}.`;
};
