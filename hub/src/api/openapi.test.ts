import { describe, expect, it } from 'vitest';
import { describeApi } from './openapi.js';
import type { RouteDeclaration } from './route.js';
import { createRoutes } from './routes/index.js';
import { startTestServer } from './testing/server.js';

type Operation = {
  operationId: string;
  responses: object;
  security: unknown[];
  parameters: { name: string; in: string; schema: object }[];
};

describe('the API document', () => {
  const routes: RouteDeclaration[] = createRoutes({ metrics: async function* () {}, public_url: null });
  const document = describeApi(routes, '0.1.0');
  const paths = document['paths'] as unknown as Record<string, Record<string, Operation>>;
  const operations = Object.values(paths).flatMap((path) => Object.values(path));

  it('names every route, its parameters, its reply and who may call it', () => {
    for (const route of routes) {
      const operation = paths[route.path.replaceAll(/:(\w+)/g, '{$1}')]?.[route.method.toLowerCase()];
      expect([route.path, operation !== undefined]).toEqual([route.path, true]);
      const named = operation?.parameters.filter((one) => one.in === 'path').map((one) => one.name) ?? [];
      expect(named.sort()).toEqual([...route.path.matchAll(/:(\w+)/g)].map((match) => match[1]).sort());
      expect(operation?.security.length === 0).toBe(route.role === 'open');
      expect(Object.keys(operation?.responses ?? {})).toContain('200');
    }
    expect(operations).toHaveLength(routes.length);
  });

  it('gives each operation its own name', () => {
    const names = operations.map((operation) => operation.operationId);
    expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([]);
  });

  it('describes what a query reads as, not the text it comes in', () => {
    const points = paths['/api/v1/devices/{device}/series/{metric}']?.['get']?.parameters.find((one) => one.name === 'points');
    expect(points).toEqual({
      name: 'points',
      in: 'query',
      required: false,
      schema: { type: 'integer', minimum: 1, maximum: 5000, default: 500 },
    });
  });

  it('is served to who may read', async () => {
    const server = await startTestServer();
    const reply = await server.ask('/api/v1/openapi.json', { token: 'viewer-token' });
    expect(reply.json).toEqual(JSON.parse(JSON.stringify(document)));
    await server.stop();
  });
});
