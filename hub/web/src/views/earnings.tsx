import type { ComparePage, CompareSort } from '@muster/hub/parts';
import { useComputed, useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { useApp } from '../app.js';
import { type Client, sentenceOf } from '../client.js';
import { type Asked, addressOf, askedFrom, filtersOf, PAGE, type Stack, spanOf, stackOf } from '../earnings-query.js';
import { createMoney, type Money } from '../money.js';
import { Amounts } from '../parts/amounts.js';
import { EarningsChart } from '../parts/earnings-chart.js';
import { EarningsTable } from '../parts/earnings-table.js';
import { EarningsFilters, ExportMenu, PeriodPicker } from '../parts/earnings-tools.js';
import { Fiat, isEstimated } from '../parts/fiat.js';
import { Prices } from '../parts/prices-editor.js';
import { Unassigned } from '../parts/unassigned.js';

/** What devices earn, cost and leave, side by side. */
const REFRESH_MS = 60_000;
/** More layers than colours cannot be told apart. */
const LAYERS_MOST = 8;

interface Loaded {
  page: ComparePage | null;
  stack: Stack | null;
  failure: string | null;
}

const askChart = async (client: Client, asked: Asked, of: { networks: readonly string[]; now: number; signal: AbortSignal }) => {
  const span = spanOf(asked.period, of.now);
  const filters = filtersOf(asked);
  const parts = await Promise.all(
    of.networks.slice(0, LAYERS_MOST).map(async (network) => {
      const { items } = await client.earnings({ ...span, by: 'day', ...filters, network }, of.signal);
      return { network, rows: items };
    }),
  );
  return stackOf(parts, span);
};

const networksOf = ({ totals }: ComparePage): string[] => [...new Set(totals.streams.map(({ network }) => network))];

const useEarnings = (asked: Asked) => {
  const { client, board, live } = useApp();
  const loaded = useSignal<Loaded>({ page: null, stack: null, failure: null });
  const again = useSignal(0);
  const connected = live.status.value === 'live';
  const { after, sort, order, period } = asked;
  const filters = JSON.stringify(filtersOf(asked));
  const of = useSignal('');
  useEffect(() => {
    if (!connected) return;
    const stop = new AbortController();
    const load = async () => {
      const page = await client.compare({ ...filtersOf(asked), period, sort, order, after, limit: PAGE }, stop.signal);
      loaded.value = { ...loaded.value, page, failure: null };
      // Another page or order has the same chart.
      const chart = `${period} ${filters} ${again.value}`;
      if (of.value === chart) return;
      const stack = await askChart(client, asked, { networks: networksOf(page), now: board.now(), signal: stop.signal });
      loaded.value = { ...loaded.value, stack };
      of.value = chart;
    };
    const ask = () =>
      void load().catch((error) => {
        if (!stop.signal.aborted) loaded.value = { ...loaded.value, failure: sentenceOf(error) };
      });
    ask();
    const timer = setInterval(() => {
      of.value = '';
      ask();
    }, REFRESH_MS);
    return () => {
      clearInterval(timer);
      stop.abort();
    };
  }, [connected, period, filters, sort, order, after, again.value]);
  return { ...loaded.value, refresh: () => (again.value += 1) };
};

/** Every network of the fleet, so that choosing one does not hide the others. */
const useNetworks = (page: ComparePage | null, asked: Asked): string[] => {
  const { board } = useApp();
  const streams = useComputed(() => {
    board.places.value;
    const found = new Set<string>();
    for (const { earnings_today } of board.devices.values()) for (const { network } of earnings_today) found.add(network);
    return found;
  });
  return [...new Set([...streams.value, ...(page ? networksOf(page) : []), ...(asked.network ? [asked.network] : [])])].sort();
};

export const EarningsPage = () => {
  const { router } = useApp();
  const asked = useComputed(() => askedFrom(router.query.value)).value;
  const { page, stack, failure, refresh } = useEarnings(asked);
  const networks = useNetworks(page, asked);
  const money = createMoney(page?.currency ?? 'USD');
  const change = (part: Partial<Asked>) => router.setQuery(addressOf({ ...asked, after: 0, ...part }));
  const turn = (key: CompareSort) => {
    const other = asked.order === 'asc' ? 'desc' : 'asc';
    change({ sort: key, order: asked.sort === key ? other : key === 'device' ? 'asc' : 'desc' });
  };
  const filtered = Boolean(asked.network || asked.site || asked.tag);
  return (
    <main class="earnings-page">
      <div class="section-head">
        <h1>Earnings</h1>
        <PeriodPicker asked={asked} onChange={change} />
        <span class="push" />
        <ExportMenu asked={asked} />
      </div>
      {failure !== null && <p class="failure">{failure}</p>}
      {page && (page.devices > 0 || filtered) && <Totals page={page} money={money} />}
      {page && page.devices === 0 && <Empty filtered={filtered} onReset={() => change({ network: '', site: '', tag: '' })} />}
      {stack && stack.layers.length > 0 && <EarningsChart stack={stack} networks={networks} money={money} />}
      {page && (page.devices > 0 || filtered) && (
        <section aria-label="Devices compared">
          <search class="tools">
            <EarningsFilters asked={asked} networks={networks} onChange={change} />
            <span class="push" />
            <Pages page={page} asked={asked} onChange={change} />
          </search>
          <EarningsTable rows={page.items} money={money} asked={asked} onSort={turn} />
        </section>
      )}
      <Unassigned />
      {page && <Prices onChanged={refresh} />}
    </main>
  );
};

const Totals = ({ page, money }: { page: ComparePage; money: Money }) => {
  const { streams, fiat, cost, net, incomplete } = page.totals;
  const estimated = isEstimated(streams);
  const netHint = net === null ? 'Worth or cost of some devices is not known' : undefined;
  return (
    <dl class="totals">
      <div>
        <dt>Worth</dt>
        <dd>
          <Fiat
            money={money}
            text={fiat}
            part={incomplete?.fiat}
            estimated={estimated}
            hint={fiat === null ? 'Some tokens have no price' : undefined}
          />
        </dd>
      </div>
      <div>
        <dt>Electricity</dt>
        <dd>
          <Fiat
            money={money}
            text={cost}
            part={incomplete?.cost}
            hint={cost === null ? 'Some devices have no watts, some sites no tariff' : undefined}
          />
        </dd>
      </div>
      <div>
        <dt>Net</dt>
        <dd>
          <Fiat money={money} text={net} estimated={estimated} hint={netHint} />
        </dd>
      </div>
      <div class="tokens">
        <dt>Tokens</dt>
        <dd>
          <Amounts list={streams} most={8} />
        </dd>
      </div>
    </dl>
  );
};

const Pages = ({ page, asked, onChange }: { page: ComparePage; asked: Asked; onChange(part: Partial<Asked>): void }) => {
  const first = asked.after + 1;
  const last = asked.after + page.items.length;
  const text = page.devices === 1 ? '1 device' : `${page.devices.toLocaleString('en-US')} devices`;
  if (page.devices <= PAGE && asked.after === 0) return <output class="quiet">{text}</output>;
  return (
    <nav class="pages" aria-label="Pages of devices">
      <button
        type="button"
        class="button"
        disabled={asked.after === 0}
        onClick={() => onChange({ after: Math.max(0, asked.after - PAGE) })}
      >
        Before
      </button>
      <output class="quiet">
        {first}–{last} of {text}
      </output>
      <button
        type="button"
        class="button"
        disabled={last >= page.devices}
        onClick={() => onChange({ after: asked.after + PAGE })}
      >
        Next
      </button>
    </nav>
  );
};

const Empty = ({ filtered, onReset }: { filtered: boolean; onReset(): void }) => {
  if (filtered) {
    return (
      <div class="empty">
        <p>No device fits these filters.</p>
        <button type="button" class="button" onClick={onReset}>
          Show all devices
        </button>
      </div>
    );
  }
  return (
    <div class="empty start">
      <h2>Nothing earned yet</h2>
      <ol>
        <li>
          Say where income is read: a reward source in the settings of a device’s agent, or one that the hub asks, under{' '}
          <a href="/hub">Hub</a>.
        </li>
        <li>Income counts from the first reading on; it appears here with the next one that is higher.</li>
        <li>Prices come by themselves for known tokens; others are set below, once they have income.</li>
        <li>For cost and net, a device needs its watts and its site a tariff.</li>
      </ol>
    </div>
  );
};
