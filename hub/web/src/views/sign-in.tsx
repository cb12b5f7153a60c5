import { useSignal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { useApp } from '../app.js';
import { FormError, sentenceOf } from '../client.js';
import { BrandMark } from '../parts/icons.js';

/** Signing in, and the first account by the one-time set-up link. */
const SHORTEST_PASSWORD = 10;

const Gate = ({ title, children }: { title: string; children: ComponentChildren }) => (
  <main class="gate">
    <div class="gate-mark" aria-hidden="true">
      <BrandMark />
      Muster
    </div>
    <h1>{title}</h1>
    {children}
  </main>
);

const useSend = (send: (fields: FormData) => Promise<unknown>) => {
  const { checkSession } = useApp();
  const failure = useSignal<string | null>(null);
  const busy = useSignal(false);
  const onSubmit = async (event: SubmitEvent) => {
    event.preventDefault();
    if (!(event.currentTarget instanceof HTMLFormElement) || busy.value) return;
    busy.value = true;
    failure.value = null;
    try {
      await send(new FormData(event.currentTarget));
      await checkSession();
    } catch (error) {
      failure.value = sentenceOf(error);
    }
    busy.value = false;
  };
  return { onSubmit, failure: failure.value, busy: busy.value };
};

const text = (fields: FormData, name: string): string => String(fields.get(name) ?? '');

interface CredentialsProps {
  /** `new-password` asks for a long one. */
  password: 'current-password' | 'new-password';
  submit: string;
  send(fields: FormData): Promise<unknown>;
  /** Between the password and the button. */
  fields?: ComponentChildren;
  /** Below the button. */
  children?: ComponentChildren;
}

const Credentials = ({ password, submit, send, fields, children }: CredentialsProps) => {
  const { onSubmit, failure, busy } = useSend(send);
  return (
    <form onSubmit={onSubmit}>
      <label>
        Name
        <input name="name" autocomplete="username" autocapitalize="none" required />
      </label>
      <Password name="password" label="Password" autocomplete={password} />
      {fields}
      <p class="failure" role="alert">
        {failure}
      </p>
      <button type="submit" class="button main" disabled={busy}>
        {submit}
      </button>
      {children}
    </form>
  );
};

const Password = ({ name, label, autocomplete }: { name: string; label: string; autocomplete: CredentialsProps['password'] }) => (
  <label>
    {label}
    <input
      name={name}
      type="password"
      autocomplete={autocomplete}
      required
      {...(autocomplete === 'new-password' && { minLength: SHORTEST_PASSWORD })}
    />
  </label>
);

export const SignInPage = () => {
  const { client } = useApp();
  const send = (fields: FormData) => client.login({ name: text(fields, 'name'), password: text(fields, 'password') });
  return (
    <Gate title="Sign in">
      <Credentials password="current-password" submit="Sign in" send={send} />
    </Gate>
  );
};

export const SetupPage = () => {
  const { setupCode } = useApp();
  return setupCode.value === null ? <NeedsLink /> : <FirstAccount code={setupCode.value} />;
};

const NeedsLink = () => (
  <Gate title="Set up this hub">
    <p>
      This hub has no account yet. It printed a one-time set-up link where it was started: open that link here, it ends in{' '}
      <code>#setup=…</code>
    </p>
    <p class="quiet">Lost it? Restart the hub and it prints a new one.</p>
  </Gate>
);

const FirstAccount = ({ code }: { code: string }) => {
  const { client, setupCode } = useApp();
  const send = async (fields: FormData) => {
    if (text(fields, 'password') !== text(fields, 'again')) throw new FormError('The two passwords differ. Type the same twice.');
    await client.setup({ code, name: text(fields, 'name'), password: text(fields, 'password') });
    setupCode.value = null;
  };
  return (
    <Gate title="Set up this hub">
      <p>Choose the name and password of the first account. It is the administrator.</p>
      <Credentials
        password="new-password"
        submit="Create the account"
        send={send}
        fields={<Password name="again" label="Password again" autocomplete="new-password" />}
      >
        <button type="button" class="plain" onClick={() => (setupCode.value = null)}>
          I have an account already
        </button>
      </Credentials>
    </Gate>
  );
};
