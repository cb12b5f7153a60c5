import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { useApp } from '../app.js';
import { type Sort, type SortKey, windowOf } from '../fleet.js';
import { FleetLine } from './fleet-line.js';

/** The fleet as lines of one fixed height, of which only those in sight are in the page. */
const ROW_WIDE = 32;
const ROW_CARD = 58;
/** Same width as in the style sheet. */
const NARROW = '(max-width: 719px)';

const COLUMNS: readonly { key: SortKey; title: string; class: string }[] = [
  { key: 'worst', title: 'State', class: 'c-state' },
  { key: 'name', title: 'Device', class: 'c-name' },
  { key: 'site', title: 'Site', class: 'c-site' },
  { key: 'cpu', title: 'CPU', class: 'c-num c-cpu' },
  { key: 'memory', title: 'Memory', class: 'c-num c-memory' },
  { key: 'temperature', title: 'Temp.', class: 'c-num c-temperature' },
  { key: 'gpu', title: 'GPU', class: 'c-num c-gpu' },
  { key: 'disk', title: 'Disk', class: 'c-num c-disk' },
  { key: 'earned', title: 'Earned today', class: 'c-num c-earned' },
  { key: 'seen', title: 'Last seen', class: 'c-num c-seen' },
];

const useNarrow = () => {
  const narrow = useSignal(matchMedia(NARROW).matches);
  useEffect(() => {
    const media = matchMedia(NARROW);
    const read = () => {
      narrow.value = media.matches;
    };
    media.addEventListener('change', read);
    return () => media.removeEventListener('change', read);
  }, [narrow]);
  return narrow.value;
};

/** How far the list is scrolled and how much of it is in sight. */
const useView = () => {
  const box = useRef<HTMLDivElement>(null);
  const view = useSignal({ top: 0, height: 800 });
  useEffect(() => {
    const element = box.current;
    if (!element) return;
    const read = () => {
      view.value = { top: element.scrollTop, height: element.clientHeight };
    };
    const watcher = new ResizeObserver(read);
    watcher.observe(element);
    element.addEventListener('scroll', read, { passive: true });
    return () => {
      watcher.disconnect();
      element.removeEventListener('scroll', read);
    };
  }, [view]);
  return { box, view: view.value };
};

const STEPS: Record<string, (page: number) => number> = {
  ArrowDown: () => 1,
  ArrowUp: () => -1,
  PageDown: (page) => page,
  PageUp: (page) => -page,
  Home: () => Number.NEGATIVE_INFINITY,
  End: () => Number.POSITIVE_INFINITY,
};

/** Arrow keys move the focus from line to line, also to lines not drawn yet. */
const useCursor = (box: { current: HTMLDivElement | null }, row: number, count: number) => {
  const cursor = useRef(0);
  const wanted = useRef(false);
  useEffect(() => {
    if (!wanted.current) return;
    wanted.current = false;
    box.current?.querySelector<HTMLElement>(`[data-at="${cursor.current}"]`)?.focus({ preventScroll: true });
  });
  return (event: KeyboardEvent) => {
    const step = STEPS[event.key];
    const element = box.current;
    if (!step || !element || event.altKey || event.ctrlKey || event.metaKey) return;
    const line = event.target instanceof Element ? event.target.closest<HTMLElement>('[data-at]') : null;
    if (!line) return;
    event.preventDefault();
    const page = Math.max(1, Math.floor(element.clientHeight / row) - 2);
    const at = wanted.current ? cursor.current : Number(line.dataset.at);
    const next = at + step(page);
    cursor.current = Math.max(0, Math.min(count - 1, next));
    reveal(element, cursor.current * row, row);
    const target = element.querySelector<HTMLElement>(`[data-at="${cursor.current}"]`);
    wanted.current = target === null;
    target?.focus({ preventScroll: true });
  };
};
const reveal = (element: HTMLElement, top: number, row: number): void => {
  const head = element.querySelector<HTMLElement>('.head')?.offsetHeight ?? 0;
  if (top < element.scrollTop) element.scrollTop = top;
  else if (top + row + head > element.scrollTop + element.clientHeight)
    element.scrollTop = top + row + head - element.clientHeight;
};

interface List {
  lines: readonly string[];
  sort: Sort;
  onSort(key: SortKey): void;
  onReset(): void;
}

export const FleetList = ({ lines, sort, onSort, onReset }: List) => {
  const { board } = useApp();
  const row = useNarrow() ? ROW_CARD : ROW_WIDE;
  const { box, view } = useView();
  const onKeyDown = useCursor(box, row, lines.length);
  board.version.value;
  const { from, to } = windowOf({ ...view, row, count: lines.length });
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: only moves the focus between the links inside.
    <div class="list" ref={box} onKeyDown={onKeyDown}>
      <Head sort={sort} onSort={onSort} />
      {lines.length === 0 && <NothingFits onReset={onReset} />}
      <ul class="lines" aria-label="Devices" style={{ height: `${lines.length * row}px` }}>
        {lines.slice(from, to).map((id, i) => {
          const device = board.devices.get(id);
          return device && <FleetLine key={id} device={device} at={from + i} top={(from + i) * row} count={lines.length} />;
        })}
      </ul>
    </div>
  );
};

const Head = ({ sort, onSort }: { sort: Sort; onSort(key: SortKey): void }) => (
  <div class="head line">
    {COLUMNS.map(({ key, title, class: name }) => (
      <button
        type="button"
        key={key}
        class={name}
        aria-pressed={sort.key === key}
        title={key === 'worst' ? 'Sort worst first' : `Sort by ${title.toLowerCase()}`}
        onClick={() => onSort(key)}
      >
        {title}
        {sort.key === key && <i class={sort.down ? 'turn falling' : 'turn'} />}
      </button>
    ))}
  </div>
);

const NothingFits = ({ onReset }: { onReset(): void }) => (
  <div class="empty">
    <p>No device fits this search.</p>
    <button type="button" class="button" onClick={onReset}>
      Show all devices
    </button>
  </div>
);
