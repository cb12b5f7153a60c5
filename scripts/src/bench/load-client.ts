/** One connection of the load generator: as little work as sending a report and counting its PUBACK allows. */
import { connect, type Socket } from 'node:net';
import { birthText, connectPacket, FIRST_SEQ, PING, publishPacket, Report } from './packets.js';

/** What all connections of a run share. */
export interface LoadShared {
  host: string;
  port: number;
  keepalive_s: number;
  interval_ms: number;
  boot: string;
  columns: { id: string; list: readonly string[] };
  values: readonly Buffer[];
  /** Bytes that arrive pass through here: nothing is allocated per read. */
  inbox: Uint8Array;
  acknowledged(rows: number, took_ms: number): void;
  /** A connection that had been opened has ended. */
  lost(): void;
}

export interface Mode {
  /** PUBLISHes in flight that are topped up at every PUBACK; 0: `send` is called from outside. */
  window: number;
  rows: number;
  /** Time stamps begin so long ago and rise by `step_ms` a row, as in a back-fill; 0: now. */
  ago_ms: number;
  step_ms: number;
}

const CONNACK = 0x20;
const PUBACK = 0x40;
const BIRTH_ID = 1;
const TRIES = 5;
const RETRY_MS = 1_000;

/** A class: one per connection, thousands of them. */
export class LoadClient {
  last_sent = 0;
  #socket: Socket | null = null;
  #reports: Report[] = [];
  #sent_at: Float64Array = new Float64Array(0);
  #free: number[] = [];
  #mode: Mode = { window: 0, rows: 1, ago_ms: 0, step_ms: 0 };
  #seq = FIRST_SEQ;
  #ts = 0;
  #born: (() => void) | null = null;
  #opened = false;
  #rest = Buffer.alloc(0);
  readonly #shared: LoadShared;
  readonly #id: string;
  readonly #key: string;

  constructor(shared: LoadShared, { id, key }: { id: string; key: string }) {
    this.#shared = shared;
    this.#id = id;
    this.#key = key;
  }

  /** Resolves once the birth is acknowledged; a busy hub may miss its own login deadline, so it is tried again, as agents do. */
  async open(): Promise<void> {
    for (let left = TRIES; ; left--) {
      try {
        return await this.#open();
      } catch (error) {
        if (left <= 1) throw error;
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      }
    }
  }

  #open(): Promise<void> {
    const { host, port, inbox, keepalive_s, lost } = this.#shared;
    return new Promise((resolve, reject) => {
      this.#born = () => {
        this.#opened = true;
        resolve();
      };
      const callback = (length: number, bytes: Uint8Array) => {
        this.#hear(bytes, length);
        return true;
      };
      const socket = connect({ host, port, noDelay: true, onread: { buffer: inbox, callback } });
      socket.on('connect', () => this.#write(connectPacket(this.#id, this.#key, keepalive_s)));
      socket.on('error', (error) => reject(error));
      socket.on('close', () => {
        this.#socket = null;
        if (this.#opened) lost();
        reject(new Error(`${this.#id}: closed before its birth was acknowledged`));
      });
      this.#socket = socket;
    });
  }

  /** From now on; what is in flight is counted when it comes back. */
  run(mode: Mode): void {
    const slots = Math.max(mode.window, 4);
    const { columns, boot, values } = this.#shared;
    const topic = `muster/v1/${this.#id}/report`;
    this.#mode = mode;
    if (this.#reports.length < slots || mode.rows > 1) {
      const parts = { topic, boot, columns: columns.id, rows: mode.rows, values };
      this.#reports = Array.from({ length: slots }, (_, slot) => new Report({ ...parts, packet_id: slot + 2 }));
      this.#sent_at = new Float64Array(slots);
      this.#free = Array.from({ length: slots }, (_, slot) => slot);
      this.#ts = mode.ago_ms ? Date.now() - mode.ago_ms : 0;
    }
    this.#topUp();
  }

  /** Ends the topping up; resolves nothing, the caller looks at `idle`. */
  pause(): void {
    this.#mode = { ...this.#mode, window: 0 };
  }

  get idle(): boolean {
    return this.#free.length === this.#reports.length;
  }

  /** One report; false when too many are in flight. */
  send(): boolean {
    const slot = this.#free.pop();
    const report = slot === undefined ? undefined : this.#reports[slot];
    if (slot === undefined || !report) return false;
    const { rows, ago_ms, step_ms } = this.#mode;
    const ts = ago_ms ? this.#ts : Math.max(this.#ts, Date.now());
    this.#sent_at[slot] = performance.now();
    this.#write(report.fill({ seq: this.#seq + 1, ts, step_ms, turn: this.#seq }));
    this.#seq += rows;
    this.#ts = ts + (ago_ms ? rows * step_ms : 1);
    return true;
  }

  /** Keeps an idle connection open. */
  ping(now: number): void {
    if (now - this.last_sent >= this.#shared.keepalive_s * 1_000) this.#write(PING);
  }

  end(): void {
    this.#socket?.destroy();
  }

  #write(bytes: Buffer): void {
    this.last_sent = performance.now();
    this.#socket?.write(bytes);
  }

  #topUp(): void {
    const open = this.#mode.window - (this.#reports.length - this.#free.length);
    if (open > 1) this.#socket?.cork();
    for (let left = open; left > 0; left--) this.send();
    if (open > 1) this.#socket?.uncork();
  }

  #hear(inbox: Uint8Array, length: number): void {
    const bytes = this.#rest.length ? Buffer.concat([this.#rest, inbox.subarray(0, length)]) : inbox.subarray(0, length);
    let at = 0;
    for (let end = packetEnd(bytes, at); end > 0; end = packetEnd(bytes, at)) {
      this.#take(bytes, at);
      at = end;
    }
    this.#rest = at < bytes.length ? Buffer.from(bytes.subarray(at)) : EMPTY;
    if (this.#mode.window) this.#topUp();
  }

  /** All answers to a client that subscribes to nothing are short. */
  #take(bytes: Uint8Array, at: number): void {
    const kind = bytes[at] ?? 0;
    if (kind === CONNACK) this.#welcomed(bytes[at + 3] ?? 255);
    else if (kind === PUBACK) this.#acknowledged(((bytes[at + 2] ?? 0) << 8) | (bytes[at + 3] ?? 0));
  }

  #welcomed(code: number): void {
    if (code !== 0) {
      this.#socket?.destroy(new Error(`${this.#id}: refused with code ${code}`));
      return;
    }
    const { columns, boot, interval_ms } = this.#shared;
    this.#write(publishPacket(`muster/v1/${this.#id}/birth`, BIRTH_ID, birthText(columns, boot, interval_ms)));
  }

  #acknowledged(id: number): void {
    if (id === BIRTH_ID) {
      this.#born?.();
      return;
    }
    const slot = id - 2;
    this.#free.push(slot);
    this.#shared.acknowledged(this.#mode.rows, performance.now() - (this.#sent_at[slot] ?? 0));
  }
}

const EMPTY = Buffer.alloc(0);

/** Where the packet at `at` ends; 0 while it is incomplete. */
const packetEnd = (bytes: Uint8Array, at: number): number => {
  const left = bytes.length - at;
  const end = at + 2 + (bytes[at + 1] ?? 0);
  return left >= 2 && end <= bytes.length ? end : 0;
};
