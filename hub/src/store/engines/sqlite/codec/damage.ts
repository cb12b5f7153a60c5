import { AppError } from '@muster/shared/errors';

/** The one error of this folder: stored bytes that cannot be what Muster wrote. */
export const damaged = (what: string): AppError =>
  new AppError('damaged', `stored bytes are damaged: ${what}; run "muster-hub check" and restore what it names from a backup`);
