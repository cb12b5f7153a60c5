import type { RuleSetting } from '@muster/hub/parts';
import type { MetricDeclaration } from '@muster/shared/metrics';
import { useSignal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { useEffect } from 'preact/hooks';
import { type Alert, fiatText, ownerOf, stakeOf } from '../alert-groups.js';
import { findAlert } from '../alert-history.js';
import { limitOf, type Measured, measuredOf, valueTexts } from '../alert-limit.js';
import { useApp } from '../app.js';
import { labelText } from '../chart-data.js';
import { sentenceOf } from '../client.js';
import { duration, fullTime, shortTime } from '../format.js';
import { AlertActions, quietWord } from '../parts/alert-actions.js';
import { AlertChart } from '../parts/alert-chart.js';
import { useRules } from '../parts/alert-data.js';
import { AlertTimeline } from '../parts/alert-timeline.js';
import { Icon, SeverityWord } from '../parts/icons.js';

/** One alert: what is wrong, what it costs, who looks after it, and all that happened to it. */

/** From the board; what is long over from the stored log. */
const useAlert = (id: string) => {
  const { board, client, live } = useApp();
  const old = useSignal<Alert | null>(null);
  const failure = useSignal<string | null>(null);
  const connected = live.status.value === 'live';
  const known = board.alerts.value.find((alert) => alert.id === id);
  useEffect(() => {
    if (!connected || known) return;
    const look = async () => {
      const { items } = await client.alerts({ state: 'resolved' });
      board.putAlerts(items);
      if (items.some((alert) => alert.id === id)) return;
      const ask = async (after: number, limit: number) => (await client.alertEvents(after, limit)).items;
      old.value = await findAlert(ask, id, board.last() ?? 0);
      if (old.value === null) failure.value = 'There is no such alert; it may be older than what is kept.';
    };
    look().catch((error) => {
      failure.value = sentenceOf(error);
    });
  }, [id, connected, known === undefined]);
  return { alert: known ?? old.value, failure: failure.value };
};

/** What the device earns and the metrics that the fleet reports: the page stands without them. */
const useBeside = (device: string | undefined) => {
  const { client } = useApp();
  const stake = useSignal<Alert['stake']>(undefined);
  const catalogue = useSignal<ReadonlyMap<string, MetricDeclaration>>(new Map());
  useEffect(() => {
    if (device === undefined) return;
    const nothing = () => {};
    if (device !== '') client.device(device).then((detail) => (stake.value = detail.stake), nothing);
    client.catalogue().then(({ items }) => {
      catalogue.value = new Map(items.map((entry) => [entry.metric, entry]));
    }, nothing);
  }, [client, device, stake, catalogue]);
  return { stake: stake.value, catalogue: catalogue.value };
};

export const AlertPage = ({ id }: { id: string }) => {
  const { alert, failure } = useAlert(id);
  const beside = useBeside(alert?.device);
  const rules = useRules().value;
  if (!alert) return <Absent failure={failure} />;
  const shown: Alert = alert.stake === undefined ? { ...alert, stake: beside.stake } : alert;
  return <Shown alert={shown} rule={rules.get(alert.rule)} of={measuredOf(alert, beside.catalogue)} />;
};

const Absent = ({ failure }: { failure: string | null }) => {
  const { router } = useApp();
  return (
    <main class="centre">
      <p>{failure ?? 'Looking for the alert…'}</p>
      <a class="button" href={router.here({ alert: '' })}>
        To the alerts
      </a>
    </main>
  );
};

interface ShownProps {
  alert: Alert;
  rule: RuleSetting | undefined;
  of: Measured | null;
}

const Shown = ({ alert, rule, of }: ShownProps) => {
  const { operates } = useApp();
  const limit = of && limitOf(alert, rule, of.declaration.unit);
  // The value of a rate is another than the metric's.
  const drawn = of && rule?.rule !== 'rate' && of.declaration.kind !== 'counter' ? limit : null;
  return (
    <main class="alert-page">
      <Head alert={alert} />
      <p class="sentence">{alert.why}</p>
      {operates.value && alert.state !== 'resolved' && <AlertActions alerts={[alert]} />}
      <div class="columns">
        <div>
          {of && <AlertChart alert={alert} of={of} limit={drawn} />}
          <AlertTimeline alert={alert} />
        </div>
        <aside>
          <Facts {...{ alert, rule, of }} {...(of && rule?.rule !== 'rate' ? valueTexts(alert, of, limit) : {})} />
        </aside>
      </div>
    </main>
  );
};

/** The value goes with the last change; how it stands now is in the chart. */
const VALUE_WORDS = { firing: 'When it fired', pending: 'When it began', resolved: 'Last value' } as const;
const STATE_WORDS = { firing: 'Firing', pending: 'Pending', resolved: 'Resolved' } as const;

const Head = ({ alert }: { alert: Alert }) => {
  const { router, clock } = useApp();
  const quiet = quietWord(alert, clock.value);
  return (
    <header class="device-head">
      <a class="back" href={router.here({ alert: '' })} aria-label="Back to the alerts">
        <Icon name="back" />
      </a>
      <h1>
        {alert.device_name}: {alert.title}
      </h1>
      <SeverityWord severity={alert.severity} state={alert.state} />
      <span class={`state-word is-${alert.state}`}>
        {STATE_WORDS[alert.state]}
        {quiet && `, ${quiet.toLowerCase()}`}
        {alert.state !== 'resolved' && alert.acknowledged && ', acknowledged'}
      </span>
    </header>
  );
};

type FactsProps = ShownProps & { value?: string | null; limit?: string | null };

const Facts = ({ alert, rule, of, value, limit }: FactsProps) => (
  <dl class="pairs">
    {value && <Fact name={VALUE_WORDS[alert.state]}>{value}</Fact>}
    {limit && <Fact name="Limit">{limit}</Fact>}
    <StakeFact alert={alert} />
    <Times alert={alert} />
    <Places alert={alert} />
    <Fact name="Rule">{rule ? <a href={`/rules?edit=${encodeURIComponent(alert.rule)}`}>{rule.title}</a> : alert.rule}</Fact>
    {alert.subject && (
      <Fact name="About">{of ? [of.declaration.title, labelText(of.labels)].filter(Boolean).join(', ') : alert.subject}</Fact>
    )}
    <Quiet alert={alert} />
  </dl>
);

const Fact = ({ name, children }: { name: string; children: ComponentChildren }) => (
  <div>
    <dt>{name}</dt>
    <dd>{children}</dd>
  </div>
);

const StakeFact = ({ alert }: { alert: Alert }) => {
  const { moneyOf } = useApp();
  const stake = stakeOf(alert);
  if (!stake) return alert.stake === null ? <Fact name="At stake">not known: no income with a price yet</Fact> : null;
  if (stake.amount === 0n) return <Fact name="At stake">nothing, by its last 14 days</Fact>;
  const money = moneyOf(stake.currency);
  return (
    <Fact name="At stake">
      <b title={`${money.exact(fiatText(stake))}, by the device’s last 14 days`}>{money.shown(fiatText(stake))} a day</b>
    </Fact>
  );
};

const Times = ({ alert }: { alert: Alert }) => {
  const { clock } = useApp();
  const { since, fired_at, resolved_at } = alert;
  const now = clock.value;
  return (
    <>
      <Fact name="Since">
        <span title={fullTime(since)}>
          {shortTime(since, now)}, {duration(Math.max(0, (resolved_at ?? now) - since))}
        </span>
      </Fact>
      {fired_at !== null && fired_at > since && <Fact name="Fired">{shortTime(fired_at, now)}</Fact>}
      {resolved_at !== null && <Fact name="Resolved">{fullTime(resolved_at)}</Fact>}
    </>
  );
};

const Places = ({ alert }: { alert: Alert }) => {
  const { board, siteNames } = useApp();
  board.places.value;
  if (alert.device === '') return null;
  const device = board.devices.get(alert.device);
  const site = device?.site ?? null;
  return (
    <>
      <Fact name="Device">
        <a href={`/devices/${alert.device}`}>{alert.device_name}</a>
      </Fact>
      {site !== null && (
        <Fact name="Site">
          <a href={`/alerts?site=${encodeURIComponent(site)}`}>{siteNames.value.get(site) ?? site}</a>
        </Fact>
      )}
      {device && device.tags.length > 0 && <Fact name="Tags">{device.tags.join(', ')}</Fact>}
    </>
  );
};

/** Who looks after it, and why it gives no notice. */
const Quiet = ({ alert }: { alert: Alert }) => {
  const { clock } = useApp();
  const { acknowledged, snoozed, silenced, unknown } = alert;
  return (
    <>
      {acknowledged && (
        <Fact name="Owner">
          <span title={`Acknowledged by ${acknowledged.by}, ${fullTime(acknowledged.at)}`}>{ownerOf(alert)}</span>
        </Fact>
      )}
      {acknowledged?.comment && <Fact name="Comment">{acknowledged.comment}</Fact>}
      {alert.state !== 'resolved' && unknown && <Fact name="Unknown">its device is away: it may be over by now</Fact>}
      {alert.state !== 'resolved' && snoozed && snoozed.until > clock.value && (
        <Fact name="Snoozed">
          until {shortTime(snoozed.until, clock.value)} by {snoozed.by}
        </Fact>
      )}
      {alert.state !== 'resolved' && silenced && <Fact name="No notice">{silenced}</Fact>}
      {alert.flapping && <Fact name="Flapping">it fired again and again lately: it ends when it has been calm for long</Fact>}
    </>
  );
};
