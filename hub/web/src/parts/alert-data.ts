import type { Incident, RuleSetting } from '@muster/hub/parts';
import { type ReadonlySignal, useComputed, useSignal, useSignalEffect } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { useApp } from '../app.js';

/** What the pages about alerts ask for beside the alerts themselves. */
export const useRules = (): ReadonlySignal<ReadonlyMap<string, RuleSetting>> => {
  const { client } = useApp();
  const rules = useSignal<ReadonlyMap<string, RuleSetting>>(new Map());
  useEffect(() => {
    // Without them a rule shows by its id.
    client.rules().then(
      ({ items }) => {
        rules.value = new Map(items.map((rule) => [rule.id, { ...rule, config: rule.config as RuleSetting['config'] }]));
      },
      () => {},
    );
  }, [client, rules]);
  return rules;
};

const REFRESH_MS = 15_000;
/** The hub gathers company for an incident while alerts change. */
const SETTLES_MS = 700;

/** Null until the first answer. */
export const useIncidents = (): ReadonlySignal<readonly Incident[] | null> => {
  const { client, board, live } = useApp();
  const incidents = useSignal<readonly Incident[] | null>(null);
  const connected = useComputed(() => live.status.value === 'live');
  const ask = () =>
    void client.incidents().then(
      ({ items }) => {
        incidents.value = items;
      },
      // The next answer is as good.
      () => {},
    );
  const open = useComputed(() => board.alerts.value.filter(({ state }) => state !== 'resolved').length);
  useSignalEffect(() => {
    open.value;
    if (!connected.value) return;
    const timer = setTimeout(ask, incidents.peek() === null ? 0 : SETTLES_MS);
    return () => clearTimeout(timer);
  });
  useSignalEffect(() => {
    if (!connected.value) return;
    const timer = setInterval(ask, REFRESH_MS);
    return () => clearInterval(timer);
  });
  return incidents;
};
