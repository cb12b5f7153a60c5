import { type Signal, useSignal } from '@preact/signals';
import { useApp } from '../app.js';
import { type HubSource, type SourceKind, sentenceOf } from '../client.js';
import { configOf, type Field, fieldsOf, textsOf } from '../config-form.js';
import { Failure, SaveOrCancel } from './fields.js';

/** Makes or changes a source that the hub asks; its fields come from the network's own schema. */
export const SourceForm = (props: {
  kinds: readonly SourceKind[];
  name: string | null;
  source: HubSource | null;
  onDone(): void;
}) => {
  const { client } = useApp();
  const { kinds, source, onDone } = props;
  const named = useSignal(props.name ?? '');
  const network = useSignal(source?.network ?? kinds[0]?.id ?? '');
  const devices = useSignal(source?.devices.join(' ') ?? '');
  const failure = useSignal<string | null>(null);
  const kind = kinds.find((one) => one.id === network.value);
  const fields = kind ? fieldsOf(kind.config) : [];
  const texts = useSignal(textsOf(fields, source?.config ?? {}));
  const save = async (event: Event) => {
    event.preventDefault();
    try {
      const config = configOf(fields, texts.value);
      const list = devices.value.split(/[\s,]+/).filter(Boolean);
      const pace = source?.every ? { every: source.every } : {};
      await client.putSource(named.value, { network: network.value, config, devices: list, enabled: true, ...pace });
      onDone();
    } catch (error) {
      failure.value = sentenceOf(error);
    }
  };
  return (
    <form class="source-form" onSubmit={save}>
      <label>
        Name
        <input required disabled={source !== null} value={named} onInput={(event) => (named.value = event.currentTarget.value)} />
      </label>
      <label>
        Network
        <select disabled={source !== null} value={network} onChange={(event) => (network.value = event.currentTarget.value)}>
          {kinds.map(({ id, title }) => (
            <option key={id} value={id}>
              {title}
            </option>
          ))}
        </select>
      </label>
      <label>
        Devices it speaks of (missing ones are made)
        <input value={devices} onInput={(event) => (devices.value = event.currentTarget.value)} />
      </label>
      <Fields of={network.value} fields={fields} texts={texts} />
      <Failure text={failure.value} />
      <SaveOrCancel onCancel={onDone} />
    </form>
  );
};

/** A field for each setting that the schema of `of` knows. */
export const Fields = (props: { of: string; fields: readonly Field[]; texts: Signal<Record<string, string>> }) => (
  <>
    {props.fields.map((field) => (
      <label key={`${props.of} ${field.name}`} for={`field-${field.name}`}>
        {field.title}
        <Input
          field={field}
          text={props.texts.value[field.name] ?? ''}
          onText={(text) => (props.texts.value = { ...props.texts.value, [field.name]: text })}
        />
        {field.help !== '' && <small>{field.help}</small>}
      </label>
    ))}
  </>
);

const Input = ({ field, text, onText }: { field: Field; text: string; onText(text: string): void }) => {
  const { kind, required, hint } = field;
  const id = `field-${field.name}`;
  const choices = kind === 'switch' ? ['true', 'false'] : field.choices;
  if (kind === 'choice' || kind === 'switch') {
    return (
      <select
        id={id}
        data-field={field.name}
        required={required}
        value={text}
        onChange={(event) => onText(event.currentTarget.value)}
      >
        <option value="">{hint}</option>
        {choices.map((one) => (
          <option key={one}>{one}</option>
        ))}
      </select>
    );
  }
  if (kind === 'json' || kind === 'long' || kind === 'list')
    return (
      <textarea
        id={id}
        data-field={field.name}
        placeholder={hint}
        value={text}
        onInput={(event) => onText(event.currentTarget.value)}
      />
    );
  const given = { id, 'data-field': field.name, required, value: text, placeholder: hint, autocomplete: 'off' };
  const hear = (event: { currentTarget: HTMLInputElement }) => onText(event.currentTarget.value);
  return kind === 'secret' ? <input type="password" {...given} onInput={hear} /> : <input {...given} onInput={hear} />;
};
