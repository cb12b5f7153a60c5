import { type LosslessJson, NumberText } from '../../lossless.js';

/** A field of a JSON object; undefined where it has none. */
export const field = (json: LosslessJson, name: string): LosslessJson | undefined =>
  typeof json === 'object' && json !== null && !Array.isArray(json) && !(json instanceof NumberText) && Object.hasOwn(json, name)
    ? json[name]
    : undefined;
