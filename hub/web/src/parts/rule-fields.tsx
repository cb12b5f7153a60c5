import { type MetricDeclaration, seriesKey } from '@muster/shared/metrics';
import type { Signal } from '@preact/signals';
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { useApp } from '../app.js';
import { formatValue } from '../format.js';
import { fieldText, fieldUnit, type LevelUnit, type RuleField, type Texts } from '../rule-form.js';
import { Check, Grouped, Labelled, type Wired } from './fields.js';

/** The fields of a rule's configuration, each by its kind. */
export type Metrics = ReadonlyMap<string, { metric: string } & MetricDeclaration>;
interface FieldsProps {
  fields: readonly RuleField[];
  texts: Signal<Texts>;
  unit: LevelUnit;
  metrics: Metrics;
}

export const RuleFields = ({ fields, texts, unit, metrics }: FieldsProps) => {
  const groups = new Map<string, RuleField[]>();
  for (const field of fields) {
    const name = field.group ?? sideOf(field, fields) ?? field.path;
    groups.set(name, [...(groups.get(name) ?? []), field]);
  }
  const put = (path: string, text: string) => (texts.value = { ...texts.value, [path]: text });
  return (
    <>
      {[...groups].map(([name, members]) => {
        const [only] = members;
        if (!only) return null;
        if (only.group !== null) return <Group key={name} {...{ name, members, texts, unit, put }} />;
        if (name === SIDES) return <Level key={name} {...{ members, texts, unit }} />;
        return <One key={name} {...{ field: only, texts, unit, metrics, put }} />;
      })}
    </>
  );
};

const SIDES = 'above or below';
/** Two levels of which one is given are one question. */
const sideOf = ({ path }: RuleField, fields: readonly RuleField[]): string | null => {
  const both = fields.some((one) => one.path === 'above') && fields.some((one) => one.path === 'below');
  return both && (path === 'above' || path === 'below') ? SIDES : null;
};

interface OneProps extends Omit<FieldsProps, 'fields'> {
  field: RuleField;
  put(path: string, text: string): void;
}

const One = ({ field, texts, unit, metrics, put }: OneProps) => {
  const { path, title, help, kind } = field;
  const text = texts.value[path] ?? '';
  const onText = (next: string) => put(path, next);
  if (kind === 'switch')
    return <Check name={title} on={(text || String(field.fallback)) === 'true'} onTurn={(on) => onText(String(on))} />;
  if (kind === 'metric') return <MetricInput {...{ field, text, metrics, onText }} />;
  return (
    <Labelled name={title} help={help}>
      {(wired) => (
        <span class="with-unit">
          <Input {...{ field, text, unit, onText, wired }} />
          <span class="quiet">{fieldUnit(field, unit)}</span>
        </span>
      )}
    </Labelled>
  );
};

interface InputProps {
  field: RuleField;
  text: string;
  unit: LevelUnit;
  wired: Partial<Wired> & { 'aria-label'?: string };
  onText(text: string): void;
}

const EXAMPLES: Partial<Record<RuleField['kind'], string>> = {
  span: '10 min',
  seconds: '5 s',
  labels: 'zone=cpu',
  bytes: '10 GB',
};
const NUMBERS = new Set<RuleField['kind']>(['share', 'number', 'count']);

const Input = ({ field, text, unit, wired, onText }: InputProps) => {
  const { kind, choices, required, fallback } = field;
  if (kind === 'choice')
    return (
      <select
        {...wired}
        data-field={field.path}
        value={text === '' ? String(fallback ?? '') : text}
        onChange={(event) => onText(event.currentTarget.value)}
      >
        {choices.map((one) => (
          <option key={one}>{one}</option>
        ))}
      </select>
    );
  const usual = field.nullable ? '' : fieldText(field, fallback, unit);
  return (
    <input
      {...wired}
      data-field={field.path}
      required={required}
      class={kind === 'labels' || kind === 'words' || kind === 'text' ? 'wide' : ''}
      inputMode={NUMBERS.has(kind) ? 'decimal' : 'text'}
      placeholder={usual || (EXAMPLES[kind] ?? '')}
      autocomplete="off"
      value={text}
      onInput={(event) => onText(event.currentTarget.value)}
    />
  );
};

interface GroupProps extends Pick<OneProps, 'texts' | 'unit' | 'put'> {
  name: string;
  members: readonly RuleField[];
}

const Group = ({ name, members, texts, unit, put }: GroupProps) => (
  <Grouped name={name}>
    {members.map((field) => (
      <span key={field.path} class="with-unit">
        <span class="quiet">{field.title}</span>
        <Input
          {...{ field, unit }}
          wired={{ 'aria-label': `${name}, ${field.title.toLowerCase()}` }}
          text={texts.value[field.path] ?? ''}
          onText={(text) => put(field.path, text)}
        />
        <span class="quiet">{fieldUnit(field, unit)}</span>
      </span>
    ))}
  </Grouped>
);

/** Above or below, never both. */
const Level = ({ members, texts, unit }: { members: readonly RuleField[]; texts: Signal<Texts>; unit: LevelUnit }) => {
  const side = useSignal(texts.value['below'] ? 'below' : 'above');
  const field = members.find(({ path }) => path === side.value);
  if (!field) return null;
  const put = (to: string, text: string) => {
    side.value = to;
    texts.value = { ...texts.value, above: '', below: '', [to]: text };
  };
  const text = texts.value[side.value] ?? '';
  return (
    <Grouped name="When it is">
      <select aria-label="Above or below" value={side.value} onChange={(event) => put(event.currentTarget.value, text)}>
        {members.map(({ path, title }) => (
          <option key={path} value={path}>
            {title.toLowerCase()}
          </option>
        ))}
      </select>
      <span class="with-unit">
        <Input {...{ field, text, unit }} wired={{ 'aria-label': 'Level' }} onText={(next) => put(side.value, next)} />
        <span class="quiet">{fieldUnit(field, unit)}</span>
      </span>
    </Grouped>
  );
};

interface MetricProps {
  field: RuleField;
  text: string;
  metrics: Metrics;
  onText(text: string): void;
}

const MetricInput = ({ field, text, metrics, onText }: MetricProps) => (
  <Labelled name={field.title}>
    {(wired) => (
      <>
        <input
          {...wired}
          data-field={field.path}
          required
          class="wide"
          list="rule-metrics"
          autocomplete="off"
          spellcheck={false}
          placeholder="hw.temperature"
          value={text}
          onInput={(event) => onText(event.currentTarget.value)}
        />
        <datalist id="rule-metrics">
          {[...metrics.values()].map(({ metric, title }) => (
            <option key={metric} value={metric}>
              {title}
            </option>
          ))}
        </datalist>
        <small>
          <MetricNow metric={text.trim()} metrics={metrics} />
        </small>
      </>
    )}
  </Labelled>
);

/** What the fleet says of a metric now: by it one finds a level. */
const MetricNow = ({ metric, metrics }: { metric: string; metrics: Metrics }) => {
  const { client } = useApp();
  const said = useSignal('');
  const known = metrics.get(metric);
  useEffect(() => {
    said.value = '';
    if (!known) return;
    let current = true;
    client.latestOf(metric).then(
      ({ items }) => {
        if (current) said.value = nowText(items, known);
      },
      // It is only a help.
      () => {},
    );
    return () => {
      current = false;
    };
  }, [metric, known]);
  if (metric === '') return 'What the devices report; begin to type to search.';
  return <>{known ? `${known.title}${said.value}` : 'No device has reported this metric yet.'}</>;
};

const MOST_SERIES_NAMED = 4;

const nowText = (
  items: readonly { labels: Readonly<Record<string, string>>; value: number }[],
  { unit, metric, kind }: { unit: string; metric: string; kind: string },
): string => {
  const values = items.map(({ value }) => value);
  if (values.length === 0) return '';
  const shown = (value: number) => formatValue(value, unit, metric);
  const range = kind === 'counter' ? '' : `: now ${shown(Math.min(...values))} to ${shown(Math.max(...values))}`;
  const labels = [...new Set(items.map((one) => seriesKey('m', one.labels).slice(2, -1)))].filter(Boolean);
  const named =
    labels.length > 1
      ? `; ${labels.slice(0, MOST_SERIES_NAMED).join(' · ')}${labels.length > MOST_SERIES_NAMED ? ' …' : ''}`
      : '';
  return `${range} in ${values.length} series${named}`;
};
