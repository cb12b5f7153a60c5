import type { LiveAlertEvent } from '@muster/shared/wire/live';
import type { AlertsDesk } from '../parts.js';
import { type Frame, frameOf, type LiveClient } from './client.js';
import { CLOSE, type LiveLimits } from './limits.js';

interface Queued {
  /** Null: it has no number and always goes out. */
  event: Pick<LiveAlertEvent, 'number'>;
  frame: Frame;
}

/** The alert events of one client: those it missed, then those that happen, in order, each once. A class: one per socket. */
export class AlertStream {
  readonly #client: LiveClient;
  readonly #desk: Pick<AlertsDesk, 'events' | 'newest'>;
  readonly #limits: LiveLimits;
  #active = false;
  /** Events numbered (low, last] went out on this socket without a hole. */
  #low = 0;
  #last = 0;
  /** What the first snapshot of a client without a number knew: nothing before it is owed. */
  #known = 0;
  /** What happens during a replay waits behind it. */
  #queue: Queued[] | null = null;
  #replay = 0;

  constructor(client: LiveClient, desk: Pick<AlertsDesk, 'events' | 'newest'>, limits: LiveLimits) {
    this.#client = client;
    this.#desk = desk;
    this.#limits = limits;
  }

  /** Number of the newest event that the client has, by event or by snapshot. */
  get last(): number {
    return Math.max(this.#last, this.#known);
  }

  /** Rejects when the events cannot be read. */
  async start(after: number | undefined): Promise<void> {
    const resumed = this.#active;
    this.#active = true;
    const newest = this.#desk.newest;
    if (after === undefined) {
      if (!resumed) this.#low = this.#last = 0;
      this.#known = newest;
      return;
    }
    // What is still on its way to the client is not sent again.
    const from = resumed && after >= this.#low ? Math.max(after, this.#last) : after;
    if (!resumed || after < this.#low) this.#low = after;
    this.#last = from;
    if (from > newest) this.#startOver(from, newest);
    else if (from < newest || this.#queue) await this.#catchUp(from);
  }

  stop(): void {
    this.#active = false;
    this.#queue = null;
    this.#replay += 1;
  }

  take(event: Queued['event'], frame: Frame): void {
    if (!this.#active) return;
    if (!this.#queue) this.#pass({ event, frame });
    else if (this.#queue.length >= this.#limits.replay_queue)
      this.#client.socket.close(CLOSE.too_slow, 'too slow: come back and resume');
    else this.#queue.push({ event, frame });
  }

  /** The client's number is from a hub that was set up anew or restored: its next event is `newest + 1`. */
  #startOver(after: number, newest: number): void {
    this.#gap(after, newest + 1);
    this.#low = this.#last = newest;
  }

  async #catchUp(from: number): Promise<void> {
    this.#queue ??= [];
    this.#replay += 1;
    const replay = this.#replay;
    const limit = this.#limits.replay_page;
    const newest = this.#desk.newest;
    for (let more = true; more; ) {
      const page = await this.#desk.events(this.#last, limit);
      if (replay !== this.#replay || !this.#client.open) return;
      for (const event of page) this.#replayed(event);
      more = page.length >= limit;
      if (more) await this.#client.drained();
      if (replay !== this.#replay) return;
    }
    if (this.#last === from && newest > from) this.#startOver(from, newest);
    const queued = this.#queue;
    this.#queue = null;
    for (const one of queued) this.#pass(one);
  }

  #replayed(event: LiveAlertEvent): void {
    if (event.number === null || event.number <= this.#last) return;
    if (event.number > this.#last + 1) this.#gap(this.#last, event.number);
    this.#pass({ event, frame: frameOf({ kind: 'alert', event }) });
  }

  #pass({ event, frame }: Queued): void {
    if (event.number !== null && event.number <= this.#last) return;
    if (event.number !== null) this.#last = event.number;
    this.#client.send(frame);
  }

  #gap(after: number, from: number): void {
    this.#client.send(frameOf({ kind: 'gap', after, from }));
  }
}
