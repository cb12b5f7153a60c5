import * as v from 'valibot';
import type { Reader } from '../../store/store.js';
import { device, limit, wholeText } from '../fields.js';
import { defineRoute } from '../route.js';
import { list, record } from '../shapes.js';

/** Newest first; with `after`, what came behind that number, rising: a follower asks so. */
const query = v.object({ limit, after: v.optional(wholeText(0, Number.MAX_SAFE_INTEGER)), device: v.optional(device) });

type Query = v.InferOutput<typeof query>;

const read = async (reader: Reader, log: 'audit' | 'quarantine', { limit, after, device }: Query) => {
  const newest = after === undefined;
  const items = await reader.log({ log, after: after ?? 0, limit, newest, ...(device === undefined ? {} : { device }) });
  const last = items.at(-1);
  return !newest && items.length === limit && last ? { items, next: String(last.number) } : { items };
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
