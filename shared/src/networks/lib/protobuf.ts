import { AppError } from '../../errors.js';

/** Reads flat protobuf messages: field number → its last value. Absent means the default of its type. */
export type ProtobufFields = ReadonlyMap<number, bigint | Uint8Array>;

interface Cursor {
  bytes: Uint8Array;
  at: number;
}

/** Throws `bad_reply` on what is no protobuf message. */
export const readProtobuf = (bytes: Uint8Array): ProtobufFields => {
  const cursor = { bytes, at: 0 };
  const fields = new Map<number, bigint | Uint8Array>();
  while (cursor.at < bytes.length) {
    const tag = readVarint(cursor);
    fields.set(Number(tag >> 3n), readValue(cursor, Number(tag & 7n)));
  }
  return fields;
};

const readValue = (cursor: Cursor, type: number): bigint | Uint8Array => {
  if (type === 0) return readVarint(cursor);
  if (type === 1) return take(cursor, 8);
  if (type === 2) return take(cursor, Number(readVarint(cursor)));
  if (type === 5) return take(cursor, 4);
  throw wrong(`wire type ${type}`);
};

const readVarint = (cursor: Cursor): bigint => {
  let value = 0n;
  for (let shift = 0n; shift < 70n; shift += 7n) {
    const byte = cursor.bytes[cursor.at++];
    if (byte === undefined) throw wrong('its end in the middle of a number');
    value |= BigInt(byte & 0x7f) << shift;
    if (byte < 0x80) return BigInt.asUintN(64, value);
  }
  throw wrong('a number of more than ten bytes');
};

const take = (cursor: Cursor, length: number): Uint8Array => {
  const end = cursor.at + length;
  if (end > cursor.bytes.length) throw wrong('its end in the middle of a field');
  const part = cursor.bytes.subarray(cursor.at, end);
  cursor.at = end;
  return part;
};

const wrong = (what: string): AppError => new AppError('bad_reply', `The reply is not the protobuf message expected: ${what}`);

export const bytesField = (fields: ProtobufFields, field: number): Uint8Array | null => {
  const value = fields.get(field);
  return value instanceof Uint8Array ? value : null;
};

/** An int32 or enum; 0 where absent. */
export const numberField = (fields: ProtobufFields, field: number): number => {
  const value = fields.get(field);
  return typeof value === 'bigint' ? Number(BigInt.asIntN(32, value)) : 0;
};

export const flagField = (fields: ProtobufFields, field: number): boolean => numberField(fields, field) !== 0;
