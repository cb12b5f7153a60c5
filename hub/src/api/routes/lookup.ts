import { AppError } from '@muster/shared/errors';
import type { Device, Identity, Parts } from '../../parts.js';
import type { Exchange } from '../route.js';

export const DAY_MS = 86_400_000;

export const requireDevice = (parts: Parts, id: string): Device => {
  const device = parts.registry.get(id);
  if (device) return device;
  throw new AppError('not_found', `There is no device "${id}"`, { path: 'device' });
};

export const requireWho = ({ who }: Exchange): Identity => {
  if (who) return who;
  throw new AppError('unauthorized', 'This needs a session or an API token');
};

/** Who asks; only an open route has nobody. */
export const nameOf = (who: { name: string } | null): string => who?.name ?? 'nobody';

/** A span of time, the last day unless said otherwise. */
export const spanOf = (query: { from?: number | undefined; to?: number | undefined }, now: number, length = DAY_MS) => {
  const to = query.to ?? now;
  const from = query.from ?? to - length;
  if (from >= to) throw new AppError('bad_request', '"from" must be before "to"', { path: 'from' });
  return { from, to };
};
