import { type ByteSource, takeSigned, takeVarint } from './bytes.js';
import { damaged } from './damage.js';
import * as format from './row-format.js';
import { FACTORS, NO_SCALE } from './row-scale.js';

const { GONE, OTHER, SAME, SCALE_MASK, STEP_1 } = format;

/** What the unpacker of one (device, list) remembers between rows. */
export interface RowReader extends format.RowMemory {}

export const newRowReader = (columns: number): RowReader => format.newMemory(columns);

/** Is the next row of the source readable without those before it? */
export const atKeyRow = (source: ByteSource): boolean => source.at < source.end && source.bytes[source.at] === format.KEY_HEAD;

/**
 * Reads one row into `into` (NaN: missing) and answers its ts. A row whose key row this reader has not seen is
 * passed over: the answer is NaN, and so is every value. Throws AppError `damaged`.
 */
export const unpackRow = (reader: RowReader, source: ByteSource, into: Float64Array): number => {
  const ts = takeHead(reader, source);
  const { columns, values: last, scales, keyed } = reader;
  const { bytes, end } = source;
  let codeAt = source.at;
  source.at += format.codeBytes(columns);
  if (source.at > end) throw damaged('a packed row is cut short');
  let code = 0;
  for (let i = 0; i < columns; i++) {
    code = (i & 3) === 0 ? (bytes[codeAt++] as number) : code >> 2;
    const kind = code & 3;
    if (!keyed) {
      passOver(source, kind);
      into[i] = Number.NaN;
    } else if (kind === SAME) into[i] = (scales[i] as number) < GONE ? (last[i] as number) : Number.NaN;
    else into[i] = kind === OTHER ? takeOther(reader, i, source) : moved(reader, i, takeNumber(source, kind));
  }
  return ts;
};

const takeHead = (reader: RowReader, source: ByteSource): number => {
  const { times } = reader;
  const head = takeVarint(source);
  if (head === format.KEY_HEAD) {
    times[0] = takeSigned(source);
    times[1] = 0;
    reader.scales.fill(GONE | NO_SCALE);
    reader.keyed = true;
  } else {
    times[1] = (times[1] as number) + signed(head - 1);
    times[0] = (times[0] as number) + times[1];
  }
  return reader.keyed ? (times[0] as number) : Number.NaN;
};

const signed = (zigzag: number): number => (zigzag % 2 === 0 ? zigzag / 2 : -(zigzag + 1) / 2);

/** The last mantissa and its move, as a value. */
const moved = (reader: RowReader, i: number, zigzag: number): number => {
  const { values: last, scales } = reader;
  const scale = (scales[i] as number) & SCALE_MASK;
  if (scale === NO_SCALE) throw damaged('a packed row moves a value that is not there');
  const factor = FACTORS[scale] as number;
  const value = (Math.round((last[i] as number) * factor) + signed(zigzag)) / factor;
  last[i] = value;
  scales[i] = scale;
  return value;
};

const takeOther = (reader: RowReader, i: number, source: ByteSource): number => {
  const { values: last, scales } = reader;
  const kind = takeNumber(source, 1);
  if (kind === format.MISSING) {
    scales[i] = (scales[i] as number) | GONE;
    return Number.NaN;
  }
  const size = sizeOf(kind);
  if (kind <= format.LONGEST_MOVE) return moved(reader, i, takeNumber(source, size));
  const scale = kind === format.DOUBLE ? NO_SCALE : Math.floor((kind - format.ANEW) / format.MANTISSA_SIZES);
  const value = kind === format.DOUBLE ? takeDouble(source) : signed(takeNumber(source, size)) / (FACTORS[scale] as number);
  last[i] = value;
  scales[i] = scale;
  return value;
};

/** How many bytes follow the byte `kind`. */
const sizeOf = (kind: number): number => {
  if (kind === format.MISSING || (kind >= format.SHORTEST_MOVE && kind <= format.DOUBLE)) return kind;
  if (kind < format.ANEW || kind > format.LAST_KIND) throw damaged('a packed row holds an unknown kind of value');
  return ((kind - format.ANEW) % format.MANTISSA_SIZES) + 1;
};

const passOver = (source: ByteSource, kind: number): void => {
  if (kind === SAME) return;
  const size = kind === OTHER ? sizeOf(takeNumber(source, 1)) : kind;
  source.at += size;
  if (source.at > source.end) throw damaged('a packed row is cut short');
};

/** The lowest byte first, at most seven. */
const takeNumber = (source: ByteSource, size: number): number => {
  const { bytes, at, end } = source;
  if (at + size > end) throw damaged('a packed row is cut short');
  source.at = at + size;
  if (size === STEP_1) return bytes[at] as number;
  let value = 0;
  for (let i = at + size - 1; i >= at; i--) value = value * 0x100 + (bytes[i] as number);
  return value;
};

const takeDouble = (source: ByteSource): number => {
  const { bytes, at, end } = source;
  if (at + 8 > end) throw damaged('a packed row is cut short');
  source.at = at + 8;
  return new DataView(bytes.buffer, bytes.byteOffset + at, 8).getFloat64(0, true);
};
