/** MQTT 3.1.1 packets as bytes. A report is written once per slot; from then on only its digits change. */
import { AGENT_VERSION } from '../sim/device.js';
import { SERIES } from '../sim/machine.js';

const text = (value: string): Buffer => {
  const bytes = Buffer.from(value);
  return Buffer.concat([Buffer.from([bytes.length >> 8, bytes.length & 255]), bytes]);
};

const packet = (first: number, ...parts: readonly Uint8Array[]): Buffer => {
  const body = Buffer.concat(parts);
  const length: number[] = [];
  for (let left = body.length; left > 0 || length.length === 0; left >>= 7) length.push((left & 127) | (left > 127 ? 128 : 0));
  return Buffer.concat([Buffer.from([first, ...length]), body]);
};

export const connectPacket = (id: string, key: string, keepalive_s: number): Buffer =>
  packet(0x10, text('MQTT'), Buffer.from([4, 0xc2, keepalive_s >> 8, keepalive_s & 255]), text(id), text(id), text(key));

const PUBLISH_QOS_1 = 0x32;
export const publishPacket = (topic: string, id: number, payload: string): Buffer =>
  packet(PUBLISH_QOS_1, text(topic), Buffer.from([id >> 8, id & 255]), Buffer.from(payload));

export const PING = Buffer.from([0xc0, 0]);

/** Seven and thirteen digits: the width of every `seq` and `ts` of a run. */
export const FIRST_SEQ = 1_000_000;
const SEQ_DIGITS = 7;
const TS_DIGITS = 13;

export interface ReportParts {
  topic: string;
  boot: string;
  columns: string;
  rows: number;
  packet_id: number;
  /** Texts of the values of a row. */
  values: readonly Buffer[];
}

const TAIL = Buffer.from(']}');
const HEADER = 4;

/** A PUBLISH of `rows` rows; a class, since there are as many as messages in flight. */
export class Report {
  readonly #bytes: Buffer;
  readonly #rows: number;
  readonly #body: number;
  readonly #values: readonly Buffer[];

  constructor({ topic, boot, columns, rows, packet_id, values }: ReportParts) {
    const id = Buffer.from([packet_id >> 8, packet_id & 255]);
    const head = Buffer.concat([text(topic), id, Buffer.from(`{"boot":"${boot}","columns":"${columns}","rows":[`)]);
    const longest = values.reduce((most, one) => Math.max(most, one.length), 0) + SEQ_DIGITS + TS_DIGITS + 5;
    this.#bytes = Buffer.alloc(HEADER + head.length + rows * longest + TAIL.length);
    head.copy(this.#bytes, HEADER);
    this.#body = HEADER + head.length;
    this.#rows = rows;
    this.#values = values;
  }

  /** `turn` picks the values; rows rise by one in `seq` and by `step_ms` in `ts`. */
  fill({ seq, ts, step_ms, turn }: { seq: number; ts: number; step_ms: number; turn: number }): Buffer {
    const bytes = this.#bytes;
    let at = this.#body;
    for (let row = 0; row < this.#rows; row++) {
      bytes[at++] = row === 0 ? OPEN : COMMA;
      if (row > 0) bytes[at++] = OPEN;
      at = digits(bytes, at, SEQ_DIGITS, seq + row);
      bytes[at++] = COMMA;
      at = digits(bytes, at, TS_DIGITS, ts + row * step_ms);
      bytes[at++] = COMMA;
      at += this.#values[(turn + row) % this.#values.length]?.copy(bytes, at) ?? 0;
      bytes[at++] = CLOSE;
    }
    at += TAIL.copy(bytes, at);
    return bytes.subarray(headed(bytes, at - HEADER), at);
  }
}

const OPEN = 0x5b;
const CLOSE = 0x5d;
const COMMA = 0x2c;

/** Writes the fixed header before the body; answers where it begins. */
const headed = (bytes: Buffer, length: number): number => {
  const wide = length > 16_383;
  const at = wide ? 0 : 1;
  bytes[at] = PUBLISH_QOS_1;
  bytes[at + 1] = (length & 127) | 128;
  bytes[at + 2] = ((length >> 7) & 127) | (wide ? 128 : 0);
  if (wide) bytes[at + 3] = length >> 14;
  return at;
};

const digits = (bytes: Buffer, at: number, count: number, value: number): number => {
  let left = value;
  for (let i = at + count - 1; i >= at; i--) {
    const next = Math.floor(left / 10);
    bytes[i] = 48 + left - next * 10;
    left = next;
  }
  return at + count;
};

/** Declarations of the simulated machine, as a birth carries them. */
export const METRICS = [...new Map(SERIES.map(([key, declaration]) => [key.split('{')[0] ?? key, declaration]))].map(
  ([id, declaration]) => ({ id, ...declaration }),
);

export const birthText = (columns: { id: string; list: readonly string[] }, boot: string, interval_ms: number): string =>
  JSON.stringify({
    boot,
    session: 1,
    agent_version: AGENT_VERSION,
    interval_ms,
    about: { model: 'GPU node', os: 'Simulated', arch: 'sim64' },
    metrics: METRICS,
    columns: [columns],
  });
