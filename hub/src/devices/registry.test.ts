import { randomBytes } from 'node:crypto';
import { silentLog } from '@muster/shared/log';
import { idOfColumns } from '@muster/shared/wire/codec';
import type { Birth } from '@muster/shared/wire/messages';
import { describe, expect, it } from 'vitest';
import type { Grant } from '../bus/bus.js';
import { createHandWriter } from '../hand-writer.js';
import { DEVICE_LIMITS } from './limits.js';
import { createRegistry } from './registry.js';

const NOW = Date.UTC(2026, 0, 1);
const setUp = (writer = createHandWriter()) => {
  const needs = { writer, now: () => NOW, random: randomBytes, log: silentLog };
  const registry = createRegistry(needs, writer.documents());
  const signals: string[] = [];
  registry.changed.on((id) => signals.push(`changed ${id}`));
  registry.removed.on((id) => signals.push(`removed ${id}`));
  registry.revoked.on((id) => signals.push(`revoked ${id}`));
  const grantOf = (agent: string, devices: string[] = []): Grant => ({ agent, devices: new Set([agent, ...devices]) });
  return { registry, writer, signals, grantOf, again: () => setUp(writer) };
};
const columnsOf = (...list: string[]) => ({ id: idOfColumns(list), list });
const birth = (more: Partial<Birth> = {}): Birth => ({
  boot: 'aaaaaaaa',
  session: 1,
  agent_version: '0.1.0',
  interval_ms: 10_000,
  about: { hostname: 'attic' },
  metrics: [{ id: 'hw.temperature', unit: 'Cel', kind: 'gauge', title: 'Temperature' }],
  columns: [columnsOf('hw.temperature{zone=cpu}')],
  ...more,
});
const key = (text: string) => Buffer.from(text);

describe('credentials', () => {
  it('a new device gets a key that verifies, and is there after a restart', async () => {
    const { registry, writer, again } = setUp();
    const made = await registry.credential('pi', { about: { model: 'Pi 4' } });
    expect(made.key).toMatch(/^[\w-]{43}$/);
    for (const one of [registry, again().registry]) {
      expect(one.verify('pi', key(made.key))).toEqual({ agent: 'pi', devices: new Set(['pi']) });
      expect(one.get('pi')).toMatchObject({ id: 'pi', name: 'pi', about: { model: 'Pi 4' }, created_at: NOW });
    }
    expect(JSON.stringify(writer.committed)).not.toContain(made.key);
  });

  it('a wrong key, another device’s key, an empty one and an unknown user are refused', async () => {
    const { registry } = setUp();
    const { key: one } = await registry.credential('one', {});
    await registry.credential('two', {});
    expect(registry.verify('two', key(one))).toBeNull();
    expect(registry.verify('one', key(`${one}x`))).toBeNull();
    expect(registry.verify('one', key(''))).toBeNull();
    for (const nobody of ['three', '__proto__', 'constructor', '']) expect(registry.verify(nobody, key(one))).toBeNull();
  });

  it('a new key ends the old one and keeps what is carried', async () => {
    const { registry, signals } = setUp();
    const old = await registry.credential('pi', { carries: ['hotspot'] });
    expect(signals).not.toContain('revoked pi');
    const fresh = await registry.credential('pi', {});
    expect(registry.verify('pi', key(old.key))).toBeNull();
    expect(registry.verify('pi', key(fresh.key))?.devices).toEqual(new Set(['pi', 'hotspot']));
    expect(signals).toContain('revoked pi');
  });

  it('carried devices exist from the moment that a credential holds them', async () => {
    const { registry, again } = setUp();
    await registry.credential('pi', {});
    await registry.carries('pi', ['hotspot', 'van']);
    for (const one of [registry, again().registry]) expect(one.get('van')).toMatchObject({ carried_by: 'pi' });
    await registry.carries('pi', ['van']);
    expect(registry.get('hotspot')).toMatchObject({ carried_by: null });
  });

  it('a device has one voice: what speaks for itself or is carried elsewhere cannot be carried', async () => {
    const { registry } = setUp();
    await registry.credential('pi', { carries: ['hotspot'] });
    await registry.credential('rig', {});
    await expect(registry.carries('rig', ['pi'])).rejects.toMatchObject({ code: 'conflict' });
    await expect(registry.carries('rig', ['hotspot'])).rejects.toMatchObject({ code: 'conflict' });
    await expect(registry.credential('new', { carries: ['hotspot'] })).rejects.toMatchObject({ code: 'conflict' });
    expect(registry.get('new')).toBeUndefined();
  });

  it('a carried device that gets a key of its own leaves its agent', async () => {
    const { registry, signals } = setUp();
    const { key: pi } = await registry.credential('pi', { carries: ['hotspot'] });
    await registry.credential('hotspot', {});
    expect(registry.verify('pi', key(pi))?.devices).toEqual(new Set(['pi']));
    expect(registry.get('hotspot')).toMatchObject({ carried_by: null });
    expect(signals).toContain('revoked pi');
  });

  it('wrong ids are refused', async () => {
    const { registry } = setUp();
    for (const id of ['', 'A', '-a', 'a/b', '__proto__', 'a'.repeat(64)])
      await expect(registry.credential(id, {})).rejects.toMatchObject({ code: 'bad_request' });
  });

  it('while the store cannot commit nothing changes, in memory neither', async () => {
    const { registry, writer, signals } = setUp();
    const { key: good } = await registry.credential('pi', {});
    signals.length = 0;
    writer.healthy = false;
    await expect(registry.credential('pi', {})).rejects.toMatchObject({ code: 'storage' });
    await expect(registry.credential('new', {})).rejects.toMatchObject({ code: 'storage' });
    await expect(registry.patch('pi', { name: 'x' })).rejects.toMatchObject({ code: 'storage' });
    await expect(registry.remove('pi')).rejects.toMatchObject({ code: 'storage' });
    expect(registry.verify('pi', key(good))).not.toBeNull();
    expect(registry.get('pi')?.name).toBe('pi');
    expect(registry.get('new')).toBeUndefined();
    expect(signals).toEqual([]);
  });
});

describe('births', () => {
  it('fill device, columns and metrics, and survive a restart', async () => {
    const { registry, writer, grantOf, again } = setUp();
    await registry.credential('pi', {});
    writer.committed.push(...registry.born(grantOf('pi'), birth()));
    for (const one of [registry, again().registry]) {
      expect(one.get('pi')).toMatchObject({ about: { hostname: 'attic' }, interval_ms: 10_000, agent_version: '0.1.0' });
      expect(one.columns('pi', birth().columns[0]?.id ?? '')).toEqual(['hw.temperature{zone=cpu}']);
      expect(one.declaration('pi', 'hw.temperature')).toEqual({ kind: 'gauge', unit: 'Cel', title: 'Temperature' });
      expect(one.declaration('pi', 'other')).toEqual({ kind: 'gauge', unit: '1', title: 'other' });
      expect(one.catalogue().map(({ metric }) => metric)).toEqual(['hw.temperature']);
    }
  });

  it('that say nothing new write nothing', async () => {
    const { registry, signals, grantOf } = setUp();
    await registry.credential('pi', {});
    registry.born(grantOf('pi'), birth());
    signals.length = 0;
    expect(registry.born(grantOf('pi'), birth({ session: 2 }))).toEqual([]);
    expect(signals).toEqual([]);
  });

  it('of the same session add metrics and columns', async () => {
    const { registry, grantOf } = setUp();
    await registry.credential('pi', {});
    registry.born(grantOf('pi'), birth());
    const more = columnsOf('a', 'b');
    registry.born(grantOf('pi'), birth({ metrics: [{ id: 'a', unit: 'W', kind: 'counter', title: 'A' }], columns: [more] }));
    expect(registry.columns('pi', birth().columns[0]?.id ?? '')).toBeDefined();
    expect(registry.columns('pi', more.id)).toEqual(['a', 'b']);
    expect(registry.declaration('pi', 'hw.temperature').unit).toBe('Cel');
    expect(registry.declaration('pi', 'a').kind).toBe('counter');
  });

  it('equal column lists and declarations of many devices are held once', async () => {
    const { registry, grantOf } = setUp();
    for (const id of ['a', 'b']) {
      await registry.credential(id, {});
      registry.born(grantOf(id), birth({ about: { hostname: id } }));
    }
    const { id } = columnsOf('hw.temperature{zone=cpu}');
    expect(registry.columns('a', id)).toBe(registry.columns('b', id));
    expect(registry.declaration('a', 'hw.temperature')).toBe(registry.declaration('b', 'hw.temperature'));
  });

  it('with a columns id that is not the hash of its list, or a series twice, are refused as a whole', async () => {
    const { registry, grantOf } = setUp();
    await registry.credential('pi', {});
    const wrong = { id: '00000000', list: ['a'] };
    const twice = columnsOf('a{x=1,y=2}', 'a{y=2,x=1}');
    for (const columns of [[wrong], [twice]]) {
      expect(() => registry.born(grantOf('pi'), birth({ columns }))).toThrow(/columns/);
      expect(registry.get('pi')?.agent_version).toBeNull();
    }
  });

  it('describe carried devices that the credential holds; others wait for approval', async () => {
    const { registry, grantOf } = setUp();
    await registry.credential('pi', { carries: ['hotspot'] });
    const list = ['helium.height'];
    const columns = [
      { ...columnsOf(...list), device: 'hotspot' },
      { ...columnsOf(...list), device: 'stranger' },
    ];
    const carries = [{ device: 'hotspot', about: { model: 'locked' }, interval_ms: 60_000 }, { device: 'stranger' }];
    registry.born(grantOf('pi', ['hotspot']), birth({ columns, carries }));
    expect(registry.get('hotspot')).toMatchObject({ about: { model: 'locked' }, interval_ms: 60_000 });
    expect(registry.columns('hotspot', idOfColumns(list))).toEqual(list);
    expect(registry.columns('stranger', idOfColumns(list))).toBeUndefined();
    expect(registry.get('stranger')).toBeUndefined();
    expect(registry.waiting()).toEqual([{ agent: 'pi', device: 'stranger' }]);
    registry.born(grantOf('pi', ['hotspot']), birth({ session: 2 }));
    expect(registry.waiting()).toEqual([]);
  });

  it('cannot fill the memory: lists and facts are bounded, the newest lists stay', async () => {
    const { registry, writer, grantOf } = setUp();
    await registry.credential('pi', {});
    const lists = Array.from({ length: DEVICE_LIMITS.column_lists + 40 }, (_, at) => columnsOf(`m${at}`));
    for (const list of lists) writer.committed.push(...registry.born(grantOf('pi'), birth({ columns: [list] })));
    const held = lists.filter(({ id }) => registry.columns('pi', id));
    expect(held).toEqual(lists.slice(-DEVICE_LIMITS.column_lists));
    expect(writer.documents().filter(({ collection }) => collection === 'columns')).toHaveLength(DEVICE_LIMITS.column_lists);
    const about = Object.fromEntries(Array.from({ length: 500 }, (_, at) => [`f${at}`, 'x'.repeat(5_000)]));
    registry.born(grantOf('pi'), birth({ about }));
    expect(JSON.stringify(registry.get('pi')?.about).length).toBeLessThan(40_000);
  });

  it('of a removed device are refused', () => {
    const { registry, grantOf } = setUp();
    expect(() => registry.born(grantOf('gone'), birth())).toThrow(/no device "gone"/);
  });
});

describe('editing', () => {
  it('a patch changes what it names, and is there after a restart', async () => {
    const { registry, signals, again } = setUp();
    await registry.credential('pi', {});
    await registry.sites.put({ id: 'attic', name: 'Attic', tariff: '0.31', time_zone: 'Europe/Berlin' });
    await registry.patch('pi', { name: 'Attic Pi', site: 'attic', tags: ['a'] });
    for (const one of [registry, again().registry]) {
      expect(one.get('pi')).toMatchObject({ name: 'Attic Pi', site: 'attic', tags: ['a'], watts: null });
      expect(one.sites.get('attic')).toMatchObject({ tariff: '0.31' });
    }
    expect(signals.at(-1)).toBe('changed pi');
  });

  it('an unknown device or site is named', async () => {
    const { registry } = setUp();
    await expect(registry.patch('nobody', {})).rejects.toMatchObject({ code: 'not_found' });
    await registry.credential('pi', {});
    await expect(registry.patch('pi', { site: 'nowhere' })).rejects.toThrow(/no site "nowhere"/);
  });

  it('removing forgets rows, key, columns and metrics, and says so', async () => {
    const { registry, writer, signals, grantOf, again } = setUp();
    const { key: pi } = await registry.credential('pi', { carries: ['hotspot'] });
    writer.committed.push(...registry.born(grantOf('pi', ['hotspot']), birth()));
    await registry.remove('pi');
    for (const one of [registry, again().registry]) {
      expect(one.get('pi')).toBeUndefined();
      expect(one.verify('pi', key(pi))).toBeNull();
      expect(one.columns('pi', birth().columns[0]?.id ?? '')).toBeUndefined();
      expect(one.get('hotspot')).toMatchObject({ carried_by: null });
    }
    expect(writer.committed).toContainEqual({ kind: 'forget', device: 'pi' });
    expect(writer.documents().filter((one) => one.key.startsWith('pi'))).toEqual([]);
    expect(signals).toEqual(expect.arrayContaining(['revoked pi', 'removed pi', 'changed hotspot']));
  });

  it('removing a carried device takes it from its agent’s credential', async () => {
    const { registry, signals } = setUp();
    const { key: pi } = await registry.credential('pi', { carries: ['hotspot'] });
    await registry.remove('hotspot');
    expect(registry.verify('pi', key(pi))?.devices).toEqual(new Set(['pi']));
    expect(signals).toEqual(expect.arrayContaining(['revoked pi', 'removed hotspot']));
  });
});
