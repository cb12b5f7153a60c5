import { describe, expect, it } from 'vitest';
import { findAll, parsePath, textOf } from './json-path.js';
import { parseLossless } from './lossless.js';

const reply = parseLossless(`{"data": {"nodes": [{"id": "a", "wei": 1}, {"id": "b", "wei": 22}], "gone": null, "7": "seven"},
  "per_hermes": {"0x1": {"wei": "5"}, "0x2": {"wei": "6"}}}`);
const texts = (path: string) => findAll(reply, path).map(textOf);

describe('a path into JSON', () => {
  it('follows keys, numbers, stars and conditions', () => {
    expect(texts('data.nodes[1].wei')).toEqual(['22']);
    expect(texts('$.data.nodes[*].wei')).toEqual(['1', '22']);
    expect(texts('data.nodes[?id=="b"].wei')).toEqual(['22']);
    expect(texts('per_hermes.*.wei')).toEqual(['5', '6']);
    expect(texts('data.7')).toEqual(['seven']);
  });

  it('finds nothing where something is missing or null, and never the prototype', () => {
    for (const path of ['data.other', 'data.gone', 'data.gone.more', 'data.nodes[9]', 'constructor.name', 'data.nodes.length'])
      expect(texts(path)).toEqual([]);
  });

  it('refuses what is not a path', () => {
    for (const path of ['', '$', 'a[', 'a[x]', 'a..b', '[?id="b"]']) expect(parsePath(path)).toBeNull();
    expect(() => findAll(reply, 'a[')).toThrow('is not a path');
  });
});
