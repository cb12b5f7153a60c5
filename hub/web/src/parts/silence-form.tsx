import type { SilenceSetting } from '@muster/hub/parts';
import { type Signal, useSignal } from '@preact/signals';
import { useMemo } from 'preact/hooks';
import { useApp } from '../app.js';
import { createZone, momentOf, momentText, type Zone } from '../calendar.js';
import { FormError, sentenceOf } from '../client.js';
import { NOTICE_SCOPES, type Scope, scopeParts } from '../scopes.js';
import { Failure, Grouped, nightly, OneOf, ownZone, SaveOrCancel, ScopeField, TextField, WeeklyField } from './fields.js';

/** A silence once, from when to when, or every week. */
interface FormProps {
  scope: Scope;
  rules: ReadonlyMap<string, string>;
  onDone(): void;
}

const HOUR = 3_600_000;
const LENGTHS = { '1 h': HOUR, '4 h': 4 * HOUR, '1 day': 24 * HOUR, '1 week': 168 * HOUR } as const;
const MODES = { once: 'Once', weekly: 'Every week' } as const;

export const SilenceForm = ({ scope: first, rules, onDone }: FormProps) => {
  const { client, clock } = useApp();
  const zone = useMemo(() => createZone(ownZone()), []);
  const scope = useSignal<Scope>(first);
  const comment = useSignal('');
  const mode = useSignal<'once' | 'weekly'>('once');
  const from = useSignal('');
  const to = useSignal(momentText(zone, clock.peek() + HOUR));
  const weekly = useSignal(nightly());
  const failure = useSignal<string | null>(null);
  const is_weekly = mode.value === 'weekly';
  const turn = (next: 'once' | 'weekly') => {
    mode.value = next;
    to.value = next === 'weekly' ? '' : momentText(zone, clock.peek() + HOUR);
  };
  const setting = (): SilenceSetting => {
    const { kind, value } = scopeParts(scope.value);
    if (kind !== 'all' && value === '') throw new FormError('Choose what is to be silent.');
    const base = { scope: scope.value as SilenceSetting['scope'], comment: comment.value.trim() };
    const span = { ...moment('from', from.value, zone), ...moment('to', to.value, zone) };
    if (!is_weekly && span.to === undefined) throw new FormError('A silence needs an end.');
    if (is_weekly && weekly.value.days.length === 0) throw new FormError('Choose at least one day.');
    return { ...base, ...span, ...(is_weekly && { weekly: weekly.value }) };
  };
  const save = async (event: Event) => {
    event.preventDefault();
    try {
      await client.addSilence(setting());
      onDone();
    } catch (error) {
      failure.value = sentenceOf(error);
    }
  };
  return (
    <form class="source-form silence-form" onSubmit={save} noValidate aria-label="New silence">
      <ScopeField kinds={NOTICE_SCOPES} scope={scope.value} rules={rules} onPick={(next) => (scope.value = next)} />
      <OneOf name="When" options={MODES} value={mode.value} onPick={turn} />
      {is_weekly && <WeeklyField name="Times" times={weekly.value} onChange={(times) => (weekly.value = times)} />}
      <Grouped name={is_weekly ? 'Begins' : 'From'} help={is_weekly ? 'Left empty: at once.' : 'Left empty: now.'}>
        <MomentInput name="From" text={from} />
      </Grouped>
      <End {...{ is_weekly, zone, from, to }} />
      <TextField name="Why" text={comment} maxLength={1000} placeholder="New router, firmware, holidays" />
      <Failure text={failure.value} />
      <SaveOrCancel onCancel={onDone} />
    </form>
  );
};

const MomentInput = ({ name, text }: { name: string; text: Signal<string> }) => (
  <input
    type="datetime-local"
    aria-label={name}
    value={text.value}
    onInput={(event) => (text.value = event.currentTarget.value)}
  />
);

interface EndProps {
  is_weekly: boolean;
  zone: Zone;
  from: Signal<string>;
  to: Signal<string>;
}

const End = ({ is_weekly, zone, from, to }: EndProps) => {
  const { clock } = useApp();
  const last = (length: number) => {
    to.value = momentText(zone, (momentOf(zone, from.value) ?? clock.peek()) + length);
  };
  return (
    <Grouped
      name={is_weekly ? 'Ends for good' : 'Until'}
      help={is_weekly ? 'Left empty: never.' : `By the clocks of ${ownZone().replaceAll('_', ' ')}.`}
    >
      <MomentInput name="Until" text={to} />
      {!is_weekly &&
        Object.entries(LENGTHS).map(([words, length]) => (
          <button key={words} type="button" class="button" onClick={() => last(length)}>
            {words}
          </button>
        ))}
    </Grouped>
  );
};

const moment = (name: 'from' | 'to', text: string, zone: Zone): { from?: number; to?: number } => {
  if (text === '') return {};
  const ts = momentOf(zone, text);
  if (ts === null) throw new FormError(`"${name === 'from' ? 'From' : 'Until'}" is no time.`);
  return { [name]: ts };
};
