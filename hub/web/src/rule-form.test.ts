import { describe, expect, test } from 'vitest';
import { type ConfigSchema, FormError } from './client.js';
import { NO_UNIT, ruleConfigOf, ruleFieldsOf, ruleTextsOf, ruleWords } from './rule-form.js';

/** As the hub describes them. */
const span = { type: 'integer', minimum: 0, maximum: 604_800_000 };
const OFFLINE: ConfigSchema = {
  type: 'object',
  required: [],
  properties: {
    after_ms: { ...span, default: 20_000, title: 'Lost for' },
    stopped_after_ms: { anyOf: [span, { type: 'null' }], default: 600_000, title: 'Or shut down for' },
    recover_ms: { ...span, default: 0, title: 'Until back for' },
  },
};
const THRESHOLD: ConfigSchema = {
  type: 'object',
  required: ['metric'],
  properties: {
    metric: { type: 'string', title: 'Metric' },
    labels: { type: 'object', additionalProperties: { type: 'string' }, default: {}, title: 'Only where' },
    above: { type: 'number', title: 'Above' },
    for_ms: { ...span, default: 0, title: 'For' },
    clear: { type: 'number', title: 'Until back at' },
  },
};
const OTHERS: ConfigSchema = {
  type: 'object',
  properties: {
    soc: {
      type: 'object',
      title: 'Small boards',
      properties: {
        warning: { type: 'number', title: 'Warning', unit: 'Cel' },
        severe: { type: 'number', title: 'Severe', unit: 'Cel' },
      },
    },
    full: { type: 'number', minimum: 0, maximum: 1, title: 'Or filled to' },
    free_below_bytes: { type: 'number', minimum: 0, title: 'With less free than' },
    more_than_s: { type: 'number', title: 'Off by more than' },
    restarts: { type: 'integer', title: 'Restarts' },
    except: { type: 'array', items: { type: 'string' }, title: 'Not of networks' },
    estimated: { type: 'boolean', title: 'Of estimates too' },
    per: { type: 'string', enum: ['hour', 'day'], title: 'Per' },
  },
};

describe('the form of a rule', () => {
  test.each([
    [OFFLINE, { after_ms: 20_000, stopped_after_ms: null, recover_ms: 0 }, NO_UNIT],
    [
      THRESHOLD,
      { metric: 'hw.temperature', labels: { zone: 'cpu', chip: 'a b' }, above: 80, for_ms: 300_000, clear: 72.5 },
      NO_UNIT,
    ],
    [
      OTHERS,
      {
        ...{ soc: { warning: 80, severe: 85 }, full: 0.95, free_below_bytes: 1e10, more_than_s: 0.5, restarts: 4 },
        ...{ except: ['helium', 'storj'], estimated: false, per: 'day' },
      },
      NO_UNIT,
    ],
  ])('gives the configuration that it was filled with: %#', (schema, config, unit) => {
    const fields = ruleFieldsOf(schema);
    expect(ruleConfigOf(fields, ruleTextsOf(fields, config, unit), unit)).toEqual(config);
  });

  test('takes levels in the unit that people use', () => {
    const fields = ruleFieldsOf(THRESHOLD);
    const share = { metric: 'system.cpu.utilization', unit: '1' };
    expect(ruleTextsOf(fields, { above: 0.9 }, share)).toMatchObject({ above: '90' });
    expect(ruleConfigOf(fields, { metric: share.metric, above: '90 %' }, share)).toEqual({ metric: share.metric, above: 0.9 });
    const bytes = { metric: 'system.memory.usage', unit: 'By' };
    expect(ruleConfigOf(fields, { metric: bytes.metric, above: '1.5 GiB' }, bytes)).toEqual({
      metric: bytes.metric,
      above: 1.5 * 2 ** 30,
    });
  });

  test('leaves out what is empty, and sends null where the rule knows it', () => {
    expect(ruleConfigOf(ruleFieldsOf(OFFLINE), {}, NO_UNIT)).toEqual({ stopped_after_ms: null });
  });

  test.each([
    [OFFLINE, { after_ms: '20' }, 'Lost for must be a time with its unit'],
    [THRESHOLD, {}, 'Metric is missing'],
    [THRESHOLD, { metric: 'a', labels: 'cpu' }, 'Only where must be pairs'],
    [THRESHOLD, { metric: 'a', above: 'hot' }, 'Above must be a number'],
    [OTHERS, { 'soc.severe': 'x' }, 'Small boards, severe must be a number'],
  ])('says what cannot be read: %#', (schema, texts, sentence) => {
    const refused = () => ruleConfigOf(ruleFieldsOf(schema), texts, NO_UNIT);
    expect(refused).toThrow(FormError);
    expect(refused).toThrow(sentence);
  });
});

describe('a rule in words', () => {
  const words = (schema: ConfigSchema, config: Record<string, unknown>, unit = NO_UNIT) =>
    ruleWords(ruleFieldsOf(schema), config, unit);

  test('reads its fields one after the other, without what changes nothing', () => {
    expect(words(OFFLINE, { after_ms: 20_000, stopped_after_ms: 600_000, recover_ms: 0 })).toBe(
      'Lost for 20 s, or shut down for 10 min',
    );
    expect(words(OFFLINE, { after_ms: 20_000, stopped_after_ms: null })).toBe('Lost for 20 s');
    const heat = { metric: 'hw.temperature', labels: { zone: 'cpu' }, above: 80, for_ms: 300_000, clear: 72 };
    expect(words(THRESHOLD, heat, { metric: 'hw.temperature', unit: 'Cel', title: 'Temperature' })).toBe(
      'Temperature (hw.temperature) only where zone=cpu above 80.0 °C for 5 min, until back at 72.0 °C',
    );
    expect(words(OTHERS, { soc: { warning: 80, severe: 85 }, full: 0.95, restarts: 4, estimated: true })).toBe(
      'Small boards 80 °C / 85 °C, or filled to 95 %, 4 restarts, of estimates too',
    );
  });
});
