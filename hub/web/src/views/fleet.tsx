import type { LiveDevice } from '@muster/shared/wire/live';
import { type ReadonlySignal, useComputed, useSignal } from '@preact/signals';
import { useRef } from 'preact/hooks';
import { useApp } from '../app.js';
import { type Filter, mainsOf, matches, type Sort, type SortKey, sortDevices } from '../fleet.js';
import { FleetList } from '../parts/fleet-list.js';
import { FleetTools } from '../parts/fleet-tools.js';
import { useSlashKey } from '../parts/slash-key.js';
import { Summary } from '../parts/summary.js';

/** A list sorted by a value that moves is put in order again this often at most: lines that jump cannot be read. */
const REORDER_MS = 5000;

const filterFrom = (query: URLSearchParams): Filter => ({
  q: query.get('q') ?? '',
  site: query.get('site') ?? '',
  tag: query.get('tag') ?? '',
  standing: query.get('state') ?? '',
});

const useLines = (filter: ReadonlySignal<Filter>, sort: ReadonlySignal<Sort>): ReadonlySignal<string[]> => {
  const { board, clock } = useApp();
  const beat = useComputed(() => (sort.value.key === 'worst' ? 0 : Math.floor(clock.value / REORDER_MS)));
  return useComputed(() => {
    board.places.value;
    beat.value;
    const shown: LiveDevice[] = [];
    for (const device of board.devices.values()) if (matches(device, filter.value)) shown.push(device);
    return sortDevices(shown, sort.value).map((device) => device.id);
  });
};

/** Columns that no device fills take no room. */
const useGpuThere = (): ReadonlySignal<boolean> => {
  const { board } = useApp();
  return useComputed(() => {
    board.places.value;
    for (const device of board.devices.values()) if (mainsOf(device).gpu !== undefined) return true;
    return false;
  });
};

export const FleetPage = () => {
  const { board, router } = useApp();
  const filter = useComputed(() => filterFrom(router.query.value));
  const sort = useSignal<Sort>({ key: 'worst', down: false });
  const lines = useLines(filter, sort);
  const gpu = useGpuThere();
  const search = useRef<HTMLInputElement>(null);
  useSlashKey(search);
  const change = (part: Partial<Filter>) => {
    const { q, site, tag, standing } = { ...filter.value, ...part };
    router.setQuery({ q, site, tag, state: standing });
  };
  const turn = (key: SortKey) => {
    const falling = !['worst', 'name', 'site'].includes(key);
    sort.value = sort.value.key === key ? { key, down: !sort.value.down } : { key, down: falling };
  };
  if (!board.loaded.value) return <main class="centre quiet">Waiting for the fleet…</main>;
  if (board.places.value >= 0 && board.devices.size === 0) return <NoDevices />;
  return (
    <main class={gpu.value ? 'fleet' : 'fleet no-gpu'}>
      <h1 class="unseen">Fleet</h1>
      <Summary standing={filter.value.standing} onPick={(standing) => change({ standing })} />
      <FleetTools filter={filter.value} onChange={change} search={search} shown={lines.value.length} />
      <FleetList lines={lines.value} sort={sort.value} onSort={turn} onReset={() => router.setQuery({})} />
    </main>
  );
};

const NoDevices = () => {
  const { operates, adding } = useApp();
  return (
    <main class="centre">
      <h1>No device yet</h1>
      <p>
        A device appears here as soon as its agent has joined. Run one command on the machine that you want to watch: a Raspberry
        Pi, a miner, a GPU node.
      </p>
      {operates.value ? (
        <button type="button" class="button main" onClick={() => (adding.value = true)}>
          Add a device
        </button>
      ) : (
        <p class="quiet">Your role may look but not add devices; ask an operator.</p>
      )}
    </main>
  );
};
