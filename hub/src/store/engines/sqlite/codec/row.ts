/** Packed delta rows, for the journal and for the head: one packing serves both. */
export { newRowState, packRow, type RowState, restartRows } from './row-pack.js';
export { atKeyRow, newRowReader, type RowReader, unpackRow } from './row-unpack.js';
