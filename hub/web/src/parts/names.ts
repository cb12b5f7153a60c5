import { useComputed, useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { useApp } from '../app.js';
import { sentenceOf } from '../client.js';
import type { Names } from '../scopes.js';

/** What ids are called, as far as this page knows. */
export const useNames = (rules?: ReadonlyMap<string, string>): Names => {
  const { board, siteNames } = useApp();
  board.places.value;
  return {
    site: (id) => siteNames.value.get(id) ?? id,
    device: (id) => board.devices.get(id)?.name ?? id,
    rule: (id) => rules?.get(id) ?? id,
  };
};

/** Whether the person may set up channels. */
export const useIsAdmin = () => {
  const { session } = useApp();
  return useComputed(() => session.value.kind === 'in' && session.value.user.role === 'admin');
};

/** Loads once; what fails is told on the page's strip. */
export const useLoaded = <T>(load: () => Promise<T>) => {
  const { notice } = useApp();
  const loaded = useSignal<T | null>(null);
  const again = async () => {
    try {
      loaded.value = await load();
    } catch (error) {
      notice.value = sentenceOf(error);
    }
  };
  useEffect(() => void again(), []);
  return { loaded, again };
};

/** Titles of the rules by their ids. */
export const useRuleTitles = () => {
  const { client } = useApp();
  const { loaded } = useLoaded(() => client.rules());
  return useComputed(() => new Map((loaded.value?.items ?? []).map(({ id, title }) => [id, title])));
};
