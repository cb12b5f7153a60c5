/** Every bound of the bus, each with its reason. */
export interface BusLimits {
  /** Agents use 5 s; a phone link or an ESP32 may want more, nobody needs a dead connection for longer. */
  keepalive_max_s: number;
  /** From the TCP accept to a granted CONNECT. */
  connect_ms: number;
  /** A packet that has begun must end within this. */
  unfinished_ms: number;
  /** A CONNECT holds two ids, a key and a will of 100 bytes. */
  connect_bytes: number;
  /** The largest honest message is 200 kB. */
  packet_bytes: number;
  /** Per connection: catching up after a long outage must be possible, filling the hub must not. */
  burst_bytes: number;
  bytes_per_s: number;
  /** Messages that wait for their commit, per connection and over all (below what the store refuses at); beyond, the connection is not read. */
  held_messages: number;
  held_bytes: number;
  held_bytes_total: number;
  /** What a client does not read: commands beyond it are refused, and who leaves its PUBACKs unread is closed. */
  unread_bytes: number;
  /** Connections from one address; a farm behind one router is fine. */
  sockets_per_address: number;
  /** Simulator, proxies and local agents come from this host. */
  sockets_from_loopback: number;
  sockets: number;
  /** Failed logins: a burst, then this many per second; a key has 256 bits, so this bounds work and noise only. */
  tries_per_address: number;
  tries_per_address_per_s: number;
  tries_per_id: number;
  tries_per_id_per_s: number;
  /** Addresses and ids remembered; the oldest go. */
  tries_remembered: number;
}

export const BUS_LIMITS: BusLimits = {
  keepalive_max_s: 120,
  connect_ms: 5_000,
  unfinished_ms: 10_000,
  connect_bytes: 4_096,
  packet_bytes: 262_144,
  burst_bytes: 2_000_000,
  bytes_per_s: 1_000_000,
  held_messages: 1_000,
  held_bytes: 2_000_000,
  held_bytes_total: 48_000_000,
  unread_bytes: 256_000,
  sockets_per_address: 1_000,
  sockets_from_loopback: 16_000,
  sockets: 20_000,
  tries_per_address: 60,
  tries_per_address_per_s: 1,
  tries_per_id: 20,
  tries_per_id_per_s: 0.2,
  tries_remembered: 10_000,
};
