import { readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import * as v from 'valibot';
import { describe, expect, it } from 'vitest';
import { bootIdFrom, decodeMessage, idOfColumns, isColumnar, isNamed } from './codec.js';
import { WIRE_LIMITS } from './limits.js';
import * as messages from './messages.js';
import { UPWARD_KINDS, type UpwardKind } from './topics.js';

const bytes = (value: unknown): Uint8Array => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value));
const folder = new URL('./golden/', import.meta.url);
const golden = readdirSync(folder).map((file) => ({ file, ...JSON.parse(readFileSync(new URL(file, folder), 'utf8')) }));

describe('golden messages of wire v1', () => {
  it.each(golden.filter(({ kind }) => kind !== 'command'))('$file is read as it was sent', ({ kind, form, message }) => {
    expect(decodeMessage(kind, bytes(message))).toEqual({ ok: true, kind, ...(form ? { form } : {}), message });
  });

  it('a command is what agents expect', () => {
    const { message } = golden.find(({ kind }) => kind === 'command');
    expect(v.parse(messages.command, message)).toEqual(message);
  });

  it('every kind has at least one', () => {
    expect(new Set(golden.map(({ kind }) => kind))).toEqual(new Set([...UPWARD_KINDS, 'command']));
  });

  it('the columns of the birth are named by the hash of their list', () => {
    const { message } = golden.find(({ kind }) => kind === 'birth');
    for (const { id, list } of message.columns) expect(idOfColumns(list)).toBe(id);
  });

  it('unknown fields change nothing for the reader', () => {
    for (const { kind, message } of golden.filter((one) => one.kind !== 'command')) {
      expect(decodeMessage(kind, bytes({ ...message, added_in_v1_9: { deep: [1] } }))).toMatchObject({ ok: true, message });
    }
  });
});

describe('anything else', () => {
  const kinds = fc.constantFrom<UpwardKind>(...UPWARD_KINDS);
  const isChecked = (kind: UpwardKind, payload: Uint8Array) => {
    const read = decodeMessage(kind, payload);
    expect(read.ok ? read.kind === kind : ['too_large', 'not_json', 'wrong_shape'].includes(read.reason)).toBe(true);
    if (!read.ok) expect(read.detail).not.toBe('');
    return true;
  };

  it('any bytes become a checked message or a named reason, never a throw', () => {
    fc.assert(fc.property(kinds, fc.uint8Array({ maxLength: 300 }), isChecked));
  });

  it('any JSON becomes a checked message or a named reason, never a throw', () => {
    fc.assert(fc.property(kinds, fc.json({ maxDepth: 6 }), (kind, text) => isChecked(kind, bytes(text))));
  });

  it('a good message with any one place changed becomes a checked message or a named reason', () => {
    const upward = fc.constantFrom(...golden.filter(({ kind }) => kind !== 'command'));
    fc.assert(
      fc.property(upward, fc.nat(), fc.jsonValue({ maxDepth: 2 }), ({ kind, message }, place, value) =>
        isChecked(kind, bytes(replaced(message, place, value))),
      ),
      { numRuns: 500 },
    );
  });

  it('too many bytes, no JSON and a wrong shape have their own reasons', () => {
    expect(decodeMessage('event', Buffer.alloc(WIRE_LIMITS.message_bytes + 1, 32))).toMatchObject({ reason: 'too_large' });
    expect(decodeMessage('event', bytes('{"boot":'))).toMatchObject({ reason: 'not_json' });
    expect(decodeMessage('event', new Uint8Array())).toMatchObject({ reason: 'not_json' });
    expect(decodeMessage('event', bytes({ boot: 'k3v7q2ma', seq: 0, ts: 1, event: 'x' }))).toMatchObject({
      reason: 'wrong_shape',
      detail: expect.stringMatching(/^seq: /),
    });
  });

  it('a hundred thousand nested brackets are a wrong shape, not a crash', () => {
    for (const kind of UPWARD_KINDS) {
      expect(decodeMessage(kind, bytes('['.repeat(90_000) + ']'.repeat(90_000)))).toMatchObject({ ok: false });
      expect(decodeMessage(kind, bytes(`{"about":${'['.repeat(90_000)}${']'.repeat(90_000)}}`))).toMatchObject({ ok: false });
    }
  });

  it('amounts are strings: a number is refused', () => {
    const { message } = golden.find(({ file }) => file === 'rewards-lifetime.json');
    const wrong = structuredClone(message);
    wrong.readings[0].amount = 12;
    expect(decodeMessage('rewards', bytes(wrong))).toMatchObject({ reason: 'wrong_shape' });
  });

  it('numbers too big for a double are refused, not stored as infinity', () => {
    expect(decodeMessage('report', bytes('{"metrics":{"a":1e999}}'))).toMatchObject({ reason: 'wrong_shape' });
    const columnar = '{"boot":"k3v7q2ma","columns":"00000000","rows":[[1,1,1e999]]}';
    expect(decodeMessage('report', bytes(columnar))).toMatchObject({ reason: 'wrong_shape' });
  });

  it('metrics named like parts of every object are refused', () => {
    for (const name of ['__proto__', 'constructor', 'prototype', 'constructor{a=b}']) {
      expect(decodeMessage('report', bytes(`{"metrics":{"ok":1,"${name}":2}}`))).toMatchObject({ reason: 'wrong_shape' });
    }
  });
});

describe('the hand check of reports equals the schema', () => {
  const odd = fc.oneof(
    fc.constantFrom<unknown>(null, '', 'x', -1, 0, -0, 1, 1.5, 2 ** 53, [], {}, true, '0a1b2c3d', 'k3v7q2ma', 'Pi'),
    fc.double(),
    fc.jsonValue({ maxDepth: 1 }),
  );
  const mostly = (good: fc.Arbitrary<unknown>) => fc.oneof({ weight: 12, arbitrary: good }, { weight: 1, arbitrary: odd });
  const maybe = (good: fc.Arbitrary<unknown>) => fc.option(mostly(good), { nil: undefined });
  const boot = mostly(fc.constantFrom('k3v7q2ma', 'aaaaaaaa'));
  const columns = mostly(fc.constantFrom('0a1b2c3d', 'ffffffff'));
  const value = mostly(fc.option(fc.double({ noNaN: true, noDefaultInfinity: true })));
  const row = mostly(
    fc.tuple(mostly(fc.nat()), mostly(fc.nat()), fc.array(value, { maxLength: 4 })).map(([seq, ts, list]) => [seq, ts, ...list]),
  );
  const rows = mostly(fc.array(row, { maxLength: 3 }));
  const carried = fc.array(mostly(fc.record({ device: mostly(fc.constantFrom('a', 'b-1', '-b')), columns, rows })), {
    maxLength: 2,
  });
  const columnar = mostly(fc.record({ boot, columns, rows, carried: maybe(carried) }, { requiredKeys: [] }));
  const key = fc.constantFrom(
    'a',
    'hw.t{zone=x}',
    'A',
    '',
    '{',
    'a{b',
    'constructor',
    '__proto__',
    'a{b=%zz}',
    `a{b=${'x'.repeat(400)}}`,
  );
  const metrics = mostly(fc.dictionary(key, mostly(fc.double({ noNaN: true, noDefaultInfinity: true })), { maxKeys: 3 }));
  const named = mostly(fc.record({ ts: maybe(fc.nat()), boot: maybe(boot), seq: maybe(fc.nat()), metrics }));
  /** As it comes off the wire: no undefined, no NaN. */
  const wired = (json: unknown) => JSON.parse(JSON.stringify(json) ?? 'null');

  it('for columnar reports', () => {
    fc.assert(
      fc.property(columnar, (made) => {
        const json = wired(made);
        expect(isColumnar(json)).toBe(v.is(messages.columnarReport, json));
      }),
      { numRuns: 3_000 },
    );
  });

  it('for named reports', () => {
    fc.assert(
      fc.property(named, (made) => {
        const json = wired(made);
        if (typeof json !== 'object' || json === null) return;
        expect(isNamed(json)).toBe(v.is(messages.namedReport, json));
      }),
      { numRuns: 3_000 },
    );
  });

  it('at the limits of rows and columns', () => {
    const sized = (count: number, width: number) => ({
      boot: 'k3v7q2ma',
      columns: '0a1b2c3d',
      rows: Array.from({ length: count }, (_, at) => [at + 1, 1, ...Array(width).fill(0)]),
    });
    for (const [count, width] of [
      [WIRE_LIMITS.backfill_rows, 1],
      [WIRE_LIMITS.backfill_rows + 1, 1],
      [1, WIRE_LIMITS.columns],
      [1, WIRE_LIMITS.columns + 1],
      [0, 1],
      [1, 0],
    ] as const) {
      const json = sized(count, width);
      expect(isColumnar(json)).toBe(v.is(messages.columnarReport, json));
    }
  });
});

it('a boot id is 8 base32 characters, whatever the random bytes', () => {
  fc.assert(fc.property(fc.uint8Array({ minLength: 8, maxLength: 16 }), (random) => v.is(messages.bootId, bootIdFrom(random))));
});

/** The message with its n-th place (counted depth first, wrapping around) holding something else. */
const replaced = (message: unknown, place: number, value: unknown): unknown => {
  const copy = structuredClone(message);
  const places: [Record<string, unknown>, string][] = [];
  const walk = (node: unknown) => {
    if (typeof node !== 'object' || node === null) return;
    for (const key of Object.keys(node)) {
      places.push([node as Record<string, unknown>, key]);
      walk((node as Record<string, unknown>)[key]);
    }
  };
  walk(copy);
  const [holder, key] = places[place % places.length] ?? [{}, ''];
  holder[key] = value;
  return copy;
};
