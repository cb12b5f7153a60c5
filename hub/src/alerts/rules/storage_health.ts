import type { Labels } from '@muster/shared/metrics';
import * as v from 'valibot';
import { defineRule, type FactSample, type Facts, type LookBack, type Verdict } from '../rule.js';
import { DAY, growth, HOUR, isKnown, isThere, MINUTE, partText, valueText, verdictOf } from './lib/facts.js';
import { called, duration } from './lib/fields.js';

const STATUS = 'hw.status';
const WARNING = 'hw.physical_disk.warning';
const SECTORS = 'hw.physical_disk.sectors';
const ERRORS = 'hw.errors';
const WEAR = 'hw.physical_disk.endurance_utilization';
const SPARE = 'hw.physical_disk.spare';
const SPARE_LIMIT = 'hw.physical_disk.spare.limit';
const READ_ONLY = 'system.filesystem.read_only';
const SCRUB = 'system.zfs.scrub.errors';

/** SMART 5, 197, 198 and 187, 188, and what ZFS and btrfs count: the drives of Backblaze that died had one of them rising. */
const RISING: Record<string, string> = {
  reallocated: 'sectors replaced by spare ones',
  pending: 'sectors that cannot be read for now',
  uncorrectable: 'sectors that cannot be read',
  uncorrected: 'errors that could not be corrected',
  timeout: 'commands without an answer',
  read: 'read errors',
  write: 'write errors',
  checksum: 'checksum errors',
  corruption: 'corrupted blocks',
  data: 'damaged files',
};
/** Of a sign that is common on old and healthy disks one is none. */
const LEAST: Record<string, number> = { timeout: 5 };

const config = v.object({
  /** A count that rose is an alert for so long. */
  hold_ms: called(duration(DAY, HOUR), 'Errors within', { help: 'So long after a count rose last the alert ends.' }),
  /** Share of its life that a disk has left. */
  wear_below: called(
    v.optional(v.pipe(v.number(), v.minValue(0), v.maxValue(1, 'must be a share from 0 to 1')), 0.1),
    'Or life left below',
  ),
  /** How long a file system must be read-only. */
  read_only_ms: called(duration(2 * MINUTE), 'Or read-only for'),
});
type Config = v.InferOutput<typeof config>;

/** No maker asks for more. */
const SPARE_CALM = 0.5;

const ANY = [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY] as const;

export default defineRule({
  id: 'storage_health',
  title: 'Storage is failing',
  severity: 'warning',
  config,
  default_config: { hold_ms: DAY, wear_below: 0.1, read_only_ms: 2 * MINUTE },
  needs: () => [STATUS, WARNING, SECTORS, ERRORS, WEAR, SPARE, SPARE_LIMIT, READ_ONLY, SCRUB],
  delay: () => 0,
  recovers: () => 10 * MINUTE,
  looks_back: (c): LookBack[] => [SECTORS, ERRORS].map((metric) => ({ metric, keep: 'changes', window_ms: c.hold_ms })),
  calm(c, metric) {
    if (metric === WEAR) return [c.wear_below, Number.POSITIVE_INFINITY];
    if (metric === SECTORS || metric === ERRORS || metric === SPARE_LIMIT) return ANY;
    if (metric === SPARE) return [SPARE_CALM, Number.POSITIVE_INFINITY];
    return [0, 0];
  },
  judge: (c, facts) => facts.samples.filter((one) => isThere(one, facts)).flatMap((one) => judgeOne(c, one, facts)),
});

const judgeOne = (c: Config, sample: FactSample, facts: Facts): Verdict[] => {
  const state = stateOf(c, sample, facts);
  if (state) {
    const { bad, what, ...more } = state;
    const why = () => `${facts.device.name}: ${nameOf(sample.labels)} ${what}.`;
    return [verdictOf(sample, facts, { firing: bad ? 'yes' : 'no', why, ...more })];
  }
  return sample.metric === SECTORS || sample.metric === ERRORS ? rising(c, sample, facts) : [];
};

const nameOf = (labels: Labels): string =>
  partText(labels, 'disk', 'raid', 'pool', 'filesystem', 'member', 'mountpoint', 'ups', 'area');

interface State extends Pick<Verdict, 'severity' | 'after_ms' | 'title'> {
  bad: boolean;
  what: string;
}

const stateOf = (c: Config, { metric, labels, value }: FactSample, facts: Facts): State | null => {
  switch (metric) {
    case STATUS: {
      const state = (labels['state'] ?? 'failing').replaceAll('_', ' ');
      return {
        bad: value > 0,
        what: `is in the state "${state}"`,
        severity: state === 'degraded' ? undefined : 'critical',
        title: 'ups' in labels ? 'The battery of a UPS is failing' : undefined,
      };
    }
    case WARNING:
      return { bad: value > 0, what: `warns: ${(labels['type'] ?? 'something').replaceAll('_', ' ')}`, severity: 'critical' };
    case WEAR:
      return { bad: value < c.wear_below, what: `has ${valueText(Math.round(value * 100), '%')} of its life left` };
    case SPARE:
      return { bad: value < spareLimit(labels, facts), what: 'has too few spare blocks left', severity: 'critical' };
    case READ_ONLY:
      return { bad: value > 0, what: 'has become read-only', severity: 'critical', after_ms: c.read_only_ms };
    case SCRUB:
      return { bad: value > 0, what: `has ${value} errors that the last scrub could not repair`, severity: 'critical' };
    default:
      return null;
  }
};

const spareLimit = (labels: Labels, facts: Facts): number =>
  facts.samples.find((one) => one.metric === SPARE_LIMIT && one.labels['disk'] === labels['disk'])?.value ?? 0;

const rising = (c: Config, sample: FactSample, facts: Facts): Verdict[] => {
  const type = sample.labels['type'] ?? '';
  const what = RISING[type];
  if (what === undefined) return [];
  const trace = facts.history?.(sample.series);
  const from = facts.now - c.hold_ms;
  const more = growth(trace, from, sample.metric === ERRORS);
  const bad = (more ?? 0) >= (LEAST[type] ?? 1);
  const why = () =>
    `${facts.device.name}: ${nameOf(sample.labels)} has ${sample.value} ${what}, ${more ?? 0} more than a while ago: it may fail soon.`;
  return [verdictOf(sample, facts, { firing: bad ? 'yes' : more !== null && isKnown(trace, from) ? 'no' : 'keep', why })];
};
