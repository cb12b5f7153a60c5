import { randomBytes } from 'node:crypto';
import { silentLog } from '@muster/shared/log';
import { createTestClock } from '@muster/shared/testing/clock';
import { describe, expect, it } from 'vitest';
import { createHandWriter } from '../hand-writer.js';
import type { Invite } from '../parts.js';
import { createJoining } from './join.js';
import { createLimiter } from './limiter.js';
import { createRegistry } from './registry.js';

const setUp = (writer = createHandWriter(), clock = createTestClock()) => {
  const needs = { writer, now: clock.now, random: randomBytes, log: silentLog };
  const registry = createRegistry(needs, writer.documents());
  const limiter = createLimiter({ now: clock.now, most: 10, window_ms: 60_000, keys: 100 });
  const joining = createJoining({ ...needs, registry, limiter }, writer.documents());
  const invite = async (more: Partial<Invite> = {}) => (await joining.invite({ uses: 1, ttl_s: 3_600, ...more }, 'ada')).token;
  const join = (token: string, device: string) => joining.join({ token, device, about: { model: 'Pi' } }, '10.0.0.7');
  return { registry, joining, writer, clock, invite, join, again: () => setUp(writer, clock) };
};

describe('joining', () => {
  it('exchanges an invite for a key that works, once', async () => {
    const { registry, invite, join } = setUp();
    const token = await invite();
    expect(token).toMatch(/^mi_[\w-]{32}$/);
    const joined = await join(token, 'pi');
    expect(joined.device).toBe('pi');
    expect(registry.verify('pi', Buffer.from(joined.key))).not.toBeNull();
    await expect(join(token, 'pi-2')).rejects.toMatchObject({ code: 'unauthorized' });
  });

  it('of two at the same time with a single-use invite exactly one wins', async () => {
    const { registry, writer, invite, join } = setUp();
    const token = await invite();
    writer.automatic = false;
    const both = Promise.allSettled([join(token, 'a'), join(token, 'b')]);
    await Promise.resolve();
    writer.commit();
    writer.automatic = true;
    const results = await both;
    expect(results.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    expect([...registry.all()]).toHaveLength(1);
  });

  it('an invite outlives a restart with the uses that are left; its token is not on disk', async () => {
    const { writer, invite, join, again } = setUp();
    const token = await invite({ uses: 2 });
    await join(token, 'a');
    const later = again();
    await later.join(token, 'b');
    await expect(later.join(token, 'c')).rejects.toMatchObject({ code: 'unauthorized' });
    await expect(again().join(token, 'c')).rejects.toMatchObject({ code: 'unauthorized' });
    expect(JSON.stringify(writer.committed)).not.toContain(token);
  });

  it('an expired invite says so, and after a while is unknown', async () => {
    const { clock, invite, join } = setUp();
    const token = await invite({ ttl_s: 60 });
    clock.advance(60_000);
    await expect(join(token, 'pi')).rejects.toMatchObject({ code: 'expired' });
    clock.advance(8 * 86_400_000);
    await invite();
    await expect(join(token, 'pi')).rejects.toMatchObject({ code: 'unauthorized' });
  });

  it('an existing device needs an invite that names it; the invite is not used up by the refusal', async () => {
    const { registry, invite, join } = setUp();
    const { key: old } = await registry.credential('pi', {});
    const token = await invite();
    await expect(join(token, 'pi')).rejects.toMatchObject({ code: 'conflict', details: { hint: expect.any(String) } });
    await join(token, 'pi-2');
    const { key } = await join(await invite({ device: 'pi' }), 'pi');
    expect(registry.verify('pi', Buffer.from(old))).toBeNull();
    expect(registry.verify('pi', Buffer.from(key))).not.toBeNull();
  });

  it('an invite for one device is not good for another', async () => {
    const { invite, join } = setUp();
    const token = await invite({ device: 'pi' });
    await expect(join(token, 'rig')).rejects.toMatchObject({ code: 'conflict' });
    await expect(join(token, 'pi')).resolves.toMatchObject({ device: 'pi' });
  });

  it('an invite that carries devices is good once, whatever it asked for', async () => {
    const { registry, invite, join } = setUp();
    const token = await invite({ uses: 5, carries: ['hotspot'] });
    const { key } = await join(token, 'pi');
    expect(registry.verify('pi', Buffer.from(key))?.devices).toEqual(new Set(['pi', 'hotspot']));
    await expect(join(token, 'pi-2')).rejects.toMatchObject({ code: 'unauthorized' });
  });

  it('a join that fails gives its use back', async () => {
    const { registry, writer, invite, join } = setUp();
    await registry.credential('hotspot', {});
    const token = await invite({ carries: ['hotspot'] });
    await expect(join(token, 'pi')).rejects.toMatchObject({ code: 'conflict' });
    await registry.remove('hotspot');
    writer.healthy = false;
    await expect(join(token, 'pi')).rejects.toMatchObject({ code: 'storage' });
    writer.healthy = true;
    await expect(join(token, 'pi')).resolves.toMatchObject({ device: 'pi' });
  });

  it('wrong tokens from one address are limited; good ones are not counted', async () => {
    const { joining, clock, invite, join } = setUp();
    const token = await invite({ uses: 200 });
    for (let at = 0; at < 100; at++) await join(token, `pi-${at}`);
    for (let at = 0; at < 10; at++) await expect(join(`mi_${at}`, 'x')).rejects.toMatchObject({ code: 'unauthorized' });
    await expect(join(token, 'y')).rejects.toMatchObject({ code: 'too_many' });
    await expect(joining.join({ token, device: 'y' }, '10.0.0.8')).resolves.toBeDefined();
    clock.advance(60_000);
    await expect(join(token, 'z')).resolves.toBeDefined();
  });

  it.each<[Partial<Invite>, string]>([
    [{ uses: 0 }, 'uses'],
    [{ uses: 1.5 }, 'uses'],
    [{ ttl_s: 0 }, 'ttl_s'],
    [{ ttl_s: 31 * 86_400 }, 'ttl_s'],
    [{ device: 'Not Good' }, 'device'],
    [{ carries: ['#'] }, 'device'],
  ])('an invite with %j is refused', async (more, path) => {
    const { invite } = setUp();
    await expect(invite(more)).rejects.toMatchObject({ code: 'bad_request', details: { path } });
  });
});

it('the limiter forgets the address that failed longest ago, never more than it may keep', () => {
  const limiter = createLimiter({ now: () => 0, most: 1, window_ms: 1_000, keys: 2 });
  for (const address of ['a', 'b', 'c']) limiter.failed(address);
  expect(['a', 'b', 'c'].map((address) => limiter.blocked(address))).toEqual([false, true, true]);
});
