import * as v from 'valibot';
import { defineRule, type FactSample, type Facts, type Firing, type LookBack, type Verdict } from '../rule.js';
import { growth, HOUR, isKnown, isThere, MINUTE, partText, verdictOf } from './lib/facts.js';
import { called, duration } from './lib/fields.js';

const XID = 'hw.gpu.xid';
const ERRORS = 'hw.gpu.errors';
const PRESENT = 'hw.gpu.present';
const REPAIR_FAILED = 'hw.gpu.memory.repair_failed';
const REPAIR_PENDING = 'hw.gpu.memory.repair_pending';

/** NVIDIA's catalogue of Xid errors: those of the card and its driver. The others (13, 31, 43, 45, 68, …) are mistakes of programs. */
const XIDS: Record<string, string> = {
  46: 'the GPU stopped processing',
  48: 'a memory error that cannot be corrected',
  56: 'an error of the display engine',
  61: 'the microcontroller of the GPU broke down',
  62: 'the microcontroller of the GPU stopped',
  63: 'a memory page or row was retired',
  64: 'a memory page or row could not be retired',
  74: 'an error of NVLink',
  79: 'the GPU has fallen off the bus',
  94: 'a memory error that cannot be corrected, contained',
  95: 'a memory error that cannot be corrected, not contained',
  109: 'the GPU did not switch its work in time',
  119: 'the system processor of the GPU does not answer',
  120: 'the system processor of the GPU failed',
  140: 'a memory error that cannot be corrected',
  143: 'the GPU could not be started',
};
/** The card is out of work until somebody acts. */
const FATAL = new Set(['48', '62', '64', '79', '95', '119', '120', '140', '143']);

const UNCORRECTED: Record<string, string> = {
  ecc_uncorrected: 'memory errors that could not be corrected',
  remapped_uncorrected: 'memory rows replaced after errors that could not be corrected',
};

const config = v.object({
  /** An error is an alert for so long after it came last. */
  hold_ms: called(duration(6 * HOUR, MINUTE), 'Errors within', { help: 'So long after the last error the alert ends.' }),
  /** How long a card must be missing. */
  missing_ms: called(duration(MINUTE), 'Or missing for'),
});
type Config = v.InferOutput<typeof config>;

export default defineRule({
  id: 'gpu_fault',
  title: 'GPU fault',
  severity: 'warning',
  config,
  default_config: { hold_ms: 6 * HOUR, missing_ms: MINUTE },
  needs: () => [PRESENT, XID, ERRORS, REPAIR_FAILED, REPAIR_PENDING],
  delay: () => 0,
  looks_back: (c): LookBack[] =>
    [XID, ERRORS].map((metric) => ({ metric, keep: 'changes', window_ms: c.hold_ms, from_zero: metric === XID })),
  calm: (_c, metric) => (metric === PRESENT ? [1, 1] : metric === XID || metric === ERRORS ? ANY : [0, 0]),
  judge: (c, facts) => facts.samples.filter((one) => isThere(one, facts)).flatMap((one) => judgeOne(c, one, facts)),
});

/** Counters are judged at each look, once a minute. */
const ANY = [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY] as const;

const judgeOne = (c: Config, sample: FactSample, facts: Facts): Verdict[] => {
  const gpu = `${facts.device.name}: GPU ${partText(sample.labels, 'gpu', 'pci')}`;
  const stateIs = (bad: boolean, more: Partial<Verdict> & { what: string }): Verdict[] => [
    verdictOf(sample, facts, {
      firing: bad ? 'yes' : 'no',
      severity: more.severity,
      after_ms: more.after_ms,
      why: () => `${gpu} ${more.what}.`,
    }),
  ];
  if (sample.metric === PRESENT)
    return stateIs(sample.value === 0, { after_ms: c.missing_ms, severity: 'critical', what: 'does not answer any more' });
  if (sample.metric === REPAIR_FAILED)
    return stateIs(sample.value > 0, { severity: 'critical', what: 'has no spare memory rows left' });
  if (sample.metric === REPAIR_PENDING) return stateIs(sample.value > 0, { what: 'needs a reset to finish a memory repair' });
  return counted(c, { sample, facts, gpu });
};

const counted = (c: Config, { sample, facts, gpu }: { sample: FactSample; facts: Facts; gpu: string }): Verdict[] => {
  const { xid = '', type = '' } = sample.labels;
  const known = sample.metric === XID ? XIDS[xid] : UNCORRECTED[type];
  if (known === undefined) return [];
  const trace = facts.history?.(sample.series);
  const from = facts.now - c.hold_ms;
  const count = growth(trace, from);
  const firing: Firing = (count ?? 0) > 0 ? 'yes' : count !== null && isKnown(trace, from) ? 'no' : 'keep';
  const what = sample.metric === XID ? `Xid ${xid}, ${known}` : known;
  const why = () => `${gpu} reported ${what}, ${count ?? 0} times lately.`;
  return [verdictOf(sample, facts, { firing, why, severity: FATAL.has(xid) ? 'critical' : undefined })];
};
