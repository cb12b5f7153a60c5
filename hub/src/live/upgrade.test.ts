import { describe, expect, it } from 'vitest';
import type { Identity } from '../parts.js';
import { type Credentials, judgeUpgrade } from './upgrade.js';

const someone: Identity = { kind: 'session', id: 's1', name: 'ann', role: 'viewer' };
const identify = ({ session, bearer }: Credentials) => (session === 'good' || bearer === 'token' ? someone : null);
const judge = (headers: Record<string, string>, url = '/api/v1/live') => {
  const verdict = judgeUpgrade({ url, headers: { host: 'hub.local:7480', ...headers } }, identify);
  return verdict.ok ? 'in' : verdict.status;
};
const origin = 'http://hub.local:7480';

describe('upgrade', () => {
  it('lets a session in from its own host, over either scheme and in any case', () => {
    expect(judge({ cookie: 'muster_session=good', origin })).toBe('in');
    expect(judge({ cookie: 'a=b; muster_session=good; c=d', origin })).toBe('in');
    expect(judge({ cookie: 'muster_session=good', origin: 'https://HUB.local:7480' })).toBe('in');
  });

  it.each([
    ['no origin', {}],
    ['another host', { origin: 'http://evil.example' }],
    ['another port', { origin: 'http://hub.local:7481' }],
    ['a name that begins alike', { origin: 'http://hub.local:7480.evil.example' }],
    ['a sandboxed page', { origin: 'null' }],
    ['a file', { origin: 'file://hub.local:7480' }],
    ['nonsense', { origin: ':::' }],
  ])('refuses a session from %s', (_name, headers) => {
    expect(judge({ cookie: 'muster_session=good', ...headers })).toBe(403);
  });

  it('lets a bearer token in from anywhere, and judges by it alone', () => {
    expect(judge({ authorization: 'Bearer token' })).toBe('in');
    expect(judge({ authorization: 'bearer token', origin: 'http://evil.example' })).toBe('in');
    expect(judge({ authorization: 'Bearer wrong', cookie: 'muster_session=good', origin })).toBe(401);
  });

  it('refuses who has no credential, an unknown one, or one in the address', () => {
    expect(judge({ origin })).toBe(401);
    expect(judge({ cookie: 'other=good', origin })).toBe(401);
    expect(judge({ cookie: 'muster_session=', origin })).toBe(401);
    expect(judge({ cookie: 'muster_session=%', origin })).toBe(401);
    expect(judge({ cookie: 'muster_session=bad', origin })).toBe(401);
    expect(judge({ authorization: 'Basic token', origin })).toBe(401);
    expect(judge({ origin }, '/api/v1/live?session=good')).toBe(401);
  });

  it('is at one path only', () => {
    for (const url of ['/', '/api/v1/live/', '/api/v1/live/x', '/API/v1/live', '/api/v1/../v1/live'])
      expect(judge({ authorization: 'Bearer token' }, url)).toBe(404);
  });
});
