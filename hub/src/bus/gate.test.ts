import { UPWARD_KINDS } from '@muster/shared/wire/topics';
import { describe, expect, it } from 'vitest';
import { type ConnectRequest, judgeConnect, judgePublish, maySubscribe } from './gate.js';

const grant = { agent: 'rig', devices: new Set(['rig', 'hotspot']) };
const request = (change: Partial<ConnectRequest> = {}): ConnectRequest => ({
  client_id: 'rig',
  user: 'rig',
  keepalive_s: 5,
  keepalive_max_s: 120,
  clean: true,
  will: null,
  ...change,
});
const will = (change: object = {}) => ({
  topic: 'muster/v1/rig/status',
  payload: Buffer.from('{"boot":"abcdefgh","session":3,"state":"lost"}'),
  retain: false,
  ...change,
});

describe('gate', () => {
  it('lets a plain CONNECT through to the key, with or without its will', () => {
    expect(judgeConnect(request())).toEqual({ ok: true, agent: 'rig' });
    expect(judgeConnect(request({ will: will() }))).toEqual({ ok: true, agent: 'rig' });
    expect(judgeConnect(request({ keepalive_s: 120 })).ok).toBe(true);
  });

  it.each([
    ['no device id', { client_id: 'Rig', user: 'Rig' }, 'malformed', 2],
    ['an empty id', { client_id: '', user: '' }, 'malformed', 2],
    ['the id of another', { client_id: 'other' }, 'wrong_key', 4],
    ['no user', { user: undefined }, 'wrong_key', 4],
    ['a lasting session', { clean: false }, 'malformed', 5],
    ['no keepalive', { keepalive_s: 0 }, 'malformed', 5],
    ['a long keepalive', { keepalive_s: 121 }, 'malformed', 5],
    ['a keepalive that is no number', { keepalive_s: Number.NaN }, 'malformed', 5],
    ['a will for another', { will: will({ topic: 'muster/v1/other/status' }) }, 'bad_will', 5],
    ['a retained will', { will: will({ retain: true }) }, 'bad_will', 5],
    ['a will that is no JSON', { will: will({ payload: Buffer.from('lost') }) }, 'bad_will', 5],
    ['a will that is no status', { will: will({ payload: Buffer.from('{"state":"online"}') }) }, 'bad_will', 5],
  ])('refuses a CONNECT with %s', (_name, change, reason, code) => {
    expect(judgeConnect(request(change as Partial<ConnectRequest>))).toMatchObject({ ok: false, reason, code });
  });

  it('lets an agent publish every upward kind of its own but status, and reports of what it carries', () => {
    const allowed = UPWARD_KINDS.filter((kind) => judgePublish(grant, `muster/v1/rig/${kind}`).ok);
    expect(allowed).toEqual(['birth', 'report', 'rewards', 'event', 'result']);
    const carried = UPWARD_KINDS.filter((kind) => judgePublish(grant, `muster/v1/hotspot/${kind}`).ok);
    expect(carried).toEqual(['report']);
    expect(judgePublish(grant, 'muster/v1/hotspot/report')).toEqual({ ok: true, device: 'hotspot', kind: 'report' });
  });

  it.each([
    'muster/v1/other/report',
    'muster/v1/rig/command',
    'muster/v1/rig/report/',
    'muster/v1/rig',
    '$SYS/x',
    '',
    'muster/v1/__proto__/report',
  ])('lets nobody publish %j', (topic) => {
    expect(judgePublish(grant, topic).ok).toBe(false);
  });

  it('lets an agent subscribe its own command topic and nothing that only matches it', () => {
    expect(maySubscribe(grant, 'muster/v1/rig/command')).toBe(true);
    for (const filter of [
      '#',
      'muster/#',
      'muster/v1/+/command',
      'muster/v1/rig/#',
      'muster/v1/hotspot/command',
      '$share/g/muster/v1/rig/command',
    ])
      expect(maySubscribe(grant, filter)).toBe(false);
  });
});
