import { useSignal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { createActions, type SilenceBy, scopesOf } from '../alert-actions.js';
import { type Alert, groupOf, isSnoozed } from '../alert-groups.js';
import { useApp } from '../app.js';
import { sentenceOf } from '../client.js';
import { closeMenu, Menu } from './menu.js';

/** Acknowledge, snooze and silence: for one alert on its page, for many on the list. */
const HOUR = 3_600_000;
const SPANS: readonly { words: string; ms: number }[] = [
  { words: '1 hour', ms: HOUR },
  { words: '4 hours', ms: 4 * HOUR },
  { words: '1 day', ms: 24 * HOUR },
  { words: '7 days', ms: 168 * HOUR },
];

interface ActionBar {
  alerts: readonly Alert[];
  /** Called when something was done. */
  onDone?: () => void;
  children?: ComponentChildren;
}

const useActions = ({ alerts, onDone }: ActionBar) => {
  const { client, board, notice, fetchAlerts } = useApp();
  const busy = useSignal(false);
  const actions = createActions({ client, put: board.putAlerts, now: board.now });
  const attempt = async (act: () => Promise<void>) => {
    if (busy.value || alerts.length === 0) return;
    busy.value = true;
    try {
      await act();
      onDone?.();
    } catch (error) {
      notice.value = sentenceOf(error);
    }
    busy.value = false;
  };
  const silence = (by: SilenceBy, for_ms: number, comment: string) =>
    attempt(async () => {
      await actions.silence(
        scopesOf(alerts, by, (device) => board.devices.get(device)?.site),
        { for_ms, comment },
      );
      await fetchAlerts();
    });
  return { busy: busy.value, attempt, actions, silence };
};

export const AlertActions = (props: ActionBar) => {
  const { alerts, children } = props;
  const { clock } = useApp();
  const { busy, attempt, actions, silence } = useActions(props);
  const comment = useSignal('');
  const owner = useSignal('');
  const open = alerts.filter(({ state }) => state !== 'resolved');
  const ids = open.map(({ id }) => id);
  const nothing = busy || ids.length === 0;
  const now = clock.value;
  const taken = open.filter(({ acknowledged }) => acknowledged !== null).map(({ id }) => id);
  const asleep = open.filter((alert) => isSnoozed(alert, now)).map(({ id }) => id);
  const acknowledge = (event: Event) => {
    event.preventDefault();
    const taking = { comment: comment.value.trim(), owner: owner.value.trim() };
    void attempt(async () => {
      await actions.acknowledge(ids, taking);
      comment.value = owner.value = '';
    });
  };
  return (
    <form class="acknowledge" onSubmit={acknowledge}>
      {children}
      {ids.length > 0 && (
        <>
          <Text label="Comment" hint="Comment (optional)" of={comment} most={500} />
          <Text label="Owner" hint="Owner: you" of={owner} most={100} />
          <button type="submit" class="button main" disabled={nothing}>
            Acknowledge
          </button>
          {taken.length > 0 && (
            <button
              type="button"
              class="button"
              disabled={nothing}
              onClick={() => void attempt(() => actions.unacknowledge(taken))}
            >
              Un-acknowledge
            </button>
          )}
          <SnoozeMenu
            disabled={nothing}
            wakes={asleep.length > 0}
            onPick={(ms) => void attempt(() => actions.snooze(ms === null ? asleep : ids, ms))}
          />
          <SilenceMenu
            alerts={open}
            disabled={nothing}
            onPick={(by, ms) => void silence(by, ms, comment.value.trim()).then(() => (comment.value = ''))}
          />
        </>
      )}
    </form>
  );
};

const Text = ({ label, hint, of, most }: { label: string; hint: string; of: { value: string }; most: number }) => (
  <input
    type="text"
    class={`a-${label.toLowerCase()}`}
    maxLength={most}
    placeholder={hint}
    aria-label={label}
    value={of.value}
    onInput={(event) => {
      of.value = event.currentTarget.value;
    }}
  />
);

const SnoozeMenu = (props: { disabled: boolean; wakes: boolean; onPick(ms: number | null): void }) => {
  const pick = (ms: number | null) => (event: Event) => {
    closeMenu(event);
    props.onPick(ms);
  };
  return (
    <Menu title="Snooze">
      <div class="panel">
        <p class="quiet">No notice of these alerts for</p>
        {SPANS.map(({ words, ms }) => (
          <button type="button" key={ms} disabled={props.disabled} onClick={pick(ms)}>
            {words}
          </button>
        ))}
        {props.wakes && (
          <button type="button" disabled={props.disabled} onClick={pick(null)}>
            Wake: tell of them again
          </button>
        )}
      </div>
    </Menu>
  );
};

interface SilenceProps {
  alerts: readonly Alert[];
  disabled: boolean;
  onPick(by: SilenceBy, ms: number): void;
}
const SilenceMenu = ({ alerts, disabled, onPick }: SilenceProps) => {
  const { board, siteNames } = useApp();
  const by = useSignal<SilenceBy>('device');
  const span = useSignal(HOUR);
  const siteOf = (device: string) => board.devices.get(device)?.site;
  const words: Record<SilenceBy, string> = {
    device: nameOrCount(
      alerts.flatMap(({ device, device_name }) => (device === '' ? [] : device_name)),
      'device',
    ),
    site: nameOrCount(
      alerts.flatMap(({ device }) => siteOf(device) ?? []).map((site) => siteNames.value.get(site) ?? site),
      'site',
    ),
    rule: nameOrCount(
      alerts.map(({ rule }) => rule),
      'rule',
    ),
  };
  return (
    <Menu title="Silence">
      <div class="panel">
        <label>
          <span class="quiet">No notice of</span>
          <select value={by.value} onChange={(event) => (by.value = event.currentTarget.value as SilenceBy)}>
            <option value="device">{words.device}</option>
            <option value="site">{words.site}</option>
            <option value="rule">{words.rule}</option>
          </select>
        </label>
        <label>
          <span class="quiet">for</span>
          <select value={span.value} onChange={(event) => (span.value = Number(event.currentTarget.value))}>
            {SPANS.map((each) => (
              <option key={each.ms} value={each.ms}>
                {each.words}
              </option>
            ))}
          </select>
        </label>
        <button
          type="button"
          class="button main"
          disabled={disabled}
          onClick={(event) => {
            closeMenu(event);
            onPick(by.value, span.value);
          }}
        >
          Silence
        </button>
      </div>
    </Menu>
  );
};

const LONG_NAME = 28;
const nameOrCount = (names: readonly string[], what: string): string => {
  const distinct = [...new Set(names)];
  const [only] = distinct;
  if (only === undefined) return `the ${what} (none)`;
  if (distinct.length > 1) return `these ${distinct.length} ${what}s`;
  return `the ${what} ${only.length > LONG_NAME ? `${only.slice(0, LONG_NAME)}…` : only}`;
};

/** In words, where an alert stands beside its state. */
export const quietWord = (alert: Alert, now: number): string | null => {
  if (alert.state === 'resolved') return null;
  if (alert.unknown) return 'Unknown';
  if (isSnoozed(alert, now)) return 'Snoozed';
  if (groupOf(alert, now) === 'silenced') return 'Silenced';
  return alert.flapping ? 'Flapping' : null;
};
