/** Follows MQTT packet borders through a byte stream without keeping a byte: the lengths are judged before a parser buffers them. */
export interface Violation {
  reason: 'malformed' | 'oversize';
  detail: string;
}

const CONNECT = 1;
const DISCONNECT = 14;
/** What a client may send, by packet type: not CONNACK, SUBACK, UNSUBACK, PINGRESP, nor the reserved 0 and 15. */
const FROM_CLIENT = new Set([1, 3, 4, 5, 6, 7, 8, 10, 12, 14]);

/** A class: one per connection, on the hot path. */
export class PacketScanner {
  readonly #connect_bytes: number;
  readonly #packet_bytes: number;
  /** Type of the packet whose header is being read; -1 between packets. */
  #type = -1;
  #length = 0;
  #factor = 1;
  #left = 0;
  /** Packets that have begun. */
  packets = 0;
  /** DISCONNECT has passed. */
  goodbye = false;

  constructor(limits: { connect_bytes: number; packet_bytes: number }) {
    this.#connect_bytes = limits.connect_bytes;
    this.#packet_bytes = limits.packet_bytes;
  }

  /** The stream stands within a packet. */
  get unfinished(): boolean {
    return this.#type >= 0 || this.#left > 0;
  }

  scan(chunk: Uint8Array): Violation | null {
    let at = 0;
    while (at < chunk.length) {
      if (this.#left > 0) {
        const step = Math.min(this.#left, chunk.length - at);
        this.#left -= step;
        at += step;
      } else {
        const wrong = this.#header(chunk[at] ?? 0);
        if (wrong) return wrong;
        at += 1;
      }
    }
    return null;
  }

  #header(byte: number): Violation | null {
    if (this.#type < 0) return this.#begin(byte);
    this.#length += (byte & 0x7f) * this.#factor;
    this.#factor *= 128;
    if (byte < 0x80) return this.#body();
    return this.#factor > 128 ** 3 ? { reason: 'malformed', detail: 'a length of more than four bytes' } : null;
  }

  #begin(byte: number): Violation | null {
    const type = byte >> 4;
    if (this.packets === 0 && byte !== CONNECT << 4) return { reason: 'malformed', detail: 'the first packet is not CONNECT' };
    if (!FROM_CLIENT.has(type)) return { reason: 'malformed', detail: `packet type ${type} is not for clients` };
    this.#type = type;
    this.#length = 0;
    this.#factor = 1;
    this.packets += 1;
    return null;
  }

  #body(): Violation | null {
    const limit = this.#type === CONNECT ? this.#connect_bytes : this.#packet_bytes;
    if (this.#length > limit)
      return { reason: 'oversize', detail: `a packet of ${this.#length} bytes; at most ${limit} are allowed` };
    if (this.#type === DISCONNECT) this.goodbye = true;
    this.#type = -1;
    this.#left = this.#length;
    return null;
  }
}
