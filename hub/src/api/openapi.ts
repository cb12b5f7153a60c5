import { ERROR_CODES, type ErrorCode } from '@muster/shared/errors';
import { toJsonSchema } from '@valibot/to-json-schema';
import type * as v from 'valibot';
import type { Json } from '../store/store.js';
import type { RouteDeclaration } from './route.js';
import { failure } from './shapes.js';

/** OpenAPI 3.1, derived from the declarations alone. */
export interface Document {
  openapi: '3.1.0';
  [field: string]: Json;
}
type JsonObject = { [key: string]: Json };

export const describeApi = (routes: readonly RouteDeclaration[], version: string): Document => ({
  openapi: '3.1.0',
  info: {
    title: 'Muster',
    version,
    description: 'The hub of Muster. Times are milliseconds since 1970 UTC; amounts are decimal strings in base units.',
  },
  servers: [{ url: '/' }],
  paths: pathsOf(routes),
  components: {
    schemas: { Failure: schemaOf(failure, 'output') },
    securitySchemes: {
      session: { type: 'apiKey', in: 'cookie', name: 'muster_session' },
      bearer: { type: 'http', scheme: 'bearer' },
    },
  },
});

const pathsOf = (routes: readonly RouteDeclaration[]): JsonObject => {
  const paths: Record<string, JsonObject> = {};
  for (const route of routes) {
    const path = route.path.replaceAll(/:(\w+)/g, '{$1}');
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: operationOf(route) };
  }
  return paths;
};

const operationOf = (route: RouteDeclaration): JsonObject => ({
  operationId: idOf(route),
  summary: route.summary,
  tags: [route.path.split('/')[3] ?? 'hub'],
  'x-role': route.role,
  security: route.role === 'open' ? [] : [{ session: [] }, { bearer: [] }],
  parameters: [...parametersOf(route.params, 'path'), ...parametersOf(route.query, 'query')],
  ...(route.body
    ? { requestBody: { required: true, content: { 'application/json': { schema: schemaOf(route.body, 'input') } } } }
    : {}),
  responses: { '200': { description: 'Done', content: contentOf(route) }, ...failuresOf(route) },
});

/** `get_devices_device_latest`: stable, and unique because method and path are. */
const idOf = ({ method, path }: RouteDeclaration): string =>
  [method.toLowerCase(), ...path.replace('/api/v1', '').split(/[/:]+/)]
    .filter(Boolean)
    .join('_')
    .replaceAll(/[^a-z_]/g, '_');

const contentOf = ({ content_type, reply }: RouteDeclaration): JsonObject =>
  content_type === undefined
    ? { 'application/json': { schema: schemaOf(reply, 'output') } }
    : { [content_type]: { schema: { type: 'string' } } };

type Entries = Record<string, v.GenericSchema & { wrapped?: v.GenericSchema; default?: unknown }>;

/** As text on the wire, described as what it must read as. */
const parametersOf = (schema: v.GenericSchema | undefined, where: 'path' | 'query'): JsonObject[] => {
  const { entries = {} } = (schema ?? {}) as { entries?: Entries };
  return Object.entries(entries).map(([name, entry]) => {
    const required = entry.type !== 'optional';
    const described = schemaOf(entry.wrapped ?? entry, 'output');
    const fallback = typeof entry.default === 'string' ? { default: asValue(entry.default, described) } : {};
    return { name, in: where, required, schema: { ...described, ...fallback } };
  });
};

const asValue = (text: string, { type }: JsonObject): Json => (type === 'integer' || type === 'number' ? Number(text) : text);

const failuresOf = (route: RouteDeclaration): JsonObject => {
  const codes: ErrorCode[] = [
    ...(route.params || route.query || route.body ? (['bad_request'] as const) : []),
    ...(route.role === 'open' ? [] : (['unauthorized', 'forbidden', 'needs_https'] as const)),
    ...(route.errors ?? []),
    'internal',
  ];
  const by_status: Record<string, string[]> = {};
  for (const code of new Set(codes)) {
    const { status } = ERROR_CODES[code];
    by_status[status] = [...(by_status[status] ?? []), code];
  }
  const content = { 'application/json': { schema: { $ref: '#/components/schemas/Failure' } } };
  return Object.fromEntries(
    Object.entries(by_status).map(([status, names]) => [status, { description: `Codes: ${names.join(', ')}`, content }]),
  );
};

const schemaOf = (schema: v.GenericSchema, typeMode: 'input' | 'output'): JsonObject => {
  const { $schema: _dialect, ...described } = toJsonSchema(schema, {
    target: 'draft-2020-12',
    typeMode,
    errorMode: 'ignore',
  });
  return described as JsonObject;
};
