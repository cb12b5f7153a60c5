import { type Signal, useSignal } from '@preact/signals';
import { useApp } from '../app.js';
import { FormError, type NotifierDetail, type SourceKind, sentenceOf } from '../client.js';
import { configOf, fieldsOf, textsOf } from '../config-form.js';
import { parseNumber } from '../quantities.js';
import { Check, Failure, Labelled, SaveOrCancel, TextField } from './fields.js';
import { Fields } from './source-form.js';

/** Makes or changes a channel; its fields come from the schema of its kind, and a secret that is left empty stays as it is. */
interface FormProps {
  kinds: readonly SourceKind[];
  channel: NotifierDetail | null;
  /** What a template may hold; null: this hub knows no templates. */
  placeholders: readonly { name: string; help: string }[] | null;
  onDone(): void;
}

export const ChannelForm = ({ kinds, channel, placeholders, onDone }: FormProps) => {
  const { client } = useApp();
  const named = useSignal('');
  const kind = useSignal(channel?.kind ?? kinds[0]?.id ?? '');
  const chosen = kinds.find(({ id }) => id === kind.value);
  const fields = chosen ? fieldsOf(chosen.config) : [];
  const texts = useSignal<Record<string, string>>(channel ? withoutSecrets(fields, textsOf(fields, channel.config)) : {});
  const rate = useSignal(channel ? String(channel.per_minute) : '');
  const wording = useSignal({ title: channel?.templates?.title ?? '', text: channel?.templates?.text ?? '' });
  const acknowledge = useSignal(channel?.acknowledge ?? true);
  const failure = useSignal<string | null>(null);
  const save = async (event: Event) => {
    event.preventDefault();
    try {
      const name = named.value.trim();
      const per_minute = rate.value.trim() === '' ? undefined : parseNumber(rate.value);
      if (per_minute === null) throw new FormError('The most notices a minute must be a number.');
      const body = {
        ...{ kind: kind.value, config: configOf(fields, texts.value) },
        ...(per_minute !== undefined && { per_minute }),
        ...(placeholders && { templates: templatesOf(wording.value), acknowledge: acknowledge.value }),
      };
      if (channel) await client.putNotifier(channel.id, { ...body, enabled: channel.enabled });
      else await client.addNotifier({ ...body, ...(name && { id: name }) });
      onDone();
    } catch (error) {
      failure.value = sentenceOf(error);
    }
  };
  return (
    <form class="source-form" onSubmit={save} aria-label={channel ? `Channel ${channel.id}` : 'New channel'}>
      {channel ? (
        <h3>{channel.id}</h3>
      ) : (
        <>
          <KindPicker {...{ kinds, kind, texts }} />
          <TextField name="Name" text={named} placeholder={kind.value.replaceAll('_', '-')} />
        </>
      )}
      <Fields of={kind.value} fields={channel ? fields.map(asKept) : fields} texts={texts} />
      <TextField
        name="At most so many notices a minute"
        help="What is beyond waits and is told of in one."
        text={rate}
        inputMode="numeric"
        placeholder="10"
      />
      {placeholders && <Wording {...{ placeholders, wording, acknowledge }} />}
      {chosen && (
        <p>
          <a href={chosen.docs} target="_blank" rel="noreferrer">
            How to get these for {chosen.title}
          </a>
        </p>
      )}
      <Failure text={failure.value} />
      <SaveOrCancel onCancel={onDone} />
    </form>
  );
};

interface KindProps {
  kinds: readonly SourceKind[];
  kind: Signal<string>;
  texts: Signal<Record<string, string>>;
}

const KindPicker = ({ kinds, kind, texts }: KindProps) => {
  const pick = (id: string) => {
    kind.value = id;
    texts.value = {};
  };
  return (
    <Labelled name="Channel">
      {(wired) => (
        <select {...wired} value={kind.value} onChange={(event) => pick(event.currentTarget.value)}>
          {kinds.map(({ id, title }) => (
            <option key={id} value={id}>
              {title}
            </option>
          ))}
        </select>
      )}
    </Labelled>
  );
};

/** Empty is the usual wording. */
const templatesOf = ({ title, text }: { title: string; text: string }) => ({
  title: title.trim() === '' ? null : title,
  text: text.trim() === '' ? null : text,
});

interface WordingProps {
  placeholders: readonly { name: string; help: string }[];
  wording: Signal<{ title: string; text: string }>;
  acknowledge: Signal<boolean>;
}

const Wording = ({ placeholders, wording, acknowledge }: WordingProps) => (
  <details class="wording" open={wording.peek().title !== '' || wording.peek().text !== ''}>
    <summary>Wording</summary>
    <Labelled name="Title" help="Left empty: the usual one.">
      {(wired) => (
        <textarea
          {...wired}
          rows={2}
          value={wording.value.title}
          onInput={(event) => (wording.value = { ...wording.value, title: event.currentTarget.value })}
        />
      )}
    </Labelled>
    <Labelled name="Text">
      {(wired) => (
        <textarea
          {...wired}
          rows={5}
          value={wording.value.text}
          onInput={(event) => (wording.value = { ...wording.value, text: event.currentTarget.value })}
        />
      )}
    </Labelled>
    <p class="quiet">
      In both, these stand for what the notice is about; {'{{#if resolved}} … {{else}} … {{/if}}'} writes a part only where one of
      them is not empty:
    </p>
    <dl class="placeholders">
      {placeholders.map(({ name, help }) => (
        <div key={name}>
          <dt>
            <code>{`{{${name}}}`}</code>
          </dt>
          <dd>{help}</dd>
        </div>
      ))}
    </dl>
    <Check name="Notices carry a way to acknowledge" on={acknowledge.value} onTurn={(on) => (acknowledge.value = on)} />
  </details>
);

type Field = ReturnType<typeof fieldsOf>[number];

/** The mask of a secret is not for editing. */
const withoutSecrets = (fields: readonly Field[], texts: Record<string, string>) =>
  Object.fromEntries(Object.entries(texts).map(([name, text]) => [name, isSecret(fields, name) ? '' : text]));
const isSecret = (fields: readonly Field[], name: string) => fields.some((one) => one.name === name && one.kind === 'secret');

const asKept = (field: Field): Field => (field.kind === 'secret' ? { ...field, required: false, hint: 'as it is' } : field);
