import { createHash, randomBytes } from 'node:crypto';
import { silentLog } from '@muster/shared/log';
import { createTestClock } from '@muster/shared/testing/clock';
import { describe, expect, it } from 'vitest';
import type { Identity } from '../parts.js';
import type { Change, Json, Writer } from '../store/store.js';
import { createAuth } from './accounts.js';
import type { Derive } from './password.js';

/** A writer that keeps documents in a map, as a store would have them after a restart. */
const createDocuments = () => {
  const kept = new Map<string, { collection: string; key: string; value: Json }>();
  const apply = (changes: readonly Change[]) => {
    for (const change of changes) {
      if (change.kind !== 'document') continue;
      const id = `${change.collection}/${change.key}`;
      if (change.value === null) kept.delete(id);
      else kept.set(id, { collection: change.collection, key: change.key, value: change.value });
    }
  };
  const writer: Writer = {
    accepts: () => true,
    healthy: true,
    number: () => 1,
    async write(changes) {
      apply(changes);
    },
    queue(changes, { done }) {
      apply(changes);
      done?.();
    },
  };
  return { writer, all: () => [...kept.values()], text: () => JSON.stringify([...kept.values()]) };
};

/** Stands for scrypt where its slowness is not what is tested. */
const quick: Derive = async (password, salt) => createHash('sha256').update(salt).update(password).digest();

const start = (options: { derive?: Derive; admin_token?: string; control_token?: string } = {}) => {
  const clock = createTestClock();
  const disk = createDocuments();
  const make = () =>
    createAuth(
      { writer: disk.writer, now: clock.now, random: randomBytes, log: silentLog, derive: options.derive ?? quick },
      { documents: disk.all(), admin_token: options.admin_token ?? null, control_token: options.control_token ?? null },
    );
  return { clock, disk, auth: make(), again: make };
};

const PASSWORD = 'ten characters are enough';
const setUp = async (options: Parameters<typeof start>[0] = {}) => {
  const made = start(options);
  const { session } = await made.auth.setup({ code: made.auth.setup_code ?? '', name: 'ada', password: PASSWORD });
  const admin = made.auth.identify({ session });
  if (!admin) throw new Error('the first session is not good');
  return { ...made, session, admin };
};
const as = (role: Identity['role']): Identity => ({ kind: 'token', id: 'x', name: 'x', role });

describe('set-up', () => {
  it('works once with the code of this start and makes an admin who is signed in', async () => {
    const { auth, admin, again } = await setUp();
    expect(admin).toMatchObject({ kind: 'session', name: 'ada', role: 'admin' });
    expect(auth.setup_needed).toBe(false);
    expect(auth.setup_code).toBeNull();
    await expect(auth.setup({ code: 'x', name: 'eve', password: PASSWORD })).rejects.toMatchObject({ code: 'conflict' });
    expect(again().setup_code).toBeNull();
  });

  it('gives each start its own code until a user exists', async () => {
    const { auth, again } = start();
    const later = again();
    expect(later.setup_code).not.toBe(auth.setup_code);
    await expect(later.setup({ code: auth.setup_code ?? '', name: 'eve', password: PASSWORD })).rejects.toMatchObject({
      code: 'unauthorized',
    });
  });

  it('makes one user of two requests at the same time', async () => {
    const { auth } = start();
    const code = auth.setup_code ?? '';
    const both = await Promise.allSettled([
      auth.setup({ code, name: 'ada', password: PASSWORD }),
      auth.setup({ code, name: 'eve', password: PASSWORD }),
    ]);
    expect(both.map((one) => one.status)).toEqual(['fulfilled', 'rejected']);
    expect(auth.users()).toHaveLength(1);
  });

  it('keeps the link usable after a password that is too short', async () => {
    const { auth } = start();
    const code = auth.setup_code ?? '';
    await expect(auth.setup({ code, name: 'ada', password: 'short' })).rejects.toMatchObject({ code: 'bad_request' });
    await auth.setup({ code, name: 'ada', password: 'pässwörter' });
    expect(auth.users()).toMatchObject([{ name: 'ada', role: 'admin' }]);
  });
});

describe('sessions', () => {
  it('survive a restart and slide for 30 days from the last use', async () => {
    const { auth, session, again, clock } = await setUp();
    clock.advance(29 * 86_400_000);
    expect(auth.identify({ session })).not.toBeNull();
    clock.advance(29 * 86_400_000);
    expect(again().identify({ session })).not.toBeNull();
    clock.advance(30 * 86_400_000);
    expect(again().identify({ session })).toBeNull();
  });

  it('end at logout, for this process and for the next', async () => {
    const { auth, session, admin, again } = await setUp();
    const ended: string[] = [];
    auth.ended.on((id) => ended.push(id));
    await auth.logout(admin);
    expect(ended).toEqual([admin.id]);
    expect(auth.identify({ session })).toBeNull();
    expect(again().identify({ session })).toBeNull();
  });

  it('all end when the password changes, the asking one too', async () => {
    const { auth, session, admin } = await setUp();
    const other = await auth.login({ name: 'ada', password: PASSWORD }, '192.0.2.1');
    const ended: string[] = [];
    auth.ended.on((id) => ended.push(id));
    await auth.changePassword(admin, { old: PASSWORD, new: 'another long password' });
    expect(auth.identify({ session })).toBeNull();
    expect(auth.identify(other)).toBeNull();
    expect(ended).toHaveLength(2);
    await expect(auth.login({ name: 'ada', password: PASSWORD }, '192.0.2.1')).rejects.toMatchObject({ code: 'unauthorized' });
    await auth.login({ name: 'ada', password: 'another long password' }, '192.0.2.1');
  });

  it('do not come of a login that was under way when the password changed', async () => {
    let release: (() => void) | undefined;
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    let hold = false;
    const slow: Derive = async (password, salt, cost) => {
      if (hold) await held;
      return quick(password, salt, cost);
    };
    const { auth, admin } = await setUp({ derive: slow });
    hold = true;
    const login = auth.login({ name: 'ada', password: PASSWORD }, '192.0.2.1');
    hold = false;
    await auth.changePassword(admin, { old: PASSWORD, new: 'another long password' });
    release?.();
    await expect(login).rejects.toMatchObject({ code: 'unauthorized' });
  });

  it('end with their user', async () => {
    const { auth, admin } = await setUp();
    await auth.addUser({ name: 'bob', password: PASSWORD, role: 'viewer' }, admin);
    const session = await auth.login({ name: 'bob', password: PASSWORD }, '192.0.2.1');
    expect(auth.identify(session)).toMatchObject({ name: 'bob', role: 'viewer' });
    await auth.removeUser('bob', admin);
    expect(auth.identify(session)).toBeNull();
  });

  it('of one user are at most 50: the one unused for longest ends', async () => {
    const { auth, session, clock } = await setUp();
    for (let i = 0; i < 50; i++) {
      clock.advance(1000);
      await auth.login({ name: 'ada', password: PASSWORD }, '192.0.2.1');
    }
    expect(auth.identify({ session })).toBeNull();
  });
});

describe('logins', () => {
  it('hash as much for an unknown name and say the same', async () => {
    let hashed = 0;
    const counting: Derive = (...given) => {
      hashed++;
      return quick(...given);
    };
    const { auth } = await setUp({ derive: counting });
    const refusal = async (name: string) => {
      const before = hashed;
      const error = await auth.login({ name, password: 'something else' }, '192.0.2.1').catch((thrown: Error) => thrown);
      return [String(error), hashed - before];
    };
    expect(await refusal('nobody')).toEqual(await refusal('ada'));
  });

  it('are refused before hashing after ten failures of a name, and open again later', async () => {
    let hashed = 0;
    const counting: Derive = (...given) => {
      hashed++;
      return quick(...given);
    };
    const { auth, clock } = await setUp({ derive: counting });
    const wrong = () => auth.login({ name: 'ada', password: 'wrong' }, '192.0.2.1');
    for (let i = 0; i < 10; i++) await expect(wrong()).rejects.toMatchObject({ code: 'unauthorized' });
    const before = hashed;
    await expect(auth.login({ name: 'ada', password: PASSWORD }, '192.0.2.2')).rejects.toMatchObject({ code: 'too_many' });
    expect(hashed).toBe(before);
    clock.advance(15 * 60_000);
    await auth.login({ name: 'ada', password: PASSWORD }, '192.0.2.2');
  });

  it('of a name from an address where it signed in before are not locked out by failures elsewhere, only by its own', async () => {
    const { auth, clock } = await setUp();
    const login = (password: string, remote: string) => auth.login({ name: 'ada', password }, remote);
    await login(PASSWORD, '192.0.2.1');
    for (let i = 0; i < 10; i++) await expect(login('wrong', '198.51.100.7')).rejects.toMatchObject({ code: 'unauthorized' });
    await expect(login(PASSWORD, '198.51.100.7')).rejects.toMatchObject({ code: 'too_many' });
    await login(PASSWORD, '192.0.2.1');
    for (let i = 0; i < 10; i++) await expect(login('wrong', '192.0.2.1')).rejects.toMatchObject({ code: 'unauthorized' });
    await expect(login(PASSWORD, '192.0.2.1')).rejects.toMatchObject({ code: 'too_many' });
    clock.advance(15 * 60_000);
    await login(PASSWORD, '192.0.2.1');
  });

  it('elsewhere do not keep a person who is signed in from changing the password', async () => {
    const { auth, session, admin } = await setUp();
    for (let i = 0; i < 10; i++)
      await expect(auth.login({ name: 'ada', password: 'wrong' }, '198.51.100.7')).rejects.toMatchObject({
        code: 'unauthorized',
      });
    await auth.changePassword(admin, { old: PASSWORD, new: 'another long password' });
    expect(auth.identify({ session })).toBeNull();
    await auth.login({ name: 'ada', password: 'another long password' }, '192.0.2.9');
  });

  it('are refused after thirty failures of an address, whatever the names, an IPv6 network counting as one', async () => {
    const { auth } = await setUp();
    for (let i = 0; i < 30; i++) {
      const remote = `2001:db8:1:2::${i + 1}`;
      await expect(auth.login({ name: `n${i}`, password: 'wrong' }, remote)).rejects.toMatchObject({ code: 'unauthorized' });
    }
    const login = (remote: string) => auth.login({ name: 'ada', password: PASSWORD }, remote);
    await expect(login('2001:db8:1:2::ffff')).rejects.toMatchObject({ code: 'too_many' });
    await login('2001:db8:1:3::1');
  });

  it('hash at most two passwords at a time and refuse a crowd', async () => {
    let running = 0;
    let most = 0;
    const watched: Derive = async (...given) => {
      most = Math.max(most, ++running);
      await new Promise((resolve) => setImmediate(resolve));
      running--;
      return quick(...given);
    };
    const { auth } = await setUp({ derive: watched });
    const tries = Array.from({ length: 60 }, (_, i) => auth.login({ name: `n${i}`, password: 'wrong' }, `192.0.2.${i}`));
    const codes = (await Promise.allSettled(tries)).map((one) => (one.status === 'rejected' ? one.reason.code : 'ok'));
    expect(most).toBe(2);
    expect(new Set(codes)).toEqual(new Set(['unauthorized', 'busy']));
  });

  it('work with the real scrypt', async () => {
    const disk = createDocuments();
    const auth = createAuth(
      { writer: disk.writer, now: () => 0, random: randomBytes, log: silentLog },
      { documents: [], admin_token: null },
    );
    await auth.setup({ code: auth.setup_code ?? '', name: 'ada', password: PASSWORD });
    await auth.login({ name: 'ada', password: PASSWORD }, '::1');
    await expect(auth.login({ name: 'ada', password: `${PASSWORD}!` }, '::1')).rejects.toMatchObject({ code: 'unauthorized' });
  });
});

describe('tokens', () => {
  it('identify their role until they are removed', async () => {
    const { auth, admin, again } = await setUp();
    const made = await auth.addToken({ title: 'grafana', role: 'viewer' }, admin);
    expect(made.token).toMatch(/^mt_[\w-]{43}$/);
    expect(again().identify({ bearer: made.token })).toMatchObject({ kind: 'token', id: made.id, role: 'viewer' });
    const ended: string[] = [];
    auth.ended.on((id) => ended.push(id));
    await auth.removeToken(made.id, admin);
    expect(ended).toEqual([made.id]);
    expect(auth.identify({ bearer: made.token })).toBeNull();
  });

  it('are never granted above the role of who asks, nor are users', async () => {
    const { auth } = await setUp();
    await expect(auth.addToken({ title: 't', role: 'admin' }, as('operator'))).rejects.toThrow(/cannot grant/);
    await expect(auth.addUser({ name: 'eve', password: PASSWORD, role: 'operator' }, as('viewer'))).rejects.toMatchObject({
      code: 'forbidden',
    });
  });

  it('and passwords and cookies are nowhere in what is stored', async () => {
    const { auth, admin, session, disk } = await setUp();
    const { token } = await auth.addToken({ title: 'grafana', role: 'viewer' }, admin);
    for (const secret of [token, token.slice(3), session, PASSWORD]) expect(disk.text()).not.toContain(secret);
  });

  it('of the settings and of the command line are admins; a bearer is never tried as a cookie', async () => {
    const { auth, session } = await setUp({ admin_token: 'a-token-of-an-operator', control_token: 'control' });
    expect(auth.identify({ bearer: 'a-token-of-an-operator' })).toMatchObject({ kind: 'admin_token', role: 'admin' });
    expect(auth.identify({ bearer: 'control' })).toMatchObject({ kind: 'control', role: 'admin' });
    expect(auth.identify({ bearer: session })).toBeNull();
    expect(auth.identify({ bearer: '', session })).toBeNull();
    expect(auth.identify({})).toBeNull();
  });

  it('of the settings must have 16 characters', () => {
    expect(() => start({ admin_token: 'short' })).toThrow(/MUSTER_ADMIN_TOKEN/);
  });
});

describe('users', () => {
  it('keep one admin', async () => {
    const { auth, admin } = await setUp();
    await expect(auth.removeUser('ada', admin)).rejects.toMatchObject({ code: 'conflict' });
    await auth.addUser({ name: 'bob', password: PASSWORD, role: 'admin' }, admin);
    await auth.removeUser('ada', admin);
    expect(auth.users().map((user) => user.name)).toEqual(['bob']);
  });

  it('stop the start when a record is damaged, instead of opening the hub to a new set-up', () => {
    const { disk, clock } = start();
    const documents = [{ collection: 'users', key: 'ada', value: { role: 'admin' } }];
    const make = () =>
      createAuth({ writer: disk.writer, now: clock.now, random: randomBytes, log: silentLog }, { documents, admin_token: null });
    expect(make).toThrow(/damaged/);
  });
});
