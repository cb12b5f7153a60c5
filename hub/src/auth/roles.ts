import { AppError } from '@muster/shared/errors';
import { type Identity, ROLES, type Role } from '../parts.js';

/** Nobody grants above their own role. */
export const refuseAbove = (by: Identity, role: Role): void => {
  if (ROLES.indexOf(role) <= ROLES.indexOf(by.role)) return;
  throw new AppError('forbidden', `A ${by.role} cannot grant the role ${role}; ask someone who has it`, { path: 'role' });
};
