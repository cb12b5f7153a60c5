import type { LiveDevice } from '@muster/shared/wire/live';
import { useApp } from '../app.js';
import { type MainKey, mainsOf, STANDING_WORDS, standingOf } from '../fleet.js';
import { age, duration, formatValue, fullTime, NOTHING, percent } from '../format.js';
import { Amounts } from './amounts.js';
import { StandingWord } from './icons.js';

/** One device as one line; two lines of text on a phone. */
const SHARE: Record<MainKey, boolean> = { cpu: true, memory: true, gpu: true, disk: true, temperature: false };
const SHORT: Record<MainKey, string> = { cpu: 'CPU', memory: 'Mem', gpu: 'GPU', disk: 'Disk', temperature: '' };
const TITLES: Record<MainKey, string> = { cpu: 'CPU', memory: 'Memory', gpu: 'GPU', disk: 'Disk', temperature: 'Temperature' };

interface Line {
  device: LiveDevice;
  at: number;
  top: number;
  count: number;
}

export const FleetLine = ({ device, at, top, count }: Line) => {
  const { clock, siteNames } = useApp();
  const standing = standingOf(device);
  const mains = mainsOf(device);
  const site = device.site === null ? '' : (siteNames.value.get(device.site) ?? device.site);
  const held = clock.value - device.since;
  return (
    <li style={{ top: `${top}px` }} aria-setsize={count} aria-posinset={at + 1}>
      <a class={`line ${device.state === 'online' ? '' : 'away'}`} href={`/devices/${device.id}`} data-at={at}>
        <span
          class="c-state"
          title={`${STANDING_WORDS[standing]}; ${device.state.replace('_', ' ')} since ${fullTime(device.since)}`}
        >
          <StandingWord standing={standing} />
          {standing !== 'online' && standing !== 'never_seen' && standing !== 'firing' && <em>{age(held)}</em>}
          {countsAlerts(device) && (
            <b class="count" title={`${device.alerts.firing} firing`}>
              {device.alerts.firing}
            </b>
          )}
        </span>
        <span
          class="c-name"
          title={`${device.name} (${device.id})${device.tags.length > 0 ? `\n${device.tags.join(', ')}` : ''}`}
        >
          {device.name}
        </span>
        <span class="c-site" title={site}>
          {site}
        </span>
        <Cell name="cpu" value={mains.cpu} />
        <Cell name="memory" value={mains.memory} />
        <Cell name="temperature" value={mains.temperature} />
        <Cell name="gpu" value={mains.gpu} />
        <Cell name="disk" value={mains.disk} />
        <span class="c-num c-earned">
          <Amounts list={device.earnings_today} most={1} />
        </span>
        <span class="c-num c-seen" title={device.last_seen === null ? 'Never seen' : seenTitle(device.last_seen, clock.value)}>
          {device.last_seen === null ? NOTHING : age(clock.value - device.last_seen)}
        </span>
      </a>
    </li>
  );
};

/** The word alone says that one alert is firing. */
const countsAlerts = ({ state, alerts }: LiveDevice): boolean => alerts.firing > (state === 'lost' || state === 'online' ? 1 : 0);

const seenTitle = (seen: number, now: number): string => `${fullTime(seen)}, ${duration(Math.max(0, now - seen))} ago`;

const Cell = ({ name, value }: { name: MainKey; value: number | undefined }) => {
  const text = SHARE[name] ? percent(value) : formatValue(value, 'Cel');
  return (
    <span class={`c-num c-${name}`} title={value === undefined ? `${TITLES[name]}: no value` : `${TITLES[name]}: ${value}`}>
      <i class="label">{SHORT[name]} </i>
      <span class={value === undefined ? 'none' : ''}>{text}</span>
      {SHARE[name] && value !== undefined && (
        <i class={`meter ${value >= 0.9 ? 'high' : ''}`}>
          <i style={{ width: `${Math.max(0, Math.min(1, value)) * 100}%` }} />
        </i>
      )}
    </span>
  );
};
