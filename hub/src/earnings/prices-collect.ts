import { asAppError } from '@muster/shared/errors';
import type { Http } from '@muster/shared/http';
import type { Log } from '@muster/shared/log';
import { PRICE_PROVIDERS, type PriceProviderId, type PriceSettings } from './fiat-port.js';
import type { PriceProvider, PriceReply } from './prices-provider.js';

/** One price a token and UTC day is asked for: once it is there nothing more goes out that day. */
export const PACE = {
  /** After a failure, doubling up to the longest; the provider may ask for more. */
  retry_ms: 5 * 60_000,
  longest_ms: 2 * 3_600_000,
  /** An id that was left out of a reply is asked for again. */
  missing_ms: 3_600_000,
  /** Between two requests of one provider: Jupiter allows one in two seconds. */
  apart_ms: 2_500,
} as const;

export interface ProviderState {
  last_error: string | null;
  last_try: number | null;
  next_try: number | null;
}

interface Line extends ProviderState {
  failures: number;
  busy: boolean;
}

export interface CollectNeeds {
  providers: Record<PriceProviderId, PriceProvider>;
  http: Http;
  now: () => number;
  /** 0 up to 1: spreads the retries of many hubs. */
  random: () => number;
  log: Log;
  settings: () => PriceSettings;
  /** Ids without a price today, and whether cross rates are wanted. */
  wanted: (provider: PriceProviderId) => { ids: string[]; rates: boolean };
  got: (provider: PriceProviderId, reply: PriceReply) => void;
}

export const createCollector = (needs: CollectNeeds) => {
  const lines = new Map<PriceProviderId, Line>(
    PRICE_PROVIDERS.map((id) => [id, { last_error: null, last_try: null, next_try: null, failures: 0, busy: false }]),
  );
  const stopped = new AbortController();

  const ask = async (id: PriceProviderId, line: Line, ids: readonly string[]) => {
    const { http, settings, providers, now } = needs;
    const reply = await providers[id].fetch({ ids, ...settings().providers[id], http, now: now(), signal: stopped.signal });
    if (stopped.signal.aborted) return;
    needs.got(id, reply);
    const missing = ids.filter((one) => !reply.prices.has(one));
    line.failures = 0;
    line.last_error = missing.length > 0 ? `no price for ${missing.slice(0, 10).join(', ')}` : null;
    line.next_try = now() + (missing.length > 0 ? PACE.missing_ms : PACE.apart_ms);
  };
  const failed = (id: PriceProviderId, line: Line, error: unknown) => {
    const { message, details } = asAppError(error);
    if (line.last_error !== message) needs.log.warn('Prices could not be fetched', { provider: id, error });
    const wait = Math.min(PACE.longest_ms, PACE.retry_ms * 2 ** Math.min(line.failures++, 10));
    const asked = typeof details['retry_after_ms'] === 'number' ? details['retry_after_ms'] : 0;
    line.last_error = message;
    line.next_try = needs.now() + Math.max(asked, wait * (0.8 + 0.4 * needs.random()));
  };
  const visit = async (id: PriceProviderId, line: Line): Promise<void> => {
    if (line.busy || stopped.signal.aborted || needs.now() < (line.next_try ?? 0)) return;
    const { ids, rates } = needs.wanted(id);
    if (ids.length === 0 && !rates) return;
    line.busy = true;
    line.last_try = needs.now();
    try {
      await ask(id, line, ids.slice(0, needs.providers[id].most));
    } catch (error) {
      if (!stopped.signal.aborted) failed(id, line, error);
    } finally {
      line.busy = false;
    }
  };
  return {
    /** Once a minute or so. */
    tick: (): Promise<unknown> => Promise.all([...lines].map(([id, line]) => visit(id, line))),
    /** Settings changed: no need to wait for the next try. */
    again() {
      for (const line of lines.values()) Object.assign(line, { next_try: null, failures: 0 });
    },
    state(id: PriceProviderId): ProviderState {
      const { last_error = null, last_try = null, next_try = null } = lines.get(id) ?? {};
      return { last_error, last_try, next_try };
    },
    stop: () => stopped.abort(),
  };
};
