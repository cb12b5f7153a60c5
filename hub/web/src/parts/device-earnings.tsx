import type { EarningsRow } from '@muster/hub/parts';
import { utcDay } from '@muster/shared/money';
import type { LiveDevice } from '@muster/shared/wire/live';
import { useComputed, useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { useApp } from '../app.js';
import type { DeviceDetail } from '../client.js';
import { type Amount, sumAmounts } from '../format.js';
import { Amounts } from './amounts.js';

/** What a device earned: today live, longer spans from the ledger, by network. A day is a UTC day. */
const DAY = 86_400_000;
const SPANS: readonly { title: string; days: number }[] = [
  { title: '7 days', days: 7 },
  { title: '30 days', days: 30 },
];
/** The ledger moves slowly; today's amount comes live. */
const REFRESH_MS = 300_000;

interface Span {
  title: string;
  amounts: Amount[];
}
const amountsOf = (rows: readonly EarningsRow[]): Amount[] => sumAmounts(rows.map((row) => row.streams));

const useSpans = (device: string) => {
  const { client, board } = useApp();
  const spans = useSignal<Span[]>([]);
  useEffect(() => {
    const load = async () => {
      const today = utcDay(board.now());
      const asked = SPANS.map(async ({ title, days }) => {
        const { items } = await client.earnings({ from: today - (days - 1) * DAY, to: today + DAY, by: 'network', device });
        return { title, amounts: amountsOf(items) };
      });
      spans.value = await Promise.all(asked);
    };
    // Without the ledger's reply the live amount of today still stands.
    const ask = () => void load().catch(() => {});
    ask();
    const timer = setInterval(ask, REFRESH_MS);
    return () => clearInterval(timer);
  }, [client, board, spans, device]);
  return spans;
};

export const DeviceEarnings = ({ device, detail }: { device: LiveDevice; detail: DeviceDetail | null }) => {
  const spans = useSpans(device.id);
  const lifetime = detail?.earnings_total ?? [];
  const lines = useComputed(() => spans.value).value;
  const networks = networksOf([device.earnings_today, lifetime, ...lines.map((span) => span.amounts)]);
  return (
    <section>
      <h2>Earnings</h2>
      {networks.length === 0 && <p class="quiet">Nothing earned yet. Reward sources are set in the agent of this device.</p>}
      {networks.map((network) => (
        <dl class="pairs earnings" key={network}>
          <h3>{network}</h3>
          <Line title="Today (UTC)" list={device.earnings_today} network={network} />
          {lines.map((span) => (
            <Line key={span.title} title={span.title} list={span.amounts} network={network} />
          ))}
          {lifetime.length > 0 && <Line title="Lifetime" list={lifetime} network={network} />}
        </dl>
      ))}
    </section>
  );
};
const networksOf = (lists: readonly (readonly Amount[])[]): string[] => [
  ...new Set(lists.flatMap((list) => list.map((amount) => amount.network))),
];

const Line = ({ title, list, network }: { title: string; list: readonly Amount[]; network: string }) => (
  <div>
    <dt>{title}</dt>
    <dd>
      <Amounts list={list.filter((amount) => amount.network === network)} most={3} />
    </dd>
  </div>
);
