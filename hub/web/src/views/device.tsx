import { type MetricDeclaration, seriesKey, undeclared } from '@muster/shared/metrics';
import type { LiveDevice, LiveValue } from '@muster/shared/wire/live';
import { type Signal, useComputed, useSignal, useSignalEffect } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { useApp } from '../app.js';
import { groupByMetric, isMain } from '../chart-data.js';
import { ApiError, type CatalogueEntry, type DeviceDetail, sentenceOf } from '../client.js';
import { standingOf } from '../fleet.js';
import { clockTime, duration, fullTime, NOTHING, shortTime } from '../format.js';
import { AlertLines } from '../parts/alert-lines.js';
import { Chart } from '../parts/chart.js';
import { DeviceEarnings } from '../parts/device-earnings.js';
import { Icon, StandingWord } from '../parts/icons.js';
import { Inventory } from '../parts/inventory.js';
import { Values } from '../parts/values.js';

/** Everything about one device. */
const RANGES = { '1h': 3_600_000, '6h': 21_600_000, '24h': 86_400_000, '7d': 604_800_000, '30d': 2_592_000_000 } as const;
type Range = keyof typeof RANGES;
const RANGE_WORDS: Record<Range, string> = { '1h': '1 h', '6h': '6 h', '24h': '24 h', '7d': '7 d', '30d': '30 d' };
const asRange = (text: string | null): Range => (text !== null && text in RANGES ? (text as Range) : '1h');

/** What a device without a known rhythm is taken to report at, as presence does. */
const USUAL_INTERVAL_MS = 10_000;

const asDeclarations = (entries: readonly CatalogueEntry[]): Map<string, MetricDeclaration> =>
  new Map(entries.map((entry) => [entry.metric, entry]));

interface Loaded {
  detail: Signal<DeviceDetail | null>;
  declarations: Signal<Map<string, MetricDeclaration>>;
  values: Signal<Map<string, LiveValue>>;
  failure: Signal<string | null>;
}

const newer = (known: Map<string, LiveValue>, list: readonly LiveValue[]): Map<string, LiveValue> => {
  for (const value of list) {
    const key = seriesKey(value.metric, value.labels);
    if ((known.get(key)?.ts ?? -1) <= value.ts) known.set(key, value);
  }
  return new Map(known);
};

/** From the API once, from the live channel after that; asked again when the connection or the boot changes. */
const useDevice = (id: string): Loaded => {
  const { client, board, live } = useApp();
  const detail = useSignal<DeviceDetail | null>(null);
  const declarations = useSignal(new Map<string, MetricDeclaration>());
  const values = useSignal(new Map<string, LiveValue>());
  const failure = useSignal<string | null>(null);
  const boot = useComputed(() => (board.version.value >= 0 ? board.devices.get(id)?.boot : null)).value;
  const connected = live.status.value === 'live';
  // A new boot may bring a new inventory and new metrics.
  useEffect(() => {
    if (!connected) return;
    const load = async () => {
      const [about, latest] = await Promise.all([client.device(id), client.latest(id)]);
      detail.value = about;
      values.value = newer(values.value, latest.values);
      failure.value = null;
    };
    load().catch((error) => {
      failure.value = error instanceof ApiError && error.status === 404 ? `There is no device “${id}”.` : sentenceOf(error);
    });
  }, [id, connected, boot]);
  // A probe may declare a metric later than the first birth.
  const metrics = useComputed(() => new Set([...values.value.values()].map((value) => value.metric)).size).value;
  useEffect(() => {
    if (!connected || metrics === 0) return;
    // Without the catalogue metrics still show by their ids.
    client.catalogue().then(
      ({ items }) => {
        declarations.value = asDeclarations(items);
      },
      () => {},
    );
  }, [client, declarations, connected, boot, metrics]);
  useSignalEffect(() => {
    const watched = board.watched.value;
    if (watched?.id === id) values.value = newer(values.peek(), watched.fresh);
  });
  return { detail, declarations, values, failure };
};

export const DevicePage = ({ id }: { id: string }) => {
  const { board } = useApp();
  const loaded = useDevice(id);
  board.version.value;
  const device = board.devices.get(id) ?? loaded.detail.value;
  if (!device) return <Absent failure={loaded.failure.value} />;
  return (
    <main class="device">
      <Head device={device} detail={loaded.detail.value} />
      {loaded.failure.value !== null && <p class="failure">{loaded.failure.value}</p>}
      <div class="columns">
        <div>
          <OpenAlerts id={id} />
          <Charts id={id} loaded={loaded} />
        </div>
        <aside>
          <DeviceEarnings device={device} detail={loaded.detail.value} />
          <Inventory detail={loaded.detail.value} />
        </aside>
      </div>
      <Values values={loaded.values.value} declarations={loaded.declarations.value} />
      <PastAlerts id={id} />
    </main>
  );
};

const Absent = ({ failure }: { failure: string | null }) => (
  <main class="centre">
    <p class="quiet">{failure ?? 'Waiting for the device…'}</p>
    {failure !== null && (
      <a class="button" href="/">
        To the fleet
      </a>
    )}
  </main>
);

const Head = ({ device, detail }: { device: LiveDevice; detail: DeviceDetail | null }) => {
  const { clock, siteNames, operates } = useApp();
  const since = Math.max(0, clock.value - device.since);
  const site = device.site === null ? null : (siteNames.value.get(device.site) ?? device.site);
  return (
    <header class="device-head">
      <a class="back" href="/" aria-label="Back to the fleet">
        <Icon name="back" />
      </a>
      <h1>{device.name}</h1>
      <StandingWord standing={standingOf(device)} />
      <span class="quiet" title={fullTime(device.since)}>
        since {shortTime(device.since, clock.value)}, {duration(since)}
      </span>
      <span class="push" />
      {operates.value && (
        <a class="button" href={`/silences?device=${device.id}`}>
          Silence
        </a>
      )}
      <dl class="facts">
        <Fact name="Last seen" value={device.last_seen === null ? 'never' : clockFact(device.last_seen, clock.value)} />
        <Fact name="Id" value={device.id} />
        <Fact name="Site" value={site} />
        <Fact name="Tags" value={device.tags.join(', ') || null} />
        <Fact name="Agent" value={detail?.agent_version ?? null} />
        <Fact name="Boot" value={device.boot} />
        <Fact name="Reports every" value={detail?.interval_ms ? duration(detail.interval_ms) : null} />
        <Fact name="Carried by" value={device.carried_by} link={`/devices/${device.carried_by}`} />
      </dl>
    </header>
  );
};
const clockFact = (seen: number, now: number): string =>
  now - seen < 60_000 ? clockTime(seen) : `${shortTime(seen, now)}, ${duration(now - seen)} ago`;

const Fact = ({ name, value, link }: { name: string; value: string | null; link?: string }) => {
  if (value === null || value === '') return null;
  return (
    <div>
      <dt>{name}</dt>
      <dd>{link ? <a href={link}>{value}</a> : value}</dd>
    </div>
  );
};

const OpenAlerts = ({ id }: { id: string }) => {
  const { board } = useApp();
  const open = board.alerts.value.filter((alert) => alert.device === id && alert.state !== 'resolved');
  if (open.length === 0) return null;
  return (
    <section>
      <h2>Open alerts</h2>
      <AlertLines alerts={open} of="device" />
    </section>
  );
};

const PAST_MOST = 20;
const PastAlerts = ({ id }: { id: string }) => {
  const { board, client } = useApp();
  useEffect(() => {
    // Without the history the page still says what is open.
    void client.alerts({ device: id }).then(
      ({ items }) => board.putAlerts(items),
      () => {},
    );
  }, [client, board, id]);
  const past = board.alerts.value.filter((alert) => alert.device === id && alert.state === 'resolved').slice(0, PAST_MOST);
  if (past.length === 0) return null;
  return (
    <section>
      <h2>Past alerts</h2>
      <AlertLines alerts={past} of="device" />
    </section>
  );
};

const Charts = ({ id, loaded }: { id: string; loaded: Loaded }) => {
  const { router } = useApp();
  const range = asRange(router.query.value.get('range'));
  const all = useSignal(false);
  const groups = groupByMetric(loaded.values.value.values());
  const shown = all.value ? groups : groups.filter((group) => isMain(group.metric));
  if (loaded.detail.value === null) return null;
  if (groups.length === 0) return <p class="empty quiet">{NOTHING} No value has arrived from this device yet.</p>;
  return (
    <section>
      <div class="section-head">
        <h2>Over time</h2>
        <RangePicker range={range} onPick={(next) => router.setQuery({ range: next === '1h' ? '' : next })} />
      </div>
      <div class="charts">
        {(shown.length > 0 ? shown : groups).map(({ metric, values }) => (
          <Chart
            key={metric}
            device={id}
            metric={metric}
            values={values}
            declaration={loaded.declarations.value.get(metric) ?? undeclared(metric)}
            span_ms={RANGES[range]}
            interval_ms={loaded.detail.value?.interval_ms ?? USUAL_INTERVAL_MS}
          />
        ))}
      </div>
      {groups.length > shown.length && (
        <button type="button" class="button" onClick={() => (all.value = true)}>
          Show all {groups.length} metrics
        </button>
      )}
    </section>
  );
};

const RangePicker = ({ range, onPick }: { range: Range; onPick(range: Range): void }) => (
  <fieldset class="picker">
    <legend class="unseen">Range</legend>
    {(Object.keys(RANGES) as Range[]).map((each) => (
      <button type="button" key={each} aria-pressed={each === range} onClick={() => onPick(each)}>
        {RANGE_WORDS[each]}
      </button>
    ))}
  </fieldset>
);
