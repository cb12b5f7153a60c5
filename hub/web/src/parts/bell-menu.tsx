import { useApp } from '../app.js';
import type { ChimeKind } from '../chime.js';
import { Icon } from './icons.js';
import { Menu } from './menu.js';

/** Sound and desktop notifications of this browser. */
export const BellMenu = () => {
  const { bell } = useApp();
  const is_on = bell.on.sound.value || bell.on.desktop.value;
  return (
    <Menu title={<BellTitle on={is_on} />} label={`Sound and notifications: ${is_on ? 'on' : 'off'}`}>
      <div class="panel">
        <p class="quiet">When an alert begins to fire, in this browser</p>
        <Switch kind="sound" words="Play a sound" />
        {bell.on.sound.value && bell.muted.value && <p class="warn">The browser plays no sound until you click on the page.</p>}
        <Switch kind="desktop" words="Show a desktop notification" />
        <p class="quiet">Not for silenced, snoozed and acknowledged alerts.</p>
      </div>
    </Menu>
  );
};

const BellTitle = ({ on }: { on: boolean }) => (
  <>
    <Icon name="bell" />
    {on ? 'On' : 'Off'}
  </>
);

const Switch = ({ kind, words }: { kind: ChimeKind; words: string }) => {
  const { bell, notice } = useApp();
  return (
    <label class="switch">
      <input
        type="checkbox"
        checked={bell.on[kind].value}
        onChange={async (event) => {
          const box = event.currentTarget;
          const refused = await bell.turn(kind, box.checked);
          if (refused === null) return;
          box.checked = bell.on[kind].value;
          notice.value = refused;
        }}
      />
      {words}
    </label>
  );
};
