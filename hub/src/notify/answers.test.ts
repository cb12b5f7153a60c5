import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createHarness, type HarnessOptions } from './testing/harness.js';

const DAY = 86_400_000;
const tokenOf = (url: string | undefined): string => new URL(url ?? '').searchParams.get('token') ?? '';

const up = async (options: HarnessOptions = {}) => {
  const hub = createHarness(options);
  await hub.start();
  const told = async (id: string, device: string, more: object = {}) => {
    hub.fire(id, device, more);
    await hub.pass(1_000);
    const notice = hub.sent.splice(0).at(-1);
    return { notice, token: notice?.acknowledge ? tokenOf(notice.acknowledge.url) : '' };
  };
  const marks = () =>
    hub.log.flatMap(({ change, by, alert }) => (change === 'acknowledged' ? [[alert.id, by, alert.acknowledged?.comment]] : []));
  return { ...hub, hub, told, marks };
};

describe('a notice that can be acknowledged', () => {
  it('holds a link at the public address; who opens it is asked, who posts to it acknowledges, once, by name and reason', async () => {
    const { hub, told, marks } = await up();
    const { notice, token } = await told('1', 'pi');
    expect(notice?.acknowledge?.url).toMatch(/^https:\/\/muster\.example\.org\/acknowledge\?token=[\w.-]+$/);
    const asked = { over: false, alerts: [{ id: '1', device_name: 'Name of pi', acknowledged_by: null }] };
    expect(hub.notify.asked(token)).toMatchObject(asked);
    expect(marks()).toEqual([]);
    for (let time = 0; time < 2; time++)
      expect(await hub.notify.answered(token)).toMatchObject({ alerts: [{ acknowledged_by: 'notice:ada' }] });
    expect(marks()).toEqual([['1', 'notice:ada', 'Acknowledged from the notice']]);
    expect(hub.audited).toEqual([['notice:ada', 'acknowledge', '1', { comment: 'Acknowledged from the notice' }]]);
    await hub.pass(9 * 3_600_000, 60_000);
    expect(hub.heard()).toEqual([]);
  });

  it('says nothing of it without a public address, when it is over, when it tells of what was held back, or when that is off', async () => {
    const lone = await up({ base: null });
    const { notice } = await lone.told('1', 'pi');
    expect([notice?.acknowledge, notice?.link, notice?.path]).toEqual([undefined, null, '/alerts?alert=1']);
    expect(notice?.acknowledge_code).toMatch(/^a\./);
    const { hub, told } = await up();
    await told('1', 'pi');
    hub.resolve('1');
    await hub.pass(1_000);
    expect(hub.sent.splice(0)[0]).not.toHaveProperty('acknowledge');
    await hub.notify.putNotifier('ada', { kind: 'hook', config: { url: 'http://ada' }, acknowledge: false, per_minute: 1 });
    expect((await told('2', 'rig')).notice).not.toHaveProperty('acknowledge');
    await hub.notify.putNotifier('ada', { kind: 'hook', config: { url: 'http://ada' }, acknowledge: true, per_minute: 1 });
    await hub.notify.setRoutes([{ id: 'default', match: {}, group_by: 'none' }]);
    for (const id of ['3', '4', '5']) hub.fire(id, `pi-${id}`, { rule: `r${id}` });
    await hub.pass(120_000);
    const held = hub.sent.find(({ title }) => title.includes('held back'));
    expect(held).toBeDefined();
    expect(held).not.toHaveProperty('acknowledge');
  });

  it('is for what that notice told of, and for nothing else', async () => {
    const { hub, told, marks } = await up();
    const { token } = await told('1', 'pi');
    await told('2', 'rig');
    await hub.notify.answered(token);
    expect(marks().map(([id]) => id)).toEqual(['1']);
    hub.resolve('1');
    expect(await hub.notify.answered(token)).toEqual({ over: true, alerts: [] });
    await hub.pass(5 * 3_600_000, 60_000);
    hub.fire('1b', 'pi');
    await hub.pass(1_000);
    expect(hub.notify.asked(token)).toEqual({ over: true, alerts: [] });
  });

  it('takes all devices of a site that is away, and all alerts of a group', async () => {
    const { hub, marks } = await up();
    for (const id of ['a', 'b', 'c', 'd', 'e', 'f', 'g']) hub.devices.set(id, { site: 'home' });
    for (const id of ['a', 'b', 'c']) hub.pending(id, id);
    for (const id of ['a', 'b', 'c']) hub.fire(id, id);
    await hub.pass(1_500);
    await hub.notify.answered(tokenOf(hub.sent.splice(0)[0]?.acknowledge?.url));
    expect(
      marks()
        .map(([id]) => id)
        .sort(),
    ).toEqual(['a', 'b', 'c']);
    for (const id of ['d', 'e']) hub.fire(`hot-${id}`, id, { rule: 'threshold', title: 'Hot' });
    await hub.pass(1_500);
    await hub.notify.answered(tokenOf(hub.sent.splice(0)[0]?.acknowledge?.url));
    expect(
      marks()
        .map(([id]) => id)
        .slice(3)
        .sort(),
    ).toEqual(['hot-d', 'hot-e']);
  });

  it('takes all that one channel was told of in a notice that waited, though others heard of each by itself', async () => {
    const { hub, marks } = await up();
    await hub.notify.putNotifier('bob', { kind: 'hook', config: { url: 'http://bob' } });
    hub.broken.set('bob', { code: 'too_many', retry_after_ms: 60_000 });
    for (const id of ['1', '2', '3']) {
      hub.fire(id, `pi-${id}`);
      await hub.pass(5_000);
    }
    hub.broken.delete('bob');
    await hub.pass(60_000);
    const late = hub.sent.filter(({ to }) => to === 'bob').at(-1);
    expect(late?.title).toBe('2 alerts: Device offline');
    await hub.notify.answered(tokenOf(late?.acknowledge?.url));
    expect(marks().map(([id]) => id)).toEqual(['2', '3']);
  });

  it('leaves to somebody what they took already', async () => {
    const { hub, told, marks } = await up();
    const { token } = await told('1', 'pi');
    hub.mark('1', { acknowledged: { by: 'bob', at: 0, comment: null } });
    expect(await hub.notify.answered(token)).toMatchObject({ alerts: [{ acknowledged_by: 'bob' }] });
    expect(marks()).toHaveLength(1);
  });

  it('is good after a restart of the hub, for seven days', async () => {
    const { hub, told } = await up();
    const { token, notice } = await told('1', 'pi');
    await hub.crash();
    expect(hub.notify.asked(token).over).toBe(false);
    hub.clock.advance(7 * DAY - 2_000);
    expect(hub.notify.asked(token).over).toBe(false);
    hub.clock.advance(5_000);
    expect(() => hub.notify.asked(token)).toThrow('no longer good');
    await expect(hub.notify.answered(token)).rejects.toMatchObject({ code: 'expired' });
    expect(notice?.acknowledge_code?.length).toBeLessThanOrEqual(64);
  });

  it('is refused with anything changed, from another hub, or as the other kind', async () => {
    const { hub, told, marks } = await up();
    const { token, notice } = await told('1', 'pi');
    const code = notice?.acknowledge_code ?? '';
    const changed = fc
      .tuple(fc.nat(token.length - 1), fc.constantFrom(...'abcz019._-'))
      .map(([at, by]) => token.slice(0, at) + by + token.slice(at + 1));
    const forged = fc.oneof(
      changed,
      fc.string({ maxLength: 80 }),
      fc.nat(token.length - 1).map((at) => token.slice(0, at)),
    );
    fc.assert(
      fc.property(forged, (text) => {
        if (text !== token) expect(() => hub.notify.asked(text)).toThrow('not one of this hub');
      }),
      { numRuns: 500 },
    );
    expect(() => hub.notify.asked(code.slice(2))).toThrow('not one of this hub');
    const [until, thread, , mac] = token.split('.');
    expect(() => hub.notify.asked([until, thread, 'bob', mac].join('.'))).toThrow('not one of this hub');
    expect(marks()).toEqual([]);
  });
});
