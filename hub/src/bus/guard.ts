import type { Duplex } from 'node:stream';
import type { BusRefusal } from './bus.js';
import type { Lane } from './lane.js';
import type { BusLimits } from './limits.js';
import { PacketScanner } from './scanner.js';

/** Stands between a socket and the broker, which pulls with `read`: sizes, deadlines, byte rate and held messages (broker-traps §3). */
export interface GuardNeeds {
  limits: BusLimits;
  /** Monotonic, ms. */
  now: () => number;
  /** Bytes that wait for a commit, over all connections; `full`: the store is behind. */
  held: { bytes: number; full: boolean };
  /** Asks for `check` to be called now and then, until it answers false. */
  watch: (guard: Guard) => void;
}

export interface GuardOwner {
  /** Something wrong was read: the connection ends. */
  refuse(reason: BusRefusal['reason'], detail: string): void;
}

/** An agent keeps a live report and a back-fill in flight: who holds no more than this is read on, pings must be answered. */
const HONEST_MESSAGES = 2;
const HONEST_BYTES = 16_000;

/** A class: one per connection, on the hot path. */
export class Guard {
  /** Monotonic: when bytes arrived last. */
  heard: number;
  /** Set once the connection may report. */
  lane: Lane | null = null;
  readonly #conn: Duplex;
  readonly #needs: GuardNeeds;
  readonly #owner: GuardOwner;
  readonly #scanner: PacketScanner;
  readonly #read: (size?: number) => Buffer | null;
  #tokens: number;
  #refilled: number;
  #held_messages = 0;
  #held_bytes = 0;
  #unfinished_since = 0;
  #paused = false;
  #pumping = false;
  #over = false;

  constructor(conn: Duplex, needs: GuardNeeds, owner: GuardOwner) {
    this.#conn = conn;
    this.#owner = owner;
    this.#needs = needs;
    this.#scanner = new PacketScanner(needs.limits);
    this.#tokens = needs.limits.burst_bytes;
    this.#refilled = needs.now();
    this.heard = this.#refilled;
    this.#read = conn.read.bind(conn);
    conn.read = (size) => this.#pull(size);
  }

  /** DISCONNECT was read: the client left by its own will. */
  get goodbye(): boolean {
    return this.#scanner.goodbye;
  }

  /** Nothing is read from it: its silence is our doing. */
  get paused(): boolean {
    return this.#paused;
  }

  /** A message waits for its commit. */
  hold(bytes: number): void {
    this.#held_messages += 1;
    this.#held_bytes += bytes;
    this.#needs.held.bytes += bytes;
  }

  release(bytes: number): void {
    if (this.#over) return;
    this.#held_messages -= 1;
    this.#held_bytes -= bytes;
    this.#needs.held.bytes -= bytes;
  }

  /** Reads on where a pause was the reason not to; called after `release` has sent its PUBACK. */
  resume(): void {
    if (!this.#paused || this.#mustPause()) return;
    this.#paused = false;
    this.#unfinished_since = this.#needs.now();
    this.#conn.emit('readable');
  }

  /**
   * The broker skips a `readable` while messages are held, pings included, and is not told again (broker-traps rule 2).
   * Each further `readable` takes one off its count, so as many as are held make it read; our own caps hold instead of its.
   */
  pump(): void {
    if (this.#pumping || this.#over) return;
    this.#pumping = true;
    for (let left = this.#held_messages; left > 0 && this.#conn.readableLength > 0 && !this.#paused; left--)
      this.#conn.emit('readable');
    this.#pumping = false;
  }

  /** Deadline of an unfinished packet, end of a pause; false when there is nothing left to watch. */
  check(): boolean {
    if (this.#over) return false;
    this.resume();
    if (this.#paused) return true;
    if (!this.#scanner.unfinished) return false;
    const { limits, now } = this.#needs;
    if (now() - this.#unfinished_since < limits.unfinished_ms) return true;
    this.#owner.refuse('too_slow', 'a packet was not finished in time');
    return false;
  }

  /** The connection is over: what it held is given back. */
  dispose(): void {
    if (this.#over) return;
    this.#over = true;
    this.#needs.held.bytes -= this.#held_bytes;
  }

  #pull(size: number | undefined): Buffer | null {
    if (size === 0 || this.#over) return this.#read(size);
    if (this.#mustPause()) {
      this.#paused = true;
      this.#needs.watch(this);
      return null;
    }
    const chunk = this.#read(size);
    if (chunk === null) return null;
    this.heard = this.#needs.now();
    this.#tokens -= chunk.length;
    const rest = this.lane && !this.#scanner.unfinished ? chunk.subarray(this.lane.take(chunk)) : chunk;
    return rest.length > 0 && this.#passes(rest) ? rest : null;
  }

  #passes(chunk: Buffer): boolean {
    const before = this.#scanner.packets;
    const wrong = this.#scanner.scan(chunk);
    if (wrong) {
      this.#owner.refuse(wrong.reason, wrong.detail);
      return false;
    }
    if (this.#scanner.unfinished) this.#began(before);
    return true;
  }

  #began(before: number): void {
    if (this.#scanner.packets !== before) this.#unfinished_since = this.#needs.now();
    this.#needs.watch(this);
  }

  #mustPause(): boolean {
    const { limits, held } = this.#needs;
    if (this.#held_messages >= limits.held_messages || this.#held_bytes >= limits.held_bytes) return true;
    if (this.#held_messages > 0 && held.bytes >= limits.held_bytes_total) return true;
    if (held.full && (this.#held_messages > HONEST_MESSAGES || this.#held_bytes > HONEST_BYTES)) return true;
    return this.#tokens <= 0 && !this.#refill();
  }

  /** Only when the bucket is empty: the clock is not asked for every read. */
  #refill(): boolean {
    const { limits, now } = this.#needs;
    const at = now();
    const gained = ((at - this.#refilled) / 1000) * limits.bytes_per_s;
    this.#refilled = at;
    this.#tokens = Math.min(limits.burst_bytes, this.#tokens + gained);
    return this.#tokens > 0;
  }
}
