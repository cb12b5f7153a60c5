import type { Duplex } from 'node:stream';
import type { Client } from 'aedes';
import type { BusRefusal, CloseReason, Grant, Link, Outcome } from './bus.js';
import type { ConnectVerdict } from './gate.js';
import { Guard, type GuardNeeds, type GuardOwner } from './guard.js';
import type { LaneOwner } from './lane.js';

interface Waiting {
  bytes: number;
  settled: boolean;
  /** The packet whose PUBACK we write ourselves, or how the broker is told. */
  acknowledge: number | (() => void);
}

export interface SessionNeeds extends GuardNeeds {
  /** A report on the agent's own topic, past the broker. */
  takeReport: (session: Session, report: { packet_id: number; payload: Buffer }) => void;
  /** Asks for one `flush` after the present task. */
  flushLater: (session: Session) => void;
  refused: (session: Session, reason: BusRefusal['reason'], detail: string) => void;
}

const PUBACK = 0x40;
const PINGRESP = '\xd0\x00';

/** One connection, from the accept to its end. A class: one per connection, on the hot path. */
export class Session implements LaneOwner, GuardOwner {
  readonly conn: Duplex;
  readonly remote: string;
  readonly since: number;
  readonly guard: Guard;
  readonly #needs: SessionNeeds;
  /** The broker's side of it. */
  client: Client | null = null;
  /** As claimed by CONNECT. */
  claimed: string | null = null;
  keepalive_s = 0;
  verdict: ConnectVerdict | null = null;
  grant: Grant | null = null;
  /** Set once the CONNECT is granted and registered. */
  link: Link | null = null;
  /** Subscribed to its command topic. */
  listens = false;
  reason: CloseReason | null = null;
  /** `closed` was told, or the socket is gone: nothing may be told or acknowledged any more. */
  over = false;
  blamed = false;
  readonly #waiting: Waiting[] = [];
  /** PUBACKs to be written, as latin1: both messages of a usual commit leave in one write. */
  #unsent = '';

  constructor(conn: Duplex, remote: string, needs: SessionNeeds) {
    this.conn = conn;
    this.remote = remote;
    this.#needs = needs;
    this.since = needs.now();
    this.guard = new Guard(conn, needs, this);
  }

  /** Counted and reported, once for a connection: a hostile one shall not fill the log. */
  blame(reason: BusRefusal['reason'], detail: string): void {
    if (!this.blamed) this.#needs.refused(this, reason, detail);
    this.blamed = true;
  }

  refuse(reason: BusRefusal['reason'], detail: string): void {
    this.blame(reason, detail);
    this.end('hub');
  }

  /** `acknowledge` is called once, after every message before this one was acknowledged, and never on a dead connection. */
  hold(bytes: number, acknowledge: Waiting['acknowledge']): (outcome: Outcome) => void {
    const entry: Waiting = { bytes, settled: false, acknowledge };
    this.#waiting.push(entry);
    this.guard.hold(bytes);
    return (outcome) => this.#settle(entry, outcome);
  }

  #settle(entry: Waiting, outcome: Outcome): void {
    if (entry.settled) return;
    entry.settled = true;
    this.guard.release(entry.bytes);
    if (this.over) return;
    if (outcome === 'close') this.end('hub');
    else this.#acknowledge();
  }

  #acknowledge(): void {
    for (let first = this.#waiting[0]; first?.settled && !this.over; first = this.#waiting[0]) {
      this.#waiting.shift();
      if (typeof first.acknowledge === 'number') this.#puback(first.acknowledge);
      else {
        this.flush();
        first.acknowledge();
      }
    }
    if (!this.over) this.guard.resume();
  }

  #puback(id: number): void {
    if (this.#unsent === '') this.#needs.flushLater(this);
    this.#unsent += String.fromCharCode(PUBACK, 2, id >> 8, id & 255);
  }

  report(packet_id: number, payload: Buffer): void {
    this.#needs.takeReport(this, { packet_id, payload });
  }

  ping(): void {
    this.flush();
    this.#write(PINGRESP);
  }

  /** Writes the PUBACKs that wait. */
  flush(): void {
    const bytes = this.#unsent;
    this.#unsent = '';
    if (bytes !== '') this.#write(bytes);
  }

  #write(bytes: string): void {
    if (this.ended) return;
    this.conn.write(bytes, 'latin1');
    if (this.conn.writableLength > this.#needs.limits.unread_bytes)
      this.refuse('too_slow', 'it does not read its acknowledgements');
  }

  get ended(): boolean {
    return this.over || this.conn.destroyed;
  }

  /** The first reason holds. */
  end(reason: CloseReason): void {
    this.reason ??= reason;
    this.conn.destroy();
  }

  /** The connection is gone; what waited for a commit gets no answer, the agent sends it again. */
  dispose(): void {
    this.over = true;
    this.#waiting.length = 0;
    this.guard.dispose();
  }
}
