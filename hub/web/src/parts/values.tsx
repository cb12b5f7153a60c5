import { type MetricDeclaration, undeclared } from '@muster/shared/metrics';
import type { LiveValue } from '@muster/shared/wire/live';
import { useSignal } from '@preact/signals';
import { useApp } from '../app.js';
import { labelText } from '../chart-data.js';
import { age, formatValue, fullTime } from '../format.js';
import { Icon } from './icons.js';

/** Every newest value of a device, with a search. */
interface Table {
  values: ReadonlyMap<string, LiveValue>;
  declarations: ReadonlyMap<string, MetricDeclaration>;
}
/** A device may have 2,000 series; more lines than this are for the search to narrow. */
const LINES_MOST = 300;

export const Values = ({ values, declarations }: Table) => {
  const wanted = useSignal('');
  if (values.size === 0) return null;
  const words = wanted.value.toLowerCase().split(/\s+/).filter(Boolean);
  const lines = [...values].map(([key, value]) => ({
    key,
    value,
    declaration: declarations.get(value.metric) ?? undeclared(value.metric),
  }));
  const fitting = lines.filter(({ key, declaration }) => {
    const text = `${key} ${declaration.title}`.toLowerCase();
    return words.every((word) => text.includes(word));
  });
  fitting.sort((a, b) => a.key.localeCompare(b.key, 'en', { numeric: true }));
  return (
    <section>
      <div class="section-head">
        <h2>All values</h2>
        <label class="field">
          <Icon name="search" />
          <input
            type="search"
            placeholder="Search"
            aria-label="Search values"
            value={wanted.value}
            onInput={(event) => (wanted.value = event.currentTarget.value)}
          />
        </label>
        <output class="quiet">{fitting.length < values.size ? `${fitting.length} of ${values.size}` : values.size}</output>
      </div>
      <ul class="values">
        {fitting.slice(0, LINES_MOST).map((line) => (
          <Value key={line.key} id={line.key} value={line.value} declaration={line.declaration} />
        ))}
      </ul>
      {fitting.length > LINES_MOST && <p class="quiet">{fitting.length - LINES_MOST} more: narrow the search.</p>}
    </section>
  );
};

const Value = ({ id, value, declaration }: { id: string; value: LiveValue; declaration: MetricDeclaration }) => {
  const { clock } = useApp();
  const passed = clock.value - value.ts;
  return (
    <li>
      <span class="of" title={id}>
        {declaration.title} <em>{labelText(value.labels)}</em>
      </span>
      <output title={`${value.value} ${declaration.unit}, at ${fullTime(value.ts)}`}>
        {formatValue(value.value, declaration.unit, value.metric)}
      </output>
      <span class="when" title={fullTime(value.ts)}>
        {passed < 60_000 ? '' : age(passed)}
      </span>
    </li>
  );
};
