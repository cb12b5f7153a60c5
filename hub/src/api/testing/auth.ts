import { AppError } from '@muster/shared/errors';
import { createSignal } from '@muster/shared/signal';
import type { Auth, Identity, Role } from '../../parts.js';

export const NOW = Date.UTC(2026, 0, 2);

const ROLE_TOKENS: Record<string, Role> = { 'viewer-token': 'viewer', 'operator-token': 'operator', 'admin-token': 'admin' };

/** Knows the three role tokens as bearer and as cookie, and keeps no users. */
export const createTestAuth = (): Auth => {
  const identify: Auth['identify'] = ({ bearer, session }) => {
    const id = bearer ?? session ?? '';
    const role = ROLE_TOKENS[id];
    if (!role) return null;
    const identity: Identity = { kind: bearer === undefined ? 'session' : 'token', id, name: `a ${role}`, role };
    return identity;
  };
  const refuse = async (): Promise<never> => {
    throw new AppError('unauthorized', 'The name or the password is wrong');
  };
  return {
    setup_needed: false,
    setup_code: null,
    setup: refuse,
    login: refuse,
    logout: async () => {},
    identify,
    changePassword: refuse,
    users: () => [],
    addUser: async ({ name, role }) => ({ name, role, created_at: NOW }),
    removeUser: async () => {},
    tokens: () => [],
    addToken: async ({ title, role }, by) => ({
      id: 'id',
      title,
      role,
      created_at: NOW,
      created_by: by.name,
      last_used: null,
      token: 'mt_secret',
    }),
    removeToken: async () => {},
    ended: createSignal(),
  };
};
