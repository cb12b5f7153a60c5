import { toJsonSchema } from '@valibot/to-json-schema';
import type * as v from 'valibot';
import type { jsonObject } from './fields.js';

/** The schema of a configuration as forms read it; secrets are write-only. */
export const configSchema = (schema: v.GenericSchema): v.InferOutput<typeof jsonObject> => {
  const described = toJsonSchema(schema, {
    ...{ target: 'draft-2020-12', typeMode: 'input', errorMode: 'ignore' },
    overrideAction: ({ valibotAction, jsonSchema }) =>
      'metadata' in valibotAction && (valibotAction.metadata as { secret?: unknown }).secret === true
        ? { ...jsonSchema, writeOnly: true, format: 'password' }
        : undefined,
  });
  return JSON.parse(JSON.stringify(described));
};
