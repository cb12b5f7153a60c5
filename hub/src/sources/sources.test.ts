import { AppError } from '@muster/shared/errors';
import { refuseStatus } from '@muster/shared/refuse-status';
import { createRecordedHttp } from '@muster/shared/testing/http';
import { describe, expect, it } from 'vitest';
import { MASK } from '../secrets.js';
import { MINUTE, type OnHub, paid, setUp } from './testing.js';

const HOUR = 60 * MINUTE;
const good: OnHub = async ({ devices }) => ({
  devices: new Map(devices.map((id) => [id, { samples: [{ metric: 'space', value: 1_234 }], readings: [paid('7')] }])),
  accounts: [paid('9', 'wallet')],
});

describe('a source that the hub asks', () => {
  it('is stored, shown and booked in one write, and its devices are made', async () => {
    const hub = setUp({ good });
    const { made, source } = await hub.put('good', { devices: ['pi', 'car'] });
    expect([made, source.state]).toEqual([['car'], 'waiting']);
    hub.writer.committed.length = 0;
    await hub.pass(1_000);
    expect(hub.writer.committed.map(({ kind }) => kind)).toEqual(
      ['document', 'rows', 'document', 'rows'].concat(Array(3).fill('document')),
    );
    expect(hub.shown).toContainEqual({ device: 'car', columns: ['acme.space'], values: [1_230] });
    expect(hub.booked.map(({ device, reading }) => [device, reading.network, reading.source, reading.account])).toEqual([
      ['pi', 'acme', 'acme', 'a'],
      ['car', 'acme', 'acme', 'a'],
      [null, 'acme', 'acme', 'wallet'],
    ]);
    expect(hub.sources().get('good')).toMatchObject({ state: 'ok', readings: 3, samples: 2, last_error: null });
  });

  it('tells when the thing itself was heard, so that one that is silent is not online', async () => {
    const stale: OnHub = async ({ now }) => ({ devices: new Map([['pi', { samples: [], seen_at: now - HOUR }]]) });
    const hub = setUp({ stale });
    const asked_at = hub.clock.now();
    await hub.put('stale', { devices: ['pi'] });
    await hub.pass(1_000);
    expect(hub.seen).toEqual([['pi', asked_at - HOUR]]);
    expect(hub.sources().fed('pi')).toMatchObject({ state: 'online', interval_ms: MINUTE });
  });

  it('goes on over a restart with what it kept; a change of its configuration begins anew', async () => {
    const found: unknown[] = [];
    const counting: OnHub = async ({ memory }) => {
      found.push(memory.get());
      memory.put({ read_to: found.length });
      return { devices: new Map() };
    };
    const hub = setUp({ counting });
    await hub.put('counting');
    await hub.pass(1_000);
    hub.again();
    await hub.pass(31_000);
    await hub.put('counting', { every: 2 * MINUTE });
    await hub.pass(1_000);
    await hub.put('counting', { config: { url: 'http://counting/other' } });
    await hub.pass(1_000);
    expect(found).toEqual([undefined, { read_to: 1 }, { read_to: 2 }, undefined]);
    expect(await hub.sources().delete('counting')).toBe(true);
    expect(hub.writer.documents().filter(({ collection }) => collection.startsWith('hub_source'))).toEqual([]);
    await hub.pass(HOUR);
    expect(found).toHaveLength(4);
  });

  it('while the store cannot take it nothing of it is kept, and it is asked again', async () => {
    let asked = 0;
    const keeping: OnHub = async ({ memory }) => {
      memory.put(++asked);
      return { devices: new Map([['pi', { readings: [paid('7')], samples: [{ metric: 'space', value: 1 }] }]]) };
    };
    const hub = setUp({ keeping });
    await hub.put('keeping');
    hub.writer.healthy = false;
    await hub.pass(MINUTE);
    expect([hub.booked, hub.shown, hub.seen, hub.sources().get('keeping')?.state]).toEqual([[], [], [], 'failed']);
    hub.writer.healthy = true;
    await hub.pass(3 * MINUTE);
    expect([hub.booked.length > 0, hub.sources().get('keeping')?.state]).toEqual([true, 'ok']);
  });

  it.each([
    ['that the hub cannot ask', 'local', 'asked by agents'],
    ['of a program', 'command', 'asked by agents'],
    ['that nobody knows', 'nothing', 'is not known'],
  ])('is refused for a network %s', async (_name, kind, words) => {
    await expect(setUp({}).put('x', {}, kind)).rejects.toThrow(words);
  });

  it.each([
    [{ config: { url: 'file:///etc/passwd' } }, 'http'],
    [{ config: {} }, 'url'],
    [{ devices: ['No Device'] }, 'not a device id'],
    [{ every: 10 }, 'every must be'],
  ])('is refused with a wrong setting %o', async (more, words) => {
    const hub = setUp({});
    await expect(hub.put('x', more)).rejects.toThrow(words);
    expect([hub.sources().all(), hub.writer.committed]).toEqual([[], []]);
  });

  it('shows no secret: not in a view, a log line or an error', async () => {
    const telling: OnHub = async ({ config, log }) => {
      log.warn(`asked with ${config.key}`, { key: config.key, error: new Error(`${config.key}`) });
      throw new AppError('unauthorized', `the key ${config.key} is wrong`);
    };
    const hub = setUp({ telling });
    await hub.put('telling', { config: { url: 'http://telling', key: 'very-secret' } });
    await hub.pass(1_000);
    const { source } = await hub.put('telling', { config: { url: 'http://telling', key: MASK } });
    expect(source.config).toEqual({ url: 'http://telling', key: MASK });
    await hub.pass(1_000);
    expect(hub.sources().get('telling')?.last_error).toBe(`the key ${MASK} is wrong`);
    expect(JSON.stringify([hub.lines, hub.sources().all()])).not.toContain('very-secret');
    expect(JSON.stringify(hub.writer.documents())).toContain('very-secret');
    await expect(hub.put('telling', { config: { url: 'http://good', key: MASK } })).rejects.toThrow('given again');
  });
});

describe('a source that is ill costs only itself', () => {
  it('one that hangs is given up at its deadline, and its devices are unknown, not lost', async () => {
    const hangs: OnHub = () => new Promise(() => {});
    const hub = setUp({ hangs, good });
    for (const id of ['hangs', 'hangs2', 'hangs3', 'hangs4', 'hangs5'])
      await hub.put(id, { config: { url: 'http://hangs' }, devices: ['pi'] });
    await hub.put('good');
    await hub.put('longer', { config: { url: 'http://hangs' } }, 'slow');
    await hub.pass(20_000);
    expect(hub.sources().get('hangs')).toMatchObject({ state: 'failed', last_error: 'hangs did not answer within 15000 ms' });
    expect(hub.sources().get('good')?.state).toBe('ok');
    await hub.pass(30_000);
    expect(hub.sources().get('longer')).toMatchObject({ state: 'waiting' });
    await hub.pass(HOUR);
    expect(hub.sources().get('longer')?.last_error).toContain('40000 ms');
    expect(hub.sources().fed('pi')?.state).toBe('lost');
  });

  it('one that says when to come back is left alone until then; one that fails for hours is asked once an hour', async () => {
    const asked = { busy: 0, down: 0 };
    const http = createRecordedHttp([
      { url: 'http://busy', reply: { status: 429, headers: { 'retry-after': '7200' } } },
      { url: 'http://down', reply: { status: 500, text: '<html>' } },
    ]);
    const over =
      (name: keyof typeof asked): OnHub =>
      async ({ http: own, config, now }) => {
        asked[name]++;
        refuseStatus(await own.request({ url: config.url }), now);
        return { devices: new Map() };
      };
    const hub = setUp({ busy: over('busy'), down: over('down'), good }, http);
    for (const id of ['busy', 'down', 'good']) await hub.put(id);
    await hub.pass(24 * HOUR);
    expect(asked.busy).toBe(13);
    expect(asked.down).toBeGreaterThan(24);
    expect(asked.down).toBeLessThan(45);
    expect(hub.sources().get('busy')?.last_error).toContain('come back in 7200 s');
    expect(hub.booked.length).toBeGreaterThan(1_300);
    expect(hub.lines.filter((line) => line.includes('does not answer'))).toHaveLength(2);
  });

  it.each<[string, OnHub, string]>([
    [
      'floods with devices',
      async () => ({ devices: new Map(Array.from({ length: 20_001 }, (_, n) => [`d${n}`, {}])) }),
      'devices',
    ],
    ['floods with entries', async () => ({ devices: new Map(), accounts: [{ ...ledgerOf(50_001) }] }), '50001 entries'],
    ['keeps too much', keepsTooMuch, 'larger than'],
    ['lies about an amount', async () => ({ devices: new Map(), accounts: [paid('1.5')] }), 'A reading of acme'],
    [
      'names what is no metric',
      async () => ({ devices: new Map([['pi', { samples: [{ metric: 'A b', value: 1 }] }]]) }),
      'no metric',
    ],
    ['throws what is no error', () => Promise.reject('oops'), 'oops'],
  ])('one that %s is refused whole', async (_name, ill, words) => {
    const hub = setUp({ ill });
    await hub.put('ill');
    await hub.pass(1_000);
    expect(hub.sources().get('ill')?.last_error).toContain(words);
    expect([hub.booked, hub.shown]).toEqual([[], []]);
  });

  it('a long ledger is taken in several readings', async () => {
    const hub = setUp({ long: async () => ({ devices: new Map(), accounts: [ledgerOf(2_500)] }) });
    await hub.put('long');
    await hub.pass(1_000);
    expect(hub.booked.map(({ reading }) => (reading.kind === 'ledger' ? reading.entries.length : 0))).toEqual([
      1_000, 1_000, 500,
    ]);
  });

  it('one that speaks of devices that there are not says so, and the rest counts', async () => {
    const more: OnHub = async () => ({
      devices: new Map(['pi', 'ghost'].map((id) => [id, { samples: [{ metric: 'space', value: 1 }], readings: [paid('7')] }])),
    });
    const hub = setUp({ more });
    await hub.put('more');
    await hub.pass(1_000);
    expect(hub.sources().get('more')).toMatchObject({ state: 'ok', last_error: expect.stringContaining('ghost') });
    expect([hub.shown.length, hub.booked.map(({ device }) => device)]).toEqual([1, ['pi', 'ghost']]);
  });
});

const keepsTooMuch: OnHub = async ({ memory }) => {
  memory.put('x'.repeat(70_000));
  return { devices: new Map() };
};

const ledgerOf = (count: number) => ({
  ...{ kind: 'ledger' as const, account: 'w', token: 'ACME', decimals: 18, exact: true },
  entries: Array.from({ length: count }, (_, n) => ({ id: `e${n}`, ts: 1, amount: '1' })),
});
