import { Readable } from 'node:stream';
import { AppError } from '@muster/shared/errors';
import * as v from 'valibot';
import { describeApi } from '../openapi.js';
import { defineRoute, type RouteDeclaration } from '../route.js';

export const readHealth = defineRoute({
  method: 'GET',
  path: '/healthz',
  role: 'open',
  plain: true,
  summary: 'Whether the hub takes reports; says nothing else',
  reply: v.object({ status: v.literal('ok') }),
  errors: ['storage'],
  async handle({ parts }) {
    if (!parts.self().store_healthy) throw new AppError('storage', 'The hub cannot store anything at the moment');
    return { status: 'ok' as const };
  },
});

/** What the hub keeps, and how large it will be. */
export const readStore = defineRoute({
  method: 'GET',
  path: '/api/v1/store',
  role: 'viewer',
  summary: 'Size of the store in bytes, what it holds, and its size to come if every day goes on like the last one',
  reply: v.object({
    version: v.string(),
    healthy: v.boolean(),
    bytes: v.number(),
    rows: v.number(),
    samples: v.number(),
    damaged: v.number(),
    fault: v.nullable(v.string()),
    /** Null until devices have reported for some hours. */
    forecast: v.nullable(
      v.object({
        per_day: v.object({ raw: v.number(), five: v.number(), hour: v.number() }),
        after: v.array(v.object({ days: v.number(), bytes: v.number() })),
      }),
    ),
  }),
  async handle({ parts }) {
    const { version, store_healthy: healthy } = parts.self();
    const { bytes, rows, samples, damaged = 0, fault = null, forecast = null } = await parts.reader.stats();
    return { version, healthy, bytes, rows, samples, damaged, fault, forecast };
  },
});

export const createMetrics = (metrics: () => AsyncIterable<string>) =>
  defineRoute({
    method: 'GET',
    path: '/metrics',
    role: 'viewer',
    summary: 'The hub and the newest values of the fleet as Prometheus text',
    content_type: 'text/plain; version=0.0.4; charset=utf-8',
    reply: v.instance(Readable),
    handle: async () => Readable.from(metrics(), { objectMode: false }),
  });

export const createDocument = (routes: () => readonly RouteDeclaration[]) =>
  defineRoute({
    method: 'GET',
    path: '/api/v1/openapi.json',
    role: 'viewer',
    summary: 'This API as OpenAPI 3.1',
    reply: v.looseObject({ openapi: v.literal('3.1.0') }),
    handle: async ({ parts }) => describeApi(routes(), parts.self().version),
  });
