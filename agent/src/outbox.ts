import { bootIdFrom } from '@muster/shared/wire/codec';
import type { DeviceEvent } from '@muster/shared/wire/messages';
import type { Moment, Spool, SpoolRow } from './spool.js';

/** Gives rows and messages of this boot their identity: one counter for all of a device. */
export interface Outbox {
  readonly boot: string;
  /** Puts a row into the spool. */
  row(when: Moment, columns: string, values: (number | null)[]): SpoolRow;
  /** Puts a message into the spool. */
  message(ts: number, topic: 'rewards' | 'event', fields: object): void;
  /** An event that does not go through the spool. */
  farewell(ts: number): DeviceEvent;
}

export const createOutbox = (spool: Pick<Spool, 'add'>, device: string, random: Uint8Array): Outbox => {
  const boot = bootIdFrom(random);
  let seq = 0;
  return {
    boot,
    row({ ts, blind = false }, columns, values) {
      const row: SpoolRow = { kind: 'row', device, boot, seq: ++seq, ts, blind, columns, values: flatJson(values) };
      spool.add(row);
      return row;
    },
    message(ts, topic, fields) {
      const identity = { boot, seq: ++seq, ts };
      spool.add({ kind: 'message', device, topic, body: flatJson({ ...identity, ...fields }), ...identity });
    },
    farewell: (ts) => ({ boot, seq: ++seq, ts, event: 'stopping' }),
  };
};

/** JSON.stringify leaves a chain of pieces, which takes a fifth more for as long as it is kept (measured). */
const flatJson = (value: object): string => Buffer.from(JSON.stringify(value)).toString();
