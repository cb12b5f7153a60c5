import type { Clock } from '@muster/shared/clock';
import type { Log } from '@muster/shared/log';
import type { Spool, SpoolDrop } from '../spool.js';

/** Says what the spool gave up, as an event and in the log: soon, then at most once an hour. */
export interface DropReportNeeds {
  spool: Pick<Spool, 'dropped'>;
  clock: Clock;
  log: Log;
  report(event: string, detail: string): void;
}

const SOON_MS = 1_000;
const PACE_MS = 3_600_000;

const REASONS: Record<SpoolDrop['why'], string> = {
  full: 'the spool was full',
  old: 'they had become too old',
  damaged: 'their file is damaged',
};

export const createDropReport = ({ spool, clock, log, report }: DropReportNeeds): { stop(): void } => {
  const waiting = new Map<SpoolDrop['why'], SpoolDrop>();
  let said_at = Number.NEGATIVE_INFINITY;
  let cancel: (() => void) | null = null;
  const say = () => {
    cancel = null;
    said_at = clock.monotonic();
    const drops = [...waiting.values()];
    waiting.clear();
    for (const drop of drops) {
      log.warn('Rows and messages that no hub has taken were given up', { ...drop });
      report('spool_dropped', sentenceOf(drop));
    }
  };
  const disconnect = spool.dropped.on((drop) => {
    waiting.set(drop.why, joined(waiting.get(drop.why), drop));
    cancel ??= clock.after(Math.max(SOON_MS, said_at + PACE_MS - clock.monotonic()), say);
  });
  return {
    stop() {
      cancel?.();
      disconnect();
    },
  };
};

const joined = (before: SpoolDrop | undefined, { items, from, to, why }: SpoolDrop): SpoolDrop => ({
  items: items + (before?.items ?? 0),
  from: Math.min(from, before?.from ?? from),
  to: Math.max(to, before?.to ?? to),
  why,
});

const sentenceOf = ({ items, from, to, why }: SpoolDrop): string =>
  `${items} rows and messages from ${dateOf(from)} to ${dateOf(to)} were given up: ${REASONS[why]}`;

const dateOf = (ts: number): string => (Math.abs(ts) < 8.64e15 ? new Date(ts).toISOString() : 'an unknown time');
