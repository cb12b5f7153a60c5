/** PORT: the MQTT side of the hub. Embedded (aedes) now, an external broker later; both pass `conformance`. */
import type { UpwardKind } from '@muster/shared/wire/topics';

/** What a verified credential may do: speak for exactly these devices. */
export interface Grant {
  /** The agent's own device id (client id = user name). */
  agent: string;
  devices: ReadonlySet<string>;
}

/** One connection of one agent. */
export interface Link {
  readonly id: number;
  readonly grant: Grant;
  readonly remote: string;
  /** Keepalive that the client asked for, in s. */
  readonly keepalive_s: number;
}

/** `clean`: DISCONNECT was sent. `lost`: socket died, keepalive ran out. `taken_over`: the same id came again. `hub`: closed by us. */
export type CloseReason = 'clean' | 'lost' | 'keepalive' | 'taken_over' | 'hub';

export interface Received {
  device: string;
  kind: UpwardKind;
  payload: Uint8Array;
}

/** `ack`: PUBACK may leave (call it only after the commit). `close`: the connection ends without it. */
export type Outcome = 'ack' | 'close';

export interface BusHandlers {
  /** Looks the credential up; constant time; null = refused. */
  verify(user: string, password: Uint8Array): Grant | null;
  opened(link: Link): void;
  closed(link: Link, reason: CloseReason): void;
  /** Exactly one `done` per message; PUBACKs leave in order of arrival per link. */
  received(link: Link, message: Received, done: (outcome: Outcome) => void): void;
  /** Something refused: wrong key, foreign topic, oversize packet, … */
  refused(what: BusRefusal): void;
}

export interface BusRefusal {
  reason:
    | 'wrong_key'
    | 'foreign_topic'
    | 'foreign_subscription'
    | 'oversize'
    | 'malformed'
    | 'too_many_tries'
    | 'too_slow'
    | 'bad_will';
  /** As claimed, cut to 63 characters; null before CONNECT. */
  agent: string | null;
  remote: string;
  detail?: string;
}

export interface Bus {
  /** Opens the listeners; rejects with `bad_settings` naming the setting of a busy port. */
  start(): Promise<void>;
  stop(): Promise<void>;
  /** Publishes on the agent's command topic; false when it is not connected. */
  command(agent: string, payload: object): boolean;
  /** Ends every connection of an agent, as after a revocation. */
  disconnect(agent: string): void;
  /** The store is behind (true) or no longer: meanwhile nobody is read beyond what an agent keeps in flight. */
  press(full: boolean): void;
  addresses(): { mqtt?: string; mqtts?: string };
  counts(): BusCounts;
}

export interface BusCounts {
  connections: number;
  received: number;
  refused: Record<BusRefusal['reason'], number>;
}

/** A bus that has done nothing yet. */
export const noBusCounts = (): BusCounts => ({
  connections: 0,
  received: 0,
  refused: {
    wrong_key: 0,
    foreign_topic: 0,
    foreign_subscription: 0,
    oversize: 0,
    malformed: 0,
    too_many_tries: 0,
    too_slow: 0,
    bad_will: 0,
  },
});
