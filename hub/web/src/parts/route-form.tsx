import type { NoticeRoute } from '@muster/hub/parts';
import { useSignal } from '@preact/signals';
import { useApp } from '../app.js';
import { FormError, sentenceOf } from '../client.js';
import { parseSpan, spanText } from '../quantities.js';
import { NOTICE_SCOPES, scopeParts } from '../scopes.js';
import { Check, Failure, Grouped, nightly, OneOf, SaveOrCancel, ScopeField, TextField, WeeklyField } from './fields.js';
import { useLoaded } from './names.js';

/** One route: which alerts, to whom, how often, and what happens when nobody takes it. */
interface FormProps {
  route: NoticeRoute;
  rules: ReadonlyMap<string, string>;
  onSave(route: NoticeRoute): Promise<void>;
  onCancel(): void;
}

const SEVERITIES = { critical: 'Critical only', warning: 'Warning and worse', info: 'Everything' } as const;
const GROUPS = { site: 'By site', rule: 'By rule', none: 'Each alone' } as const;

export const RouteForm = ({ route, rules, onSave, onCancel }: FormProps) => {
  const draft = useSignal(route);
  const repeat = useSignal(route.repeat_ms === null ? '' : spanText(route.repeat_ms));
  const escalate = useSignal(route.escalate === null ? '' : spanText(route.escalate.after_ms));
  const failure = useSignal<string | null>(null);
  const { match, notifiers, quiet_hours, group_by, resolved, go_on } = draft.value;
  const change = (part: Partial<NoticeRoute>) => (draft.value = { ...draft.value, ...part });
  const matching = (part: Partial<NoticeRoute['match']>) => change({ match: { ...match, ...part } });
  const save = async (event: Event) => {
    event.preventDefault();
    try {
      await onSave(finished(draft.value, { repeat: repeat.value, escalate: escalate.value }));
    } catch (error) {
      failure.value = sentenceOf(error);
    }
  };
  return (
    <form class="source-form route-form" onSubmit={save} noValidate aria-label={`Route ${route.id}`}>
      <OneOf name="Alerts" options={SEVERITIES} value={match.severity} onPick={(severity) => matching({ severity })} />
      <ScopeField
        kinds={NOTICE_SCOPES}
        scope={match.scope}
        rules={rules}
        onPick={(scope) => matching({ scope: scope as NoticeRoute['match']['scope'] })}
      />
      <Check name="Only at certain times" on={match.times !== null} onTurn={(on) => matching({ times: on ? nightly() : null })} />
      {match.times && <WeeklyField name="Times" times={match.times} onChange={(times) => matching({ times })} />}
      <ChannelPicker name="To" all="Every channel" picked={notifiers} onPick={(ids) => change({ notifiers: ids })} />
      <OneOf name="Together in one notice" options={GROUPS} value={group_by} onPick={(one) => change({ group_by: one })} />
      <TextField
        name="Again every"
        help="Until somebody acknowledges it. Leave empty to tell it once."
        text={repeat}
        placeholder="once"
      />
      <TextField
        name="When nobody acknowledges it within"
        help="Leave empty to tell nobody else."
        text={escalate}
        placeholder="30 min"
      />
      {escalate.value.trim() !== '' && (
        <ChannelPicker
          name="Then also to"
          picked={draft.value.escalate?.notifiers ?? []}
          onPick={(ids) => change({ escalate: { after_ms: 0, notifiers: ids ?? [] } })}
        />
      )}
      <Check name="Quiet hours" on={quiet_hours !== null} onTurn={(on) => change({ quiet_hours: on ? nightly() : null })} />
      {quiet_hours && (
        <WeeklyField
          name="Quiet"
          help="What is not critical waits until they end."
          times={quiet_hours}
          onChange={(times) => change({ quiet_hours: times })}
        />
      )}
      <Check name="Tell also when it ends" on={resolved} onTurn={(on) => change({ resolved: on })} />
      <Check name="Go on to the routes below" on={go_on} onTurn={(on) => change({ go_on: on })} />
      <Failure text={failure.value} />
      <SaveOrCancel onCancel={onCancel} />
    </form>
  );
};

const spanIn = (name: string, text: string): number | null => {
  if (text.trim() === '') return null;
  const ms = parseSpan(text);
  if (ms === null) throw new FormError(`"${name}" must be a time with its unit, such as 30 min or 4 h.`);
  return ms;
};

const finished = (route: NoticeRoute, texts: { repeat: string; escalate: string }): NoticeRoute => {
  const { kind, value } = scopeParts(route.match.scope);
  if (kind !== 'all' && value === '') throw new FormError('Choose what the route is for.');
  if (route.match.times?.days.length === 0 || route.quiet_hours?.days.length === 0)
    throw new FormError('Choose at least one day.');
  const repeat_ms = spanIn('Again every', texts.repeat);
  const after_ms = spanIn('When nobody acknowledges it within', texts.escalate);
  const others = route.escalate?.notifiers ?? [];
  if (after_ms !== null && others.length === 0) throw new FormError('Choose who is told when nobody acknowledges it.');
  return { ...route, repeat_ms, escalate: after_ms === null ? null : { after_ms, notifiers: others } };
};

interface PickerProps {
  name: string;
  /** What "all of them" is called, where it may be picked: null. */
  all?: string;
  picked: readonly string[] | null;
  onPick(ids: string[] | null): void;
}

const ChannelPicker = ({ name, all, picked, onPick }: PickerProps) => {
  const { client } = useApp();
  const { loaded } = useLoaded(() => client.notifiers());
  const known = (loaded.value?.items ?? []).map(({ id }) => id);
  // One that is gone is still named, so that it can be taken out.
  const ids = [...new Set([...known, ...(picked ?? [])])];
  const turn = (id: string, on: boolean) => onPick(on ? [...(picked ?? []), id] : (picked ?? []).filter((one) => one !== id));
  return (
    <Grouped name={name}>
      {all && <Check name={all} on={picked === null} onTurn={(on) => onPick(on ? null : [])} />}
      {picked !== null && ids.map((id) => <Check key={id} name={id} on={picked.includes(id)} onTurn={(on) => turn(id, on)} />)}
      {picked !== null && ids.length === 0 && <span class="quiet">There is no channel yet.</span>}
    </Grouped>
  );
};
