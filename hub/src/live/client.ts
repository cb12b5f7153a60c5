import type { LiveMessage } from '@muster/shared/wire/live';
import type { WebSocket } from 'ws';
import type { Identity } from '../parts.js';
import { CLOSE, type LiveLimits } from './limits.js';

/** A frame, serialised once for all its readers. */
export type Frame = Buffer;
export const frameOf = (message: LiveMessage): Frame => Buffer.from(JSON.stringify(message));

/** One socket: what it listens to, and how far behind it is. A class: one per socket. */
export class LiveClient {
  readonly socket: WebSocket;
  readonly identity: Identity;
  readonly #limits: LiveLimits;
  channels: ReadonlySet<string> = new Set();
  /** Rises with every subscription: what an older one still wants to send is dropped. */
  generation = 0;
  /** Deltas were left out: the newest state follows when it has caught up. */
  stale = false;
  /** The last ping came back. */
  answered = true;
  #waiting: (() => void)[] = [];
  #behind_since: number | null = null;
  #subscribes: number;
  #subscribed_at: number;
  #mistakes = 0;

  constructor(socket: WebSocket, identity: Identity, { limits, now }: { limits: LiveLimits; now: number }) {
    this.socket = socket;
    this.identity = identity;
    this.#limits = limits;
    this.#subscribes = limits.subscribes;
    this.#subscribed_at = now;
  }

  get open(): boolean {
    return this.socket.readyState === this.socket.OPEN;
  }

  get behind(): boolean {
    return this.socket.bufferedAmount > this.#limits.behind_bytes;
  }

  /** A delta: left out while the client is behind, because the newest state will say more. */
  offer(frame: Frame): void {
    if (this.behind) this.stale = true;
    else this.send(frame);
  }

  /** What must not be left out. */
  send(frame: Frame): void {
    if (!this.open) return;
    if (this.socket.bufferedAmount > this.#limits.unsent_bytes) this.socket.terminate();
    else this.socket.send(frame, { binary: false });
  }

  /** Resolves when the client is no longer behind, or gone. */
  async drained(): Promise<void> {
    if (this.open && this.behind) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  /** Called at every tick; closes a client that has been behind for too long. True: it has caught up and lacks deltas. */
  watch(now: number): boolean {
    if (this.open && this.behind) {
      this.#behind_since ??= now;
      if (now - this.#behind_since >= this.#limits.behind_ms) this.socket.close(CLOSE.too_slow, 'too slow: come back and resume');
      return false;
    }
    this.#behind_since = null;
    this.release();
    return this.open && this.stale;
  }

  /** Lets go of whatever waits for this client. */
  release(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  maySubscribe(now: number): boolean {
    const { subscribes } = this.#limits;
    this.#subscribes = Math.min(subscribes, this.#subscribes + (now - this.#subscribed_at) / 1000) - 1;
    this.#subscribed_at = now;
    return this.#subscribes >= 0;
  }

  mistake(sentence: string): void {
    this.#mistakes += 1;
    if (this.#mistakes > this.#limits.mistakes) this.socket.close(CLOSE.mistakes, 'too many messages that make no sense');
    else this.send(frameOf({ kind: 'error', code: 'bad_request', message: sentence }));
  }
}
