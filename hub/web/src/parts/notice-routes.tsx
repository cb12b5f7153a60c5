import type { NoticeRoute } from '@muster/hub/parts';
import { useSignal } from '@preact/signals';
import { useApp } from '../app.js';
import { ApiError, sentenceOf } from '../client.js';
import { isShadowed, moved, newRoute, routeDetails, routeTitle } from '../notice-words.js';
import { useLoaded, useNames, useRuleTitles } from './names.js';
import { RouteForm } from './route-form.js';

/** Which alerts go to which channels: the first route that matches holds. */
export const NoticeRoutes = () => {
  const { client, notice, operates } = useApp();
  const { loaded, again } = useLoaded(() => client.routes());
  const rules = useRuleTitles().value;
  /** Place of the one being edited; as many as there are: a new one. */
  const editing = useSignal<number | null>(null);
  const view = loaded.value;
  if (!view) return null;
  const { items, version } = view;
  const save = async (next: readonly NoticeRoute[]) => {
    try {
      loaded.value = await client.putRoutes(next, version);
      editing.value = null;
    } catch (error) {
      if (!(error instanceof ApiError && error.code === 'conflict')) throw error;
      editing.value = null;
      await again();
      notice.value = 'Somebody else changed the routes meanwhile; nothing was saved. Look at them and change them again.';
    }
  };
  const act = (next: readonly NoticeRoute[]) => {
    save(next).catch((error) => {
      notice.value = sentenceOf(error);
    });
  };
  const put = (route: NoticeRoute, at: number) =>
    save(at === items.length ? [...items, route] : items.map((one, index) => (index === at ? route : one)));
  const form = (route: NoticeRoute, at: number) => (
    <RouteForm route={route} rules={rules} onSave={(next) => put(next, at)} onCancel={() => (editing.value = null)} />
  );
  return (
    <section aria-label="Routes">
      <h2>Routes</h2>
      <p class="quiet">
        An alert goes along the first route that matches it. Alerts that no route matches are shown, but nobody is told.
      </p>
      {items.length === 0 && <p class="failure">There is no route: no alert is told to anybody.</p>}
      <ol class="routes">
        {items.map((route, at) => (
          <li key={route.id}>
            <Line
              {...{ route, at, items, rules }}
              act={operates.value ? { change: act, edit: () => (editing.value = at) } : null}
            />
            {editing.value === at && form(route, at)}
          </li>
        ))}
      </ol>
      {editing.value === items.length && form(newRoute(items.map(({ id }) => id)), items.length)}
      {operates.value && editing.value === null && (
        <p>
          <button type="button" class="button" onClick={() => (editing.value = items.length)}>
            Add a route
          </button>
        </p>
      )}
    </section>
  );
};

interface LineProps {
  route: NoticeRoute;
  at: number;
  items: readonly NoticeRoute[];
  rules: ReadonlyMap<string, string>;
  act: { change(next: readonly NoticeRoute[]): void; edit(): void } | null;
}

const Line = ({ route, at, items, rules, act }: LineProps) => {
  const names = useNames(rules);
  const { what, whom } = routeTitle(route, names);
  return (
    <div class="route">
      <div>
        <p>
          <b>{what}</b> <span class="quiet">to</span> <b>{whom}</b>
        </p>
        <p class="quiet">{routeDetails(route).join(' · ')}</p>
        {isShadowed(items, at) && <p class="failure">Never reached: a route above takes every alert. Move this one up.</p>}
      </div>
      {act && <Acts {...{ route, at, items, act }} />}
    </div>
  );
};

const Acts = ({ route, at, items, act }: Omit<LineProps, 'act' | 'rules'> & { act: NonNullable<LineProps['act']> }) => {
  const remove = () => {
    if (confirm(`Delete the route "${route.id}"?`)) act.change(items.filter((_one, index) => index !== at));
  };
  const buttons = [
    ['Up', at > 0 ? () => act.change(moved(items, at, at - 1)) : null],
    ['Down', at < items.length - 1 ? () => act.change(moved(items, at, at + 1)) : null],
    ['Edit', act.edit],
    ['Delete', remove],
  ] as const;
  return (
    <span class="acts">
      {buttons.map(
        ([word, go]) =>
          (items.length > 1 || go) && (
            <button
              key={word}
              type="button"
              class="plain"
              aria-label={`${word}: ${route.id}`}
              disabled={go === null}
              onClick={() => go?.()}
            >
              {word}
            </button>
          ),
      )}
    </span>
  );
};
