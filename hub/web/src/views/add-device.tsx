import { useComputed, useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { useApp } from '../app.js';
import { type Invited, sentenceOf } from '../client.js';
import { heardOf } from '../fleet.js';
import { duration } from '../format.js';
import { Icon } from '../parts/icons.js';

/** The dialog that adds a device: one command to run there, and word when it has arrived. */
export const AddDevice = () => {
  const { adding, client } = useApp();
  const dialog = useRef<HTMLDialogElement>(null);
  const invite = useSignal<Invited | null>(null);
  const failure = useSignal<string | null>(null);
  const ask = async () => {
    failure.value = null;
    try {
      invite.value = await client.invite({});
    } catch (error) {
      failure.value = sentenceOf(error);
    }
  };
  // Once, when the dialog opens.
  useEffect(() => {
    dialog.current?.showModal();
    void ask();
  }, []);
  return (
    <dialog ref={dialog} onClose={() => (adding.value = false)} aria-labelledby="add-title">
      <header>
        <h2 id="add-title">Add a device</h2>
        <button type="button" class="plain" aria-label="Close" onClick={() => dialog.current?.close()}>
          <Icon name="close" />
        </button>
      </header>
      {failure.value !== null && (
        <p class="failure" role="alert">
          {failure.value}
        </p>
      )}
      {invite.value && <Command invite={invite.value} onAgain={ask} />}
      <Arrivals onOpen={() => dialog.current?.close()} />
    </dialog>
  );
};

const Command = ({ invite, onAgain }: { invite: Invited; onAgain(): void }) => {
  const { clock } = useApp();
  const left = invite.expires - clock.value;
  if (left <= 0) {
    return (
      <div class="command">
        <p>This command is no longer good.</p>
        <button type="button" class="button main" onClick={onAgain}>
          Make a new one
        </button>
      </div>
    );
  }
  return (
    <div class="command">
      <p>On the machine that you want to watch, with Node 20.19 or later (sudo sh makes it a service):</p>
      <Copyable text={invite.install} />
      {invite.hint !== null && <p role="note">{invite.hint}</p>}
      <p>Or in a clone of Muster there, join once:</p>
      <Copyable text={invite.command} />
      <p>Then start its agent:</p>
      <Copyable text="npm run agent -- run" />
      <p class="quiet">
        Good for one device, for another <span class="figure">{duration(left)}</span>. Its key is made when it joins; this command
        holds only a one-time token.
      </p>
    </div>
  );
};

/** Plain pages at a LAN address have no clipboard: there the text is selected for the person's own copy key. */
const copyText = async (element: HTMLElement): Promise<boolean> => {
  try {
    await navigator.clipboard.writeText(element.textContent ?? '');
    return true;
  } catch {
    getSelection()?.selectAllChildren(element);
    return false;
  }
};

const Copyable = ({ text }: { text: string }) => {
  const code = useRef<HTMLElement>(null);
  const said = useSignal('Copy');
  const copy = async () => {
    if (!code.current) return;
    said.value = (await copyText(code.current)) ? 'Copied' : 'Selected: press Ctrl+C';
    setTimeout(() => {
      said.value = 'Copy';
    }, 2500);
  };
  return (
    <div class="copyable">
      <pre>
        <code ref={code}>{text}</code>
      </pre>
      <button type="button" class="button" onClick={copy} aria-live="polite">
        {said.value}
      </button>
    </div>
  );
};

/** Devices that were not heard of when the dialog opened. */
const Arrivals = ({ onOpen }: { onOpen(): void }) => {
  const { board } = useApp();
  const before = useRef(new Set(heardOf(board.devices.values()).map((device) => device.id)));
  const fresh = useComputed(() => {
    board.version.value;
    return heardOf(board.devices.values()).filter((device) => !before.current.has(device.id));
  });
  return (
    <div class="arrivals" role="status">
      {fresh.value.length === 0 && (
        <p class="quiet waiting">
          <i class="pulse" /> Waiting for it to report…
        </p>
      )}
      {fresh.value.map((device) => (
        <p key={device.id} class="here">
          <b>{device.name}</b> is here.{' '}
          <a href={`/devices/${device.id}`} onClick={onOpen}>
            Open it
          </a>
        </p>
      ))}
    </div>
  );
};
