import * as v from 'valibot';
import type { Reader } from '../../store/store.js';
import { device, limit, wholeText } from '../fields.js';
import { defineRoute } from '../route.js';
import { list, record } from '../shapes.js';

/** Newest first; `after` goes on behind (before in time) the record with that number. */
const query = v.object({
  limit,
  after: v.optional(wholeText(1, Number.MAX_SAFE_INTEGER)),
  device: v.optional(device),
});

type Query = v.InferOutput<typeof query>;

const read = async (reader: Reader, log: 'audit' | 'quarantine', { limit, after = 0, device }: Query) => {
  const records = await reader.log({ log, after, limit, newest: true, ...(device === undefined ? {} : { device }) });
  const items = records.map(({ value, ...record }) => ({ ...(value as object), ...record }));
  const last = items.at(-1);
  return items.length === limit && last && last.number > 1 ? { items, next: String(last.number) } : { items };
};

export const listQuarantine = defineRoute({
  method: 'GET',
  path: '/api/v1/quarantine',
  role: 'viewer',
  summary: 'Messages that could not be stored, and why',
  query,
  reply: list(record),
  handle: ({ query, parts }) => read(parts.reader, 'quarantine', query),
});

export const listAudit = defineRoute({
  method: 'GET',
  path: '/api/v1/audit',
  role: 'admin',
  summary: 'Who did what to which',
  query,
  reply: list(record),
  handle: ({ query, parts }) => read(parts.reader, 'audit', query),
});
