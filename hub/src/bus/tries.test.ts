import { describe, expect, it } from 'vitest';
import { BUS_LIMITS } from './limits.js';
import { createSocketCap, createTries, isLoopback, plainAddress } from './tries.js';

const at = (limits: object = {}) => {
  const clock = { now: 0 };
  return { clock, tries: createTries({ ...BUS_LIMITS, ...limits }, () => clock.now) };
};

describe('login tries', () => {
  it('shuts an address out after its burst of failures and lets it in again with time', () => {
    const { clock, tries } = at({ tries_per_address: 3, tries_per_address_per_s: 1 });
    for (let n = 0; n < 3; n++) {
      expect(tries.allowed('a', `id${n}`)).toBe(true);
      tries.failed('a', `id${n}`);
    }
    expect(tries.allowed('a', 'fresh')).toBe(false);
    expect(tries.allowed('b', 'fresh')).toBe(true);
    clock.now += 1_000;
    expect(tries.allowed('a', 'fresh')).toBe(true);
  });

  it('shuts an id out for every address but the one it is known from', () => {
    const { tries } = at({ tries_per_id: 2 });
    tries.succeeded('home', 'rig');
    for (const address of ['x', 'y']) tries.failed(address, 'rig');
    expect(tries.allowed('z', 'rig')).toBe(false);
    expect(tries.allowed('home', 'rig')).toBe(true);
    expect(tries.allowed('z', 'other')).toBe(true);
  });

  it('does not shut a site out for one device that tries once a second', () => {
    const { clock, tries } = at();
    for (let n = 0; n < 1_000; n++) {
      clock.now += 1_000;
      tries.failed('site', 'broken');
    }
    expect(tries.allowed('site', 'good')).toBe(true);
    expect(tries.allowed('site', 'broken')).toBe(false);
  });

  it('forgets the oldest, so that invented addresses cannot fill it', () => {
    const { tries } = at({ tries_remembered: 10, tries_per_address: 1 });
    for (let n = 0; n < 1_000; n++) tries.failed(`a${n}`, `id${n}`);
    expect(tries.allowed('a0', 'x')).toBe(true);
    expect(tries.allowed('a999', 'x')).toBe(false);
  });
});

describe('socket cap', () => {
  it('counts per address, generously for this host, and over all', () => {
    const cap = createSocketCap({ ...BUS_LIMITS, sockets_per_address: 1, sockets_from_loopback: 3, sockets: 5 });
    expect(['a', 'a', '127.0.0.1', '127.0.0.1', '127.0.0.1', '127.0.0.1'].map((from) => cap.enter(from))).toEqual([
      true,
      false,
      true,
      true,
      true,
      false,
    ]);
    expect([cap.enter('b'), cap.enter('c')]).toEqual([true, false]);
    cap.left('a');
    expect([cap.enter('c'), cap.enter('a')]).toEqual([true, false]);
  });

  it('knows this host in each spelling', () => {
    expect(['127.0.0.1', '127.8.8.8', '::1', plainAddress('::ffff:127.0.0.1')].every(isLoopback)).toBe(true);
    expect(['10.0.0.1', '127.evil.example', '', plainAddress(undefined)].some(isLoopback)).toBe(false);
  });
});
