import type { Incident } from '@muster/hub/parts';
import type { Signal } from '@preact/signals';
import { useApp } from '../app.js';
import { duration, fullTime, shortTime } from '../format.js';
import { type Outage, takenText } from '../incidents.js';
import { Icon } from './icons.js';

/** Site outages, one card each, in the place of their alerts. */
interface Cards {
  outages: readonly Outage[];
  picked?: Signal<ReadonlySet<string>>;
}

export const IncidentCards = ({ outages, picked }: Cards) => (
  <ul class="outages" aria-label="Site outages">
    {outages.map((outage) => (
      <Card key={outage.incident.id} outage={outage} {...(picked ? { picked } : {})} />
    ))}
  </ul>
);

export const incidentTitle = ({ place, count }: Incident): string =>
  `${place}: ${count} ${count === 1 ? 'device' : 'devices'} offline`;

export const incidentStake = ({ per_hour, resolved }: Incident): string | null =>
  per_hour && resolved === null ? per_hour.fiat : null;

const Card = ({ outage: { incident, alerts }, picked }: { outage: Outage; picked?: Signal<ReadonlySet<string>> }) => {
  const { clock, router, board } = useApp();
  const { started, devices, count, away } = incident;
  const names = devices.slice(0, NAMED).map((id) => board.devices.get(id)?.name ?? id);
  return (
    <li>
      {picked && <PickAll title={incidentTitle(incident)} alerts={alerts} picked={picked} />}
      <div class="head-line">
        <a class="title" href={router.here({ incident: incident.id })}>
          <Icon name="outage" />
          {incidentTitle(incident)}
        </a>
        <PerHour incident={incident} />
      </div>
      <dl>
        <div>
          <dt>Since</dt>
          <dd title={fullTime(started)}>
            {shortTime(started, clock.value)}, {duration(Math.max(0, clock.value - started))}
          </dd>
        </div>
        <div>
          <dt>Still away</dt>
          <dd>
            {away} of {count}
          </dd>
        </div>
        <div>
          <dt>Acknowledged</dt>
          <dd>{takenText(alerts)}</dd>
        </div>
      </dl>
      <p class="quiet">
        {names.join(', ')}
        {count > NAMED && ` and ${count - NAMED} more`}
      </p>
    </li>
  );
};
const NAMED = 5;

/** The money that goes while it lasts. */
export const PerHour = ({ incident }: { incident: Incident }) => {
  const { moneyOf } = useApp();
  const text = incidentStake(incident);
  if (text === null || !incident.per_hour) return null;
  const money = moneyOf(incident.per_hour.currency);
  return (
    <b class="per-hour" title={`${money.exact(text)} an hour, by the last 14 days of its devices`}>
      {money.shown(text)} an hour at stake
    </b>
  );
};

const PickAll = ({ title, alerts, picked }: { title: string; alerts: Outage['alerts']; picked: Signal<ReadonlySet<string>> }) => {
  const all = alerts.every(({ id }) => picked.value.has(id));
  return (
    <input
      type="checkbox"
      aria-label={`Select the ${alerts.length} alerts of ${title}`}
      checked={all}
      onChange={() => {
        const next = new Set(picked.value);
        for (const { id } of alerts) all ? next.delete(id) : next.add(id);
        picked.value = next;
      }}
    />
  );
};
