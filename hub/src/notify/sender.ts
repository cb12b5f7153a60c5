/** Sends what is in the outbox: each channel in its order, one at a time, as fast as it takes them. */
import type { Clock } from '@muster/shared/clock';
import { AppError, asAppError } from '@muster/shared/errors';
import type { Http } from '@muster/shared/http';
import type { Log } from '@muster/shared/log';
import { MASK } from '@muster/shared/secrets';
import type { Channel, Channels } from './channels.js';
import { NOTIFY_LIMITS as L } from './limits.js';
import type { Notice, NotifierWays } from './notifier.js';
import { type Item, isDue, type Outbox } from './outbox.js';
import type { Papers } from './papers.js';

export interface SenderNeeds {
  channels: Channels;
  outbox: Outbox;
  papers: Papers;
  clock: Clock;
  http: Http;
  ways(): Omit<NotifierWays, 'now'>;
  log: Log;
  /** 0..1 */
  random(): number;
  render(item: Item, channel: Channel): Notice;
  titleOf(item: Item): string;
  /** The channel fails, or works again. */
  failing(channel: Channel, why: string | null): void;
  gaveUp(channel: Channel, item: Item, why: string): void;
  /** Subscriptions that their service calls gone. */
  gone(channel: Channel, ids: readonly string[]): void;
  /** The channel took it. */
  taken(item: Item): void;
}

const MINUTE_MS = 60_000;
const STUBBORN = 5;

export interface Sender {
  start(): void;
  stop(): void;
  /** Something is due or was set anew. */
  look(): void;
  /** One notice past the queue; throws what went wrong. */
  send(channel: Channel, notice: Notice): Promise<void>;
}

export const createSender = (needs: SenderNeeds): Sender => {
  const { channels, outbox, clock } = needs;
  let running = 0;
  let started = false;
  let expected = false;
  let disarm: (() => void) | null = null;

  const arm = (wait_ms: number) => {
    disarm?.();
    disarm = clock.after(Math.min(Math.max(wait_ms, 0), MINUTE_MS), look);
  };
  const work = async (channel: Channel, item: Item) => {
    channel.busy = true;
    running++;
    try {
      await deliver(needs, channel, item);
    } catch (error) {
      needs.log.error('What follows a notice failed', { notifier: channel.record.id, error });
    }
    channel.busy = false;
    running--;
    look();
  };
  /** A site that goes away is thousands of events in one turn. */
  const look = () => {
    if (expected) return;
    expected = true;
    queueMicrotask(lookNow);
  };
  function lookNow() {
    expected = false;
    if (!started) return;
    let wait = Number.POSITIVE_INFINITY;
    for (const id of [...outbox.notifiers()]) {
      const channel = channels.get(id);
      if (channels.unusable.has(id)) continue;
      if (!channel?.record.enabled) outbox.removeOf(id);
      else if (!channel.busy) {
        const next = nextOf(needs, channel);
        if (typeof next === 'number') wait = Math.min(wait, next);
        else if (running < L.at_once) void work(channel, next);
      }
    }
    if (wait !== Number.POSITIVE_INFINITY) arm(wait);
  }
  return {
    look,
    send: (channel, notice) => send(needs, channel, notice),
    start() {
      started = true;
      look();
    },
    stop() {
      started = false;
      disarm?.();
    },
  };
};

/** What a channel is to send now, or how long it waits. */
const nextOf = ({ outbox, clock, titleOf }: SenderNeeds, channel: Channel): Item | number => {
  const id = channel.record.id;
  const now = clock.now();
  const monotonic = clock.monotonic();
  if (outbox.count(id) > L.waiting) channel.held_back += outbox.fold(id, titleOf);
  if (channel.next > monotonic) return channel.next - monotonic;
  const allDue = () => outbox.of(id).filter((item) => isDue(item, now));
  let due = allDue();
  if (due.length === 0) return outbox.of(id).reduce((wait, { not_before }) => Math.min(wait, not_before - now), MINUTE_MS);
  channel.sent = channel.sent.filter((at) => at > monotonic - MINUTE_MS);
  const [oldest = 0] = channel.sent;
  if (channel.sent.length >= channel.record.per_minute) {
    channel.limited = true;
    return oldest + MINUTE_MS - monotonic;
  }
  if (channel.limited) {
    channel.held_back += outbox.fold(id, titleOf);
    due = allDue();
  }
  channel.limited = false;
  // One that its service can never take must not block all behind it.
  const second = channel.failures >= STUBBORN && channel.failures % 2 === 1;
  return (second ? nextThread(due) : undefined) ?? due[0] ?? 1_000;
};

/** The first of another thread than the one that blocks: an end never overtakes its beginning. */
const nextThread = (due: readonly Item[]): Item | undefined => {
  const roots = due.map(rootOf);
  return due.find((item, at) => at > 0 && roots.indexOf(rootOf(item)) === at);
};
const rootOf = ({ thread }: Item): string => thread.replace(/\/.*/, '');

/** It is sealed on disk before it leaves: after a crash the same notice goes out again, under the same key. */
const deliver = async (needs: SenderNeeds, channel: Channel, item: Item): Promise<void> => {
  const { outbox, papers, clock } = needs;
  try {
    if (!item.notice) outbox.seal(item, needs.render(item, channel));
    await new Promise<void>((resolve) => papers.stored(resolve));
    if (!item.notice || channel.ended.signal.aborted) return;
    channel.sent.push(clock.monotonic());
    await send(needs, channel, item.notice);
    if (channel.ended.signal.aborted) return;
    outbox.remove(item);
    needs.taken(item);
  } catch (error) {
    if (!channel.ended.signal.aborted) failed(needs, channel, { item, failure: asAppError(error) });
  }
};

const failed = (needs: SenderNeeds, channel: Channel, { item, failure }: { item: Item; failure: AppError }) => {
  const { clock, outbox, log } = needs;
  const why = channel.last_error ?? failure.message;
  const isOld = clock.now() - item.created > L.give_up_ms;
  if (failure.retry && !isOld) {
    channel.next = clock.monotonic() + backoffMs(channel.failures, failure, needs.random());
    return;
  }
  outbox.remove(item);
  channel.given_up++;
  log.warn('A notice was given up', { notifier: channel.record.id, title: item.notice?.title ?? '', error: why });
  needs.gaveUp(channel, item, why);
};

const backoffMs = (failures: number, { details }: AppError, random: number): number => {
  const wish = details['retry_after_ms'];
  const asked = typeof wish === 'number' && wish > 0 ? Math.min(wish, L.longest_retry_after_ms) : 0;
  const pace = Math.min(L.longest_backoff_ms, L.backoff_ms * 2 ** Math.min(failures - 1, 12));
  return Math.max(asked, pace * (0.5 + random / 2));
};

/** With a deadline that holds even for a channel that ignores its signal; what went wrong is told without secrets. */
const send = async (needs: SenderNeeds, channel: Channel, notice: Notice): Promise<void> => {
  const { clock, http, ways } = needs;
  const stop = new AbortController();
  const end = () => stop.abort();
  channel.ended.signal.addEventListener('abort', end, { once: true });
  let cancel = () => {};
  const late = new Promise<never>((_resolve, reject) => {
    const fail = () => reject(new AppError('timeout', `${channel.record.id} did not take the notice within ${L.deadline_ms} ms`));
    cancel = clock.after(L.deadline_ms, fail);
    stop.signal.addEventListener('abort', fail, { once: true });
  });
  try {
    const call = { config: channel.config, notice, http, signal: stop.signal, ...ways(), now: clock.now() };
    await Promise.race([channel.declaration.send(call).catch((error) => withoutGone(needs, channel, error)), late]);
    fared(needs, channel, null);
  } catch (error) {
    const failure = asAppError(error);
    const answer = notice.acknowledge?.url.split('=').at(-1) ?? '';
    const said = answer === '' ? failure.message : failure.message.replaceAll(answer, MASK);
    const sentence = channel.scrub(said).slice(0, 500);
    fared(needs, channel, sentence);
    throw new AppError(failure.code, sentence, failure.details);
  } finally {
    cancel();
    channel.ended.signal.removeEventListener('abort', end);
    stop.abort();
  }
};

/** Who left is struck out; that alone is no failure of the channel. */
const withoutGone = (needs: SenderNeeds, channel: Channel, error: unknown): void => {
  const failure = asAppError(error);
  const ids = failure.details['gone'];
  if (!Array.isArray(ids) || ids.length === 0) throw failure;
  needs.gone(channel, ids.map(String));
  if (failure.code !== 'expired') throw failure;
};

const fared = (needs: SenderNeeds, channel: Channel, failure: string | null) => {
  if (channel.ended.signal.aborted) return;
  const before = channel.failures;
  channel.failures = failure === null ? 0 : before + 1;
  channel.last_error = failure;
  if (failure === null) {
    channel.last_ok = needs.clock.now();
    channel.next = 0;
    if (before === 0) return;
    needs.log.info('A notifier works again', { notifier: channel.record.id });
    // After one failure, too: a notice given up is an alert at once.
    needs.failing(channel, null);
    return;
  }
  if (before === 0) needs.log.warn('A notifier fails', { notifier: channel.record.id, error: failure });
  if (channel.failures === L.failures_alert) needs.failing(channel, failure);
};
