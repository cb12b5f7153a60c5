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

export const SignInPage = () => {
  const { client } = useApp();
  const { onSubmit, failure, busy } = useSend((fields) =>
    client.login({ name: text(fields, 'name'), password: text(fields, 'password') }),
  );
  return (
    <Gate title="Sign in">
      <form onSubmit={onSubmit}>
        <label>
          Name
          <input name="name" autocomplete="username" autocapitalize="none" required />
        </label>
        <label>
          Password
          <input name="password" type="password" autocomplete="current-password" required />
        </label>
        <Failure text={failure} />
        <button type="submit" class="button main" disabled={busy}>
          Sign in
        </button>
      </form>
    </Gate>
  );
};

const Failure = ({ text: sentence }: { text: string | null }) => (
  <p class="failure" role="alert">
    {sentence}
  </p>
);

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
  const { onSubmit, failure, busy } = useSend(async (fields) => {
    if (text(fields, 'password') !== text(fields, 'again')) throw new FormError('The two passwords differ. Type the same twice.');
    await client.setup({ code, name: text(fields, 'name'), password: text(fields, 'password') });
    setupCode.value = null;
  });
  return (
    <Gate title="Set up this hub">
      <p>Choose the name and password of the first account. It is the administrator.</p>
      <form onSubmit={onSubmit}>
        <label>
          Name
          <input name="name" autocomplete="username" autocapitalize="none" required />
        </label>
        <label>
          Password
          <input name="password" type="password" autocomplete="new-password" minLength={SHORTEST_PASSWORD} required />
        </label>
        <label>
          Password again
          <input name="again" type="password" autocomplete="new-password" minLength={SHORTEST_PASSWORD} required />
        </label>
        <Failure text={failure} />
        <button type="submit" class="button main" disabled={busy}>
          Create the account
        </button>
        <button type="button" class="plain" onClick={() => (setupCode.value = null)}>
          I have an account already
        </button>
      </form>
    </Gate>
  );
};
