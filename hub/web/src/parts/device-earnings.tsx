import type { CompareRow, EarningsRow } from '@muster/hub/parts';
import { formatUnits, utcDay } from '@muster/shared/money';
import type { LiveDevice } from '@muster/shared/wire/live';
import { useSignal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { useEffect } from 'preact/hooks';
import { useApp } from '../app.js';
import type { DeviceDetail } from '../client.js';
import { type Amount, readableAmount } from '../format.js';
import { changeText, createMoney, type Money } from '../money.js';
import { Amounts } from './amounts.js';
import { Fiat, isEstimated, NO_COST, NO_PRICE } from './fiat.js';
import { Sparkline } from './sparkline.js';

/** What a device earned by stream: today live, 30 days and lifetime from the ledger, and what an hour without it costs. A day is a UTC day. */
const DAY = 86_400_000;
/** The ledger moves slowly; today's amount comes live. */
const REFRESH_MS = 300_000;

interface Month {
  rows: readonly EarningsRow[];
  row: CompareRow | null;
  money: Money;
}

const useMonth = (device: string) => {
  const { client, board } = useApp();
  const month = useSignal<Month | null>(null);
  useEffect(() => {
    const load = async () => {
      const today = utcDay(board.now());
      const span = { from: today - 29 * DAY, to: today + DAY };
      const [{ items }, page] = await Promise.all([
        client.earnings({ ...span, by: 'network', device }),
        client.compare({ period: '30d', device, limit: 1 }),
      ]);
      month.value = { rows: items, row: page.items[0] ?? null, money: createMoney(page.currency) };
    };
    // Without the ledger's reply the live amount of today still stands.
    const ask = () => void load().catch(() => {});
    ask();
    const timer = setInterval(ask, REFRESH_MS);
    return () => clearInterval(timer);
  }, [client, board, month, device]);
  return month.value;
};

export const DeviceEarnings = ({ device, detail }: { device: LiveDevice; detail: DeviceDetail | null }) => {
  const month = useMonth(device.id);
  const lifetime = detail?.earnings_lifetime ?? [];
  const streams = month?.rows.map((row) => row.streams) ?? [];
  const networks = networksOf([device.earnings_today, lifetime, ...streams]);
  return (
    <section>
      <h2>Earnings</h2>
      {networks.length === 0 && <p class="quiet">Nothing earned yet. Reward sources are set in the agent of this device.</p>}
      {networks.map((network) => (
        <Network key={network} {...{ network, device, lifetime, month }} stake={detail?.stake ?? null} />
      ))}
      {networks.length > 0 && month?.row && (
        <Together row={month.row} money={month.money} several={networks.length > 1} stake={detail?.stake ?? null} />
      )}
    </section>
  );
};
const networksOf = (lists: readonly (readonly Amount[])[]): string[] => [
  ...new Set(lists.flatMap((list) => list.map((amount) => amount.network))),
];

interface NetworkProps {
  network: string;
  device: LiveDevice;
  lifetime: readonly Amount[];
  month: Month | null;
  stake: DeviceDetail['stake'];
}

const Network = ({ network, device, lifetime, month, stake }: NetworkProps) => {
  const of = (list: readonly Amount[]) => list.filter((amount) => amount.network === network);
  const row = month?.rows.find(({ key }) => key === network);
  const hourly = stake?.tokens.filter((one) => one.network === network) ?? [];
  return (
    <dl class="pairs earnings">
      <h3>{network}</h3>
      <Line title="Today (UTC)">
        <Amounts list={of(device.earnings_today)} most={3} />
      </Line>
      <Line title="30 days">
        <Amounts list={row?.streams ?? []} most={3} />
      </Line>
      {row && month && (
        <Line title="30 days, worth">
          <Fiat
            money={month.money}
            text={row.fiat}
            part={row.incomplete?.fiat}
            estimated={isEstimated(row.streams)}
            hint={row.fiat === null ? NO_PRICE : undefined}
          />
        </Line>
      )}
      <Line title="Lifetime">
        <Amounts list={of(lifetime)} most={3} />
      </Line>
      {hourly.map(({ token, decimals, amount_per_hour }) => (
        <Line key={token} title="At stake an hour">
          <span title={`${formatUnits(BigInt(amount_per_hour), decimals)} ${token}: the median of its last 14 days`}>
            {readableAmount(formatUnits(BigInt(amount_per_hour), decimals))} {token}
          </span>
        </Line>
      ))}
    </dl>
  );
};

/** Over all its networks, 30 days. */
interface Whole {
  row: CompareRow;
  money: Money;
  several: boolean;
  stake: DeviceDetail['stake'];
}
const Together = ({ row, money, several, stake }: Whole) => {
  const estimated = isEstimated(row.streams);
  return (
    <dl class="pairs earnings">
      <h3>Last 30 days</h3>
      {several && (
        <Line title="Worth">
          <Fiat
            money={money}
            text={row.fiat}
            part={row.incomplete?.fiat}
            {...{ estimated }}
            hint={row.fiat === null ? NO_PRICE : ''}
          />
        </Line>
      )}
      <Line title="Electricity">
        <Fiat money={money} text={row.cost} hint={row.cost === null ? NO_COST : ''} />
      </Line>
      <Line title="Net">
        <Fiat money={money} text={row.net} {...{ estimated }} hint={row.net === null ? 'Worth or cost is not known' : ''} />
      </Line>
      <Line title="Against the 30 days before">{changeText(row.previous.change)}</Line>
      {row.payback && <Line title="Paid back">{row.payback.date}</Line>}
      {stake?.fiat_per_hour && (
        <Line title="At stake an hour">
          <Fiat money={money} text={stake.fiat_per_hour} hint="The median of its last 14 days" />
        </Line>
      )}
      <Line title="Trend">
        <Sparkline points={row.trend.points} title="Worth by day" />
      </Line>
    </dl>
  );
};

const Line = ({ title, children }: { title: string; children: ComponentChildren }) => (
  <div>
    <dt>{title}</dt>
    <dd>{children}</dd>
  </div>
);
