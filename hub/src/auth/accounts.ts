import { AppError, assert } from '@muster/shared/errors';
import type { Log } from '@muster/shared/log';
import { createSignal } from '@muster/shared/signal';
import type { Auth, Identity, Role } from '../parts.js';
import type { Json, Writer } from '../store/store.js';
import { createLoginLimits, type LoginLimits } from './limits.js';
import { checkNewPassword, createHasher, type Derive, type Hasher } from './password.js';
import { refuseAbove } from './roles.js';
import { freshSecret, type Random, sameSecret } from './secrets.js';
import { createSessions, type Sessions } from './sessions.js';
import { createTokens, type Tokens } from './tokens.js';
import { canonicalName, checkNewName, createUsers, type Users } from './users.js';

export interface AuthNeeds {
  writer: Writer;
  now: () => number;
  random: Random;
  log: Log;
  /** scrypt unless said otherwise. */
  derive?: Derive | undefined;
}

export interface AuthSettings {
  /** What the store held at start. */
  documents: readonly { collection: string; key: string; value: Json }[];
  /** MUSTER_ADMIN_TOKEN. */
  admin_token: string | null;
  /** The secret of DATA/hub/control.json: admin until the hub stops. */
  control_token?: string | null | undefined;
}

/** Everything the verbs below share. */
interface Kit {
  hasher: Hasher;
  limits: LoginLimits;
  users: Users;
  sessions: Sessions;
  tokens: Tokens;
  now: () => number;
  log: Log;
}

/** Who may do what here: people with passwords, tokens for programs, one-time set-up. */
export const createAuth = (needs: AuthNeeds, settings: AuthSettings): Auth => {
  refuseShort(settings.admin_token);
  const ended = createSignal<string>();
  const end = (id: string) => ended.emit(id);
  const kit: Kit = {
    hasher: createHasher(needs.random, needs.derive),
    limits: createLoginLimits(needs.now),
    users: createUsers(needs.writer, settings.documents),
    sessions: createSessions({ ...needs, ended: end }, settings.documents),
    tokens: createTokens(needs, settings.documents),
    now: needs.now,
    log: needs.log,
  };
  const setup = createSetup(kit, needs.random);
  return {
    ended,
    get setup_needed() {
      return kit.users.size === 0;
    },
    get setup_code() {
      return setup.code();
    },
    setup: setup.run,
    login: (request, remote) => login(kit, request, remote),
    async logout(identity) {
      if (identity.kind === 'session') await kit.sessions.end(identity.id);
    },
    identify: (credentials) => identify(kit, settings, credentials),
    changePassword: (identity, request) => changePassword(kit, identity, request),
    users: () => kit.users.list(),
    addUser: (user, by) => addUser(kit, user, by),
    removeUser: (name, by) => removeUser(kit, canonicalName(name), by),
    tokens: () => kit.tokens.list(),
    addToken: (token, by) => addToken(kit, token, by),
    removeToken: (id, by) => removeToken(kit, { id, by }, end),
  };
};

const refuseShort = (token: string | null): void => {
  if (token !== null && token.length < 16)
    throw new AppError('bad_settings', 'Setting MUSTER_ADMIN_TOKEN must have at least 16 characters', { path: 'admin_token' });
};

/** The first user; the code is remade at each start until there is one. */
const createSetup = (kit: Kit, random: Random) => {
  let code: string | null = kit.users.size === 0 ? freshSecret(random, 18) : null;
  const run: Auth['setup'] = async (request) => {
    if (kit.users.size > 0) throw new AppError('conflict', 'This hub is set up already; sign in instead');
    const mine = code;
    if (mine === null || !sameSecret(request.code, mine)) {
      throw new AppError('unauthorized', 'This set-up link is not valid (any more); use the one that the hub printed last', {
        path: 'code',
      });
    }
    code = null;
    try {
      const name = await create(kit, { ...request, role: 'admin' });
      return { session: await kit.sessions.open(name) };
    } finally {
      // A refused name or password, or a store that cannot write, must leave the link usable.
      if (kit.users.size === 0) code = mine;
    }
  };
  return { run, code: () => (kit.users.size === 0 ? code : null) };
};

const create = async (kit: Kit, user: { name: string; password: string; role: Role }): Promise<string> => {
  const name = canonicalName(user.name);
  checkNewName(name);
  checkNewPassword(user.password);
  refuseTaken(kit, name);
  const password = await kit.hasher.make(user.password);
  refuseTaken(kit, name);
  await kit.users.put(name, { role: user.role, created_at: kit.now(), password });
  return name;
};

const refuseTaken = (kit: Kit, name: string): void => {
  if (kit.users.get(name)) throw new AppError('conflict', `There is a user "${name}" already`, { path: 'name' });
};

const login = async (kit: Kit, request: { name: string; password: string }, remote: string) => {
  const name = canonicalName(request.name);
  const user = await checkPassword(kit, { name, password: request.password, remote });
  const session = await kit.sessions.open(name);
  if (kit.users.get(name) === user) return { session };
  // The password changed while the session was written: it must end with the others.
  await kit.sessions.endOf(name);
  throw wrongPassword();
};

const wrongPassword = () => new AppError('unauthorized', 'The name or the password is wrong');

interface Attempt {
  name: string;
  password: string;
  remote: string;
  /** Signed in already: failures elsewhere do not count. */
  known?: boolean;
}

/** Counts before it hashes; the same sentence and the same time for a wrong name and a wrong password. */
const checkPassword = async (kit: Kit, { name, password, ...from }: Attempt) => {
  const attempt = kit.limits.take(name, from);
  const user = kit.users.get(name);
  const right = await kit.hasher.verify(password, user?.password ?? null).catch((error: unknown) => {
    attempt.takeBack();
    throw error;
  });
  // The user may have been removed, or the password changed, while this one was hashed.
  if (!right || kit.users.get(name) !== user) throw wrongPassword();
  attempt.succeeded();
  return user;
};

const identify = (
  kit: Kit,
  settings: AuthSettings,
  credentials: { session?: string | undefined; bearer?: string | undefined },
): Identity | null => {
  if (credentials.bearer !== undefined) return byBearer(kit, settings, credentials.bearer);
  if (credentials.session !== undefined) return bySession(kit, credentials.session);
  return null;
};

const byBearer = (kit: Kit, { control_token, admin_token }: AuthSettings, bearer: string): Identity | null => {
  const token = kit.tokens.find(bearer);
  if (token) return { kind: 'token', id: token.id, name: `token ${token.title}`, role: token.role };
  if (control_token && sameSecret(bearer, control_token))
    return { kind: 'control', id: 'control', name: 'command line', role: 'admin' };
  if (admin_token !== null && sameSecret(bearer, admin_token))
    return { kind: 'admin_token', id: 'admin_token', name: 'MUSTER_ADMIN_TOKEN', role: 'admin' };
  return null;
};

const bySession = (kit: Kit, cookie: string): Identity | null => {
  const session = kit.sessions.find(cookie);
  const user = session && kit.users.get(session.user);
  return session && user ? { kind: 'session', id: session.id, name: session.user, role: user.role } : null;
};

/** Ends every session of the user, the asking one too: a copied cookie must not outlive the change. */
const changePassword = async (kit: Kit, identity: Identity, request: { old: string; new: string }): Promise<void> => {
  if (identity.kind !== 'session') throw new AppError('bad_request', 'Only a person who signed in has a password to change');
  checkNewPassword(request.new);
  await checkPassword(kit, { name: identity.name, password: request.old, remote: `session ${identity.id}`, known: true });
  const password = await kit.hasher.make(request.new);
  const user = kit.users.get(identity.name);
  if (!user) throw new AppError('not_found', `The user "${identity.name}" was removed meanwhile`);
  await kit.users.put(identity.name, { ...user, password });
  kit.limits.forget(identity.name);
  await kit.sessions.endOf(identity.name);
  kit.log.info('password changed', { user: identity.name });
};

const addUser = async (kit: Kit, user: { name: string; password: string; role: Role }, by: Identity) => {
  refuseAbove(by, user.role);
  const name = await create(kit, user);
  const record = kit.users.get(name);
  assert(record, 'a user that was just added is there');
  return { name, role: record.role, created_at: record.created_at };
};

const removeUser = async (kit: Kit, name: string, by: Identity): Promise<void> => {
  const user = kit.users.get(name);
  if (!user) throw new AppError('not_found', `There is no user "${name}"`);
  refuseAbove(by, user.role);
  const admins = kit.users.list().filter((one) => one.role === 'admin');
  if (user.role === 'admin' && admins.length === 1)
    throw new AppError('conflict', `"${name}" is the last admin; add another one first`);
  await Promise.all([kit.users.remove(name), kit.sessions.endOf(name)]);
};

const addToken = async (kit: Kit, token: { title: string; role: Role }, by: Identity) => {
  refuseAbove(by, token.role);
  return kit.tokens.add({ ...token, by: by.name });
};

const removeToken = async (kit: Kit, { id, by }: { id: string; by: Identity }, end: (id: string) => void): Promise<void> => {
  const token = kit.tokens.get(id);
  if (!token) throw new AppError('not_found', `There is no token "${id}"`);
  refuseAbove(by, token.role);
  const removing = kit.tokens.remove(id);
  end(id);
  await removing;
};
