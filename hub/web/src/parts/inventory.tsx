import type { DeviceDetail } from '../client.js';
import { formatValue } from '../format.js';

/** What the device says about itself. */
const WORDS: Record<string, string> = { os: 'System', cpu: 'Processor', arch: 'Architecture', memory_bytes: 'Memory' };

const nameOf = (key: string): string => {
  const text = (WORDS[key] ?? key).replace(/_bytes$/, '').replaceAll('_', ' ');
  return text.charAt(0).toUpperCase() + text.slice(1);
};
const textOf = (key: string, value: string | number | boolean): string => {
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  return typeof value === 'number' && key.endsWith('_bytes') ? formatValue(value, 'By') : String(value);
};

export const Inventory = ({ detail }: { detail: DeviceDetail | null }) => {
  const facts = Object.entries(detail?.about ?? {}).flatMap(([key, value]) =>
    value === null || value === '' ? [] : [{ key, value }],
  );
  if (facts.length === 0) return null;
  return (
    <section>
      <h2>About</h2>
      <dl class="pairs">
        {facts.map(({ key, value }) => (
          <div key={key}>
            <dt>{nameOf(key)}</dt>
            <dd title={String(value)}>{textOf(key, value)}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
};
