import type { Incident } from '@muster/hub/parts';
import { useSignal } from '@preact/signals';
import { byStake } from '../alert-groups.js';
import { useApp } from '../app.js';
import { standingOf } from '../fleet.js';
import { duration, fullTime, shortTime } from '../format.js';
import { alertsOf, takenText } from '../incidents.js';
import { AlertActions } from '../parts/alert-actions.js';
import { useIncidents, useRules } from '../parts/alert-data.js';
import { AlertLines } from '../parts/alert-lines.js';
import { Icon, StandingWord } from '../parts/icons.js';
import { incidentTitle, PerHour } from '../parts/incident-cards.js';
import { More } from '../parts/more.js';

/** One site outage: its devices, its alerts, and what to do about all of them at once. */
export const IncidentPage = ({ id }: { id: string }) => {
  const { router } = useApp();
  const incidents = useIncidents().value;
  const incident = incidents?.find((one) => one.id === id);
  if (!incident) {
    return (
      <main class="centre">
        <p>{incidents === null ? 'Looking for the outage…' : 'There is no such outage; it may be older than what is kept.'}</p>
        <a class="button" href={router.here({ incident: '' })}>
          To the alerts
        </a>
      </main>
    );
  }
  return <Shown incident={incident} />;
};

const Shown = ({ incident }: { incident: Incident }) => {
  const { board, operates } = useApp();
  const rules = useRules().value;
  const most = useSignal(PAGE);
  const alerts = alertsOf(incident, board.alerts.value, rules).sort(byStake);
  const open = alerts.filter(({ state }) => state !== 'resolved');
  return (
    <main class="alert-page">
      <Head incident={incident} taken={takenText(open)} />
      {operates.value && open.length > 0 && <AlertActions alerts={open} />}
      {alerts.length > 0 && (
        <section>
          <h2>Its alerts</h2>
          <AlertLines alerts={alerts.slice(0, most.value)} of="fleet" />
          <More left={alerts.length - most.value} onMore={() => (most.value += PAGE)} />
        </section>
      )}
      <Devices incident={incident} />
    </main>
  );
};

const Head = ({ incident, taken }: { incident: Incident; taken: string }) => {
  const { clock, router, siteNames } = useApp();
  const { started, resolved, count, away, site } = incident;
  const facts: [string, string | null][] = [
    ['Since', `${shortTime(started, clock.value)}, ${duration(Math.max(0, (resolved ?? clock.value) - started))}`],
    ['Over', resolved === null ? null : fullTime(resolved)],
    ['Still away', `${away} of ${count}`],
    ['Site', site === null ? 'none: they share an address' : (siteNames.value.get(site) ?? site)],
    ['Acknowledged', resolved === null ? taken : null],
  ];
  return (
    <header class="device-head">
      <a class="back" href={router.here({ incident: '' })} aria-label="Back to the alerts">
        <Icon name="back" />
      </a>
      <h1>{incidentTitle(incident)}</h1>
      <PerHour incident={incident} />
      <dl class="facts">
        {facts.map(
          ([name, value]) =>
            value !== null && (
              <div key={name}>
                <dt>{name}</dt>
                <dd>{value}</dd>
              </div>
            ),
        )}
      </dl>
    </header>
  );
};

const PAGE = 100;
const Devices = ({ incident: { devices } }: { incident: Incident }) => {
  const { board } = useApp();
  const most = useSignal(PAGE);
  board.places.value;
  return (
    <section>
      <h2>Its devices</h2>
      <ul class="members">
        {devices.slice(0, most.value).map((id) => {
          const device = board.devices.get(id);
          return (
            <li key={id}>
              <a href={`/devices/${id}`}>{device?.name ?? id}</a>
              {device ? <StandingWord standing={standingOf(device)} /> : <span class="quiet">removed</span>}
            </li>
          );
        })}
      </ul>
      <More left={devices.length - most.value} onMore={() => (most.value += PAGE)} />
    </section>
  );
};
