import { useSignal } from '@preact/signals';
import { useRef } from 'preact/hooks';
import { type AlertFilter, activeCount, TIMES, timeSpan } from '../alert-filter.js';
import { type Alert, SEVERITIES } from '../alert-groups.js';
import { useApp } from '../app.js';
import { dayText } from '../earnings-query.js';
import { Choice, useChoices } from './fleet-tools.js';
import { SearchField } from './search-field.js';
import { useSlashKey } from './slash-key.js';

/** Search and filters of the alerts page. */
interface Filters {
  filter: AlertFilter;
  /** All alerts that may be shown: what can be chosen is in them. */
  alerts: readonly Alert[];
  ruleTitle(rule: string): string;
  onChange(part: Partial<AlertFilter>): void;
}

/** A longer list of devices is for the search to narrow. */
const DEVICES_MOST = 500;
const SEVERITY_WORDS: Record<string, string> = { critical: 'Critical', warning: 'Warning', info: 'Info' };

export const AlertFilters = (props: Filters) => {
  const { filter, onChange } = props;
  const search = useRef<HTMLInputElement>(null);
  const open = useSignal(false);
  useSlashKey(search);
  const narrowing = activeCount({ ...filter, q: '' });
  return (
    <>
      <SearchField field={search} label="Search alerts by any of their words" text={filter.q} onText={(q) => onChange({ q })} />
      <button type="button" class="button narrow" aria-expanded={open.value} onClick={() => (open.value = !open.value)}>
        Filters{narrowing > 0 && ` (${narrowing})`}
      </button>
      <div class={open.value ? 'choices open' : 'choices'}>
        <Choices {...props} />
      </div>
    </>
  );
};

const Choices = ({ filter, alerts, ruleTitle, onChange }: Filters) => {
  const { siteNames } = useApp();
  const { sites, tags } = useChoices().value;
  const devices = devicesIn(alerts, filter.device);
  const rules = [...new Set([...alerts.map(({ rule }) => rule), ...(filter.rule ? [filter.rule] : [])])].sort();
  return (
    <>
      <Choice
        label="Severity"
        all="All severities"
        value={filter.severity}
        options={[...SEVERITIES]}
        nameOf={(severity) => SEVERITY_WORDS[severity] ?? severity}
        onPick={(severity) => onChange({ severity })}
      />
      <Choice
        label="Site"
        all="All sites"
        value={filter.site}
        options={sites}
        nameOf={(site) => siteNames.value.get(site) ?? site}
        onPick={(site) => onChange({ site })}
      />
      <Choice label="Tag" all="All tags" value={filter.tag} options={tags} nameOf={String} onPick={(tag) => onChange({ tag })} />
      <Choice
        label="Device"
        all="All devices"
        value={filter.device}
        options={[...devices.keys()]}
        nameOf={(device) => devices.get(device) ?? device}
        onPick={(device) => onChange({ device })}
      />
      <Choice
        label="Rule"
        all="All rules"
        value={filter.rule}
        options={rules}
        nameOf={ruleTitle}
        onPick={(rule) => onChange({ rule })}
      />
      <TimeChoice filter={filter} onChange={onChange} />
    </>
  );
};

const devicesIn = (alerts: readonly Alert[], chosen: string): Map<string, string> => {
  const all = new Map(alerts.map(({ device, device_name }) => [device, device_name]));
  if (chosen !== '' && !all.has(chosen)) all.set(chosen, chosen);
  const sorted = [...all].sort((a, b) => a[1].localeCompare(b[1], 'en', { numeric: true }));
  return new Map(sorted.slice(0, DEVICES_MOST));
};

const DAYS = 'days';
const TimeChoice = ({ filter, onChange }: Pick<Filters, 'filter' | 'onChange'>) => {
  const { board } = useApp();
  const days = filter.time.includes('..');
  const pick = (time: string) => {
    const today = dayText(board.now());
    onChange({ time: time === DAYS ? `${today}..${today}` : time });
  };
  const names = [...Object.keys(TIMES), DAYS];
  return (
    <>
      <Choice
        label="Time"
        all="Any time"
        value={days ? DAYS : filter.time}
        options={names}
        nameOf={(time) => TIMES[time]?.words ?? 'Days (UTC)'}
        onPick={pick}
      />
      {days && <Days time={filter.time} onChange={(time) => onChange({ time })} />}
    </>
  );
};

const Days = ({ time, onChange }: { time: string; onChange(time: string): void }) => {
  const [first = '', last = ''] = time.split('..');
  const change = (from: string, to: string) => {
    const next = [from, to].sort().join('..');
    if (timeSpan(next, 0)) onChange(next);
  };
  return (
    <span class="days">
      <input type="date" aria-label="First UTC day" value={first} onChange={(event) => change(event.currentTarget.value, last)} />
      <span class="quiet">to</span>
      <input type="date" aria-label="Last UTC day" value={last} onChange={(event) => change(first, event.currentTarget.value)} />
    </span>
  );
};
