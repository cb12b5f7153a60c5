import type { RulePreview } from '@muster/hub/parts';
import { useSignal } from '@preact/signals';
import { useApp } from '../app.js';
import { type Rule, sentenceOf } from '../client.js';
import { duration, fullTime } from '../format.js';
import { Failure } from './fields.js';
import { SeverityWord } from './icons.js';
import { useNames } from './names.js';

/** What a rule would have said of the last days, before it is saved. */
const DAYS = { 1: 'day', 3: '3 days', 7: '7 days', 30: '30 days' } as const;
const SHOWN = 20;

export const RuleTrial = ({ draft }: { draft(): Rule }) => {
  const { client } = useApp();
  const days = useSignal(7);
  const found = useSignal<{ preview: RulePreview; days: number } | null>(null);
  const failure = useSignal<string | null>(null);
  const busy = useSignal(false);
  const ask = async () => {
    busy.value = true;
    failure.value = null;
    try {
      found.value = { preview: await client.previewRule(draft(), days.value), days: days.value };
    } catch (error) {
      found.value = null;
      failure.value = sentenceOf(error);
    }
    busy.value = false;
  };
  return (
    <aside class="trial" aria-label="What would have fired">
      <h2>What would have fired</h2>
      <p class="quiet">Plays the stored history through the rule as it stands in the form. Nothing is saved or sent.</p>
      <div class="row">
        <select
          aria-label="How far back"
          value={days.value}
          onChange={(event) => (days.value = Number(event.currentTarget.value))}
        >
          {Object.entries(DAYS).map(([count, words]) => (
            <option key={count} value={count}>
              in the last {words}
            </option>
          ))}
        </select>
        <button type="button" class="button" disabled={busy.value} onClick={() => void ask()}>
          {busy.value ? 'Looking…' : 'Try it'}
        </button>
      </div>
      <Failure text={failure.value} />
      <div aria-live="polite">{found.value && <Found {...found.value} />}</div>
    </aside>
  );
};

const plural = (count: number, one: string): string => `${count} ${one}${count === 1 ? '' : 's'}`;

const Found = ({ preview }: { preview: RulePreview }) => {
  const { items } = preview;
  const devices = new Set(items.map(({ device }) => device)).size;
  const newest = [...items].sort((a, b) => b.from - a.from);
  const open = items.filter(({ to }) => to === null).length;
  return (
    <>
      <p class="verdict">
        <b>{items.length === 0 ? 'Nothing' : plural(items.length, 'alert')}</b>
        {items.length > 0 && ` on ${plural(devices, 'device')}${open > 0 ? `, ${open} of them still open` : ''}`}
      </p>
      <ul class="limits">
        {limitsOf(preview).map((text) => (
          <li key={text}>{text}</li>
        ))}
      </ul>
      <ol class="examples">
        {newest.slice(0, SHOWN).map((one) => (
          <Example key={`${one.device} ${one.subject} ${one.from}`} one={one} now={preview.to} />
        ))}
      </ol>
      {items.length > SHOWN && <p class="quiet">and {items.length - SHOWN} older ones</p>}
    </>
  );
};

const Example = ({ one, now }: { one: RulePreview['items'][number]; now: number }) => {
  const names = useNames();
  return (
    <li>
      <SeverityWord severity={one.severity} state="firing" />
      <a href={`/devices/${one.device}`}>{names.device(one.device)}</a>
      <span class="quiet">
        {fullTime(one.from).slice(0, 16)},{' '}
        {one.to === null ? `for ${duration(now - one.from)} so far` : `for ${duration(one.to - one.from)}`}
      </span>
      <p>{one.why}</p>
    </li>
  );
};

/** What the answer does not hold. */
const limitsOf = ({ devices, unseen = [] }: RulePreview): string[] => (devices === 0 ? ['No device is in its scope.'] : unseen);
