import { decimalBytes } from '@muster/shared/text';
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { useApp } from '../app.js';
import { type Refused, type StoreReply, sentenceOf } from '../client.js';
import { fullTime, shortTime } from '../format.js';
import { RewardSources } from '../parts/reward-sources.js';

/** The hub itself: what it keeps, how large that will be, and what it could not take. */
export const HubPage = () => {
  const { client, notice } = useApp();
  const store = useSignal<StoreReply | null>(null);
  useEffect(() => {
    const load = () =>
      client.store().then(
        (reply) => {
          store.value = reply;
        },
        (error) => {
          notice.value = sentenceOf(error);
        },
      );
    void load();
    const timer = setInterval(load, REFRESH_MS);
    return () => clearInterval(timer);
  }, [client, notice, store]);
  return (
    <main class="hub-page">
      <div class="section-head">
        <h1>Hub</h1>
        {store.value && <span class="quiet">Muster {store.value.version}</span>}
      </div>
      {store.value && <Store store={store.value} />}
      <RewardSources />
      <Quarantine />
    </main>
  );
};

const REFRESH_MS = 30_000;

/** Below that the empty file weighs more than what is in it. */
const MANY = 1e6;

const Store = ({ store }: { store: StoreReply }) => {
  const { bytes, rows, samples, damaged, fault, healthy, forecast } = store;
  return (
    <section aria-label="Store">
      <h2>Store</h2>
      <dl class="hub-facts">
        <Fact
          name="State"
          value={healthy ? (fault ?? 'takes reports') : 'cannot store anything'}
          bad={!healthy || fault !== null}
        />
        <Fact name="On disk" value={decimalBytes(bytes)} />
        <Fact name="Holds" value={`${samples.toLocaleString('en-US')} values in ${rows.toLocaleString('en-US')} reports`} />
        {samples >= MANY && <Fact name="A value takes" value={`${(bytes / samples).toFixed(2)} bytes`} />}
        {damaged > 0 && <Fact name="Damaged chunks" value={`${damaged}; run "muster-hub check"`} bad />}
      </dl>
      {forecast ? (
        <Forecast {...forecast} />
      ) : (
        <p class="quiet">How large it will be can be told once devices have reported for some hours.</p>
      )}
    </section>
  );
};

const Fact = ({ name, value, bad = false }: { name: string; value: string; bad?: boolean }) => (
  <div>
    <dt>{name}</dt>
    <dd class={bad ? 'bad' : ''}>{value}</dd>
  </div>
);

const SPANS: Record<number, string> = { 30: '30 days', 365: '1 year', 1825: '5 years' };

const Forecast = ({ per_day, after }: NonNullable<StoreReply['forecast']>) => (
  <>
    <h3>If every day goes on like the last one</h3>
    <dl class="hub-facts">
      {after.map(({ days, bytes }) => (
        <Fact key={days} name={`After ${SPANS[days] ?? `${days} days`}`} value={decimalBytes(bytes)} />
      ))}
    </dl>
    <p class="quiet">
      A day adds {decimalBytes(per_day.raw)} of reports, {decimalBytes(per_day.five)} of 5-minute and {decimalBytes(per_day.hour)}{' '}
      of 1-hour values; each is kept as long as the settings say.
    </p>
  </>
);

const REASONS: Record<string, string> = {
  clock: 'clock is wrong',
  too_many_series: 'too many series',
};

const Quarantine = () => {
  const { client, notice, clock } = useApp();
  const items = useSignal<readonly Refused[]>([]);
  const next = useSignal<string | number | null>(null);
  const loaded = useSignal(false);
  const load = async (after?: string | number) => {
    try {
      const reply = await client.quarantine(after);
      items.value = after === undefined ? reply.items : [...items.value, ...reply.items];
      next.value = reply.next ?? null;
      loaded.value = true;
    } catch (error) {
      notice.value = sentenceOf(error);
    }
  };
  useEffect(() => void load(), []);
  return (
    <section aria-label="Quarantine">
      <h2>Messages that could not be stored</h2>
      {loaded.value && items.value.length === 0 && <p class="quiet">None: every message was understood.</p>}
      <ol class="refused">
        {items.value.map((one) => (
          <li key={one.number}>
            <details>
              <summary>
                <time title={fullTime(one.ts)}>{shortTime(one.ts, clock.value)}</time>
                <b>{one.device ?? one.agent}</b>
                <span class="reason">{REASONS[one.reason] ?? one.reason.replaceAll('_', ' ')}</span>
                <span class="what">{one.detail}</span>
              </summary>
              <pre>{one.payload}</pre>
              <p class="quiet">
                sent by {one.agent}, {one.bytes} bytes
              </p>
            </details>
          </li>
        ))}
      </ol>
      {next.value !== null && (
        <button type="button" class="button" onClick={() => void load(next.value ?? undefined)}>
          Older ones
        </button>
      )}
    </section>
  );
};
