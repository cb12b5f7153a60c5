import type { WeeklyTimes } from '@muster/hub/parts';
import type { Signal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { useEffect, useId, useMemo, useRef } from 'preact/hooks';
import { useApp } from '../app.js';
import { isAbout } from '../form-failure.js';
import { DAY_NAMES } from '../notice-words.js';
import { DEVICE_KINDS, SCOPE_WORDS, type Scope, type ScopeKind, scopeOf, scopeParts } from '../scopes.js';
import { useChoices } from './fleet-tools.js';
import { useLoaded } from './names.js';

/** Fields that the forms of rules, routes and silences share. */
export interface Wired {
  id: string;
  'aria-describedby'?: string;
}

/** A name, its field, and a sentence about it; the field takes what ties them together. */
export const Labelled = ({
  name,
  help,
  children,
}: {
  name: string;
  help?: string | undefined;
  children(wired: Wired): ComponentChildren;
}) => {
  const id = useId();
  return (
    <div class="labelled">
      <label for={id}>{name}</label>
      {children(help ? { id, 'aria-describedby': `${id}-help` } : { id })}
      {help && <small id={`${id}-help`}>{help}</small>}
    </div>
  );
};

interface TextProps {
  name: string;
  text: Signal<string>;
  help?: string;
  placeholder?: string;
  inputMode?: 'numeric' | 'text' | 'url';
  required?: boolean;
  maxLength?: number;
}

export const TextField = ({ name, text, help, ...given }: TextProps) => (
  <Labelled name={name} help={help}>
    {(wired) => (
      <input
        {...wired}
        {...given}
        autocomplete="off"
        value={text.value}
        onInput={(event) => (text.value = event.currentTarget.value)}
      />
    )}
  </Labelled>
);

export const SaveOrCancel = ({ onCancel }: { onCancel(): void }) => (
  <div class="row">
    <button type="submit" class="button main">
      Save
    </button>
    <button type="button" class="button" onClick={onCancel}>
      Cancel
    </button>
  </div>
);

/** Several fields that are one answer. */
export const Grouped = ({ name, help, children }: { name: string; help?: string | undefined; children: ComponentChildren }) => (
  <fieldset class="labelled">
    <legend>{name}</legend>
    <div class="grouped">{children}</div>
    {help && <small>{help}</small>}
  </fieldset>
);

/** What failed, beside the button; the field that it names is marked and gets the focus. */
export const Failure = ({ text }: { text: string | null }) => {
  const box = useRef<HTMLParagraphElement>(null);
  const id = useId();
  useEffect(() => {
    const named = text === null ? undefined : controlsIn(box.current).find((one) => isAbout(text, namesOf(one)));
    if (!named) return;
    named.setAttribute('aria-invalid', 'true');
    named.setAttribute('aria-errormessage', id);
    named.focus();
    return () => {
      named.removeAttribute('aria-invalid');
      named.removeAttribute('aria-errormessage');
    };
  }, [text, id]);
  if (text === null) return null;
  return (
    <p class="failure" role="alert" id={id} ref={box}>
      {text}
    </p>
  );
};

const controlsIn = (box: HTMLElement | null): HTMLInputElement[] => [
  ...(box?.closest('form')?.querySelectorAll<HTMLInputElement>('input, select, textarea') ?? []),
];
/** Its label may hold the field itself and a sentence about it. */
const namesOf = (control: HTMLInputElement): string[] => [
  ...[...(control.labels ?? [])].map((label) => label.firstChild?.textContent ?? ''),
  ...[control.ariaLabel ?? '', control.dataset['field'] ?? ''],
];

interface OneOfProps<T extends string> {
  name: string;
  options: Readonly<Record<T, string>>;
  value: T;
  onPick(value: T): void;
}
/** A few answers side by side. */
export const OneOf = <T extends string>({ name, options, value, onPick }: OneOfProps<T>) => (
  <fieldset class="one-of">
    <legend>{name}</legend>
    {(Object.entries(options) as [T, string][]).map(([id, word]) => (
      <label key={id}>
        <input type="radio" name={name} checked={id === value} onChange={() => onPick(id)} />
        <span>{word}</span>
      </label>
    ))}
  </fieldset>
);

export const Check = ({ name, on, onTurn }: { name: string; on: boolean; onTurn(on: boolean): void }) => (
  <label class="check">
    <input type="checkbox" checked={on} onChange={(event) => onTurn(event.currentTarget.checked)} />
    <span>{name}</span>
  </label>
);

interface ScopeProps {
  kinds: readonly ScopeKind[];
  scope: Scope;
  /** Titles by id, where a scope may be a rule. */
  rules?: ReadonlyMap<string, string>;
  onPick(scope: Scope): void;
}

export const ScopeField = ({ kinds, scope, rules, onPick }: ScopeProps) => {
  const { kind, value } = scopeParts(scope);
  return (
    <Grouped name="Applies to">
      <select
        aria-label="For which devices"
        value={kind}
        onChange={(event) => onPick(scopeOf(event.currentTarget.value as ScopeKind, ''))}
      >
        {kinds.map((one) => (
          <option key={one} value={one}>
            {SCOPE_WORDS[one]}
          </option>
        ))}
      </select>
      {kind === 'device' && <DeviceInput value={value} onPick={(id) => onPick(scopeOf('device', id))} />}
      {kind !== 'all' && kind !== 'device' && (
        <ScopeChoice kind={kind} value={value} rules={rules} onPick={(one) => onPick(scopeOf(kind, one))} />
      )}
    </Grouped>
  );
};

const MOST_LISTED = 500;

const DeviceInput = ({ value, onPick }: { value: string; onPick(id: string): void }) => {
  const { board } = useApp();
  const devices = [...board.devices.values()];
  /** A name that only one device has may stand for its id. */
  const take = (text: string) => {
    const named = devices.filter((one) => one.name === text);
    onPick(named.length === 1 && named[0] ? named[0].id : text);
  };
  return (
    <>
      <datalist id="scope-devices">
        {devices.slice(0, MOST_LISTED).map(({ id, name }) => (
          <option key={id} value={id}>
            {name}
          </option>
        ))}
      </datalist>
      <input
        required
        list="scope-devices"
        aria-label="Device"
        placeholder="Name or id"
        value={value}
        onInput={(event) => take(event.currentTarget.value)}
      />
      {board.devices.get(value) && <span class="quiet">{board.devices.get(value)?.name}</span>}
    </>
  );
};

interface ChoiceProps {
  kind: ScopeKind;
  value: string;
  rules: ReadonlyMap<string, string> | undefined;
  onPick(value: string): void;
}

const NOTHING_TO_PICK: Partial<Record<ScopeKind, string>> = {
  site: 'There is no site yet.',
  tag: 'No device has a tag yet.',
  network: 'No device reports a network yet.',
};

const ScopeChoice = ({ kind, value, rules, onPick }: ChoiceProps) => {
  const { siteNames, client } = useApp();
  const { tags } = useChoices().value;
  const { loaded: sources } = useLoaded(() => client.networks());
  const networks = new Set((sources.value?.items ?? []).map(({ network }) => network));
  const options: Partial<Record<ScopeKind, ReadonlyMap<string, string>>> = {
    site: siteNames.value,
    tag: new Map(tags.map((tag) => [tag, tag])),
    network: new Map([...networks].sort().map((network) => [network, network])),
    kind: new Map(Object.entries(DEVICE_KINDS)),
    ...(rules && { rule: rules }),
  };
  const listed = new Map(options[kind]);
  // What is gone or not seen yet stays as it was set.
  if (value !== '' && !listed.has(value)) listed.set(value, value);
  if (listed.size === 0) return <span class="quiet">{NOTHING_TO_PICK[kind] ?? 'None is known yet.'}</span>;
  return (
    <select required aria-label={SCOPE_WORDS[kind]} value={value} onChange={(event) => onPick(event.currentTarget.value)}>
      <option value="">Choose…</option>
      {[...listed].map(([id, word]) => (
        <option key={id} value={id}>
          {word}
        </option>
      ))}
    </select>
  );
};

/** The zone of this browser. */
export const ownZone = (): string => Intl.DateTimeFormat().resolvedOptions().timeZone;
const zonesWith = (zone: string): string[] => [...new Set([zone, 'UTC', ...Intl.supportedValuesOf('timeZone')])].sort();

interface WeeklyProps {
  name: string;
  help?: string;
  times: WeeklyTimes;
  onChange(times: WeeklyTimes): void;
}

/** Days of the week, from when to when, and by which clocks. */
export const WeeklyField = ({ name, help, times, onChange }: WeeklyProps) => {
  const { days, from, to, time_zone } = times;
  const turn = (day: number) => {
    const next = days.includes(day) ? days.filter((one) => one !== day) : [...days, day];
    onChange({ ...times, days: next.sort((a, b) => a - b) });
  };
  return (
    <Grouped name={name} help={help}>
      <fieldset class="weekdays">
        <legend class="unseen">Days</legend>
        {DAY_NAMES.map((word, index) => (
          <button type="button" key={word} aria-pressed={days.includes(index + 1)} onClick={() => turn(index + 1)}>
            {word}
          </button>
        ))}
      </fieldset>
      <TimeInput name="From" value={from} onPick={(text) => onChange({ ...times, from: text })} />
      <span class="quiet">to</span>
      <TimeInput name="To" value={to === '24:00' ? '00:00' : to} onPick={(text) => onChange({ ...times, to: text })} />
      <ZoneSelect zone={time_zone} onPick={(zone) => onChange({ ...times, time_zone: zone })} />
    </Grouped>
  );
};

const TimeInput = ({ name, value, onPick }: { name: string; value: string; onPick(text: string): void }) => (
  <input type="time" required aria-label={name} value={value} onInput={(event) => onPick(event.currentTarget.value)} />
);

const ZoneSelect = ({ zone, onPick }: { zone: string; onPick(zone: string): void }) => {
  const zones = useMemo(() => zonesWith(zone), []);
  return (
    <select aria-label="Time zone" class="zone" value={zone} onChange={(event) => onPick(event.currentTarget.value)}>
      {zones.map((one) => (
        <option key={one} value={one}>
          {one.replaceAll('_', ' ')}
        </option>
      ))}
    </select>
  );
};

/** An example that most would want. */
export const nightly = (): WeeklyTimes => ({ days: [1, 2, 3, 4, 5, 6, 7], from: '22:00', to: '07:00', time_zone: ownZone() });
