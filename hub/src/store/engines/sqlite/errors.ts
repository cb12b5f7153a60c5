import { AppError } from '@muster/shared/errors';

const DAMAGE = /^SQLITE_(CORRUPT|NOTADB)/;
const REASONS: [RegExp, string][] = [
  [/^SQLITE_FULL/, 'the disk is full, or the file reached its limit'],
  [/^SQLITE_(BUSY|LOCKED)/, 'another process holds a lock on the file'],
  [/^SQLITE_(READONLY|PERM|AUTH|CANTOPEN)/, 'the file cannot be opened for writing; check its permissions and its folder'],
  [/^SQLITE_IOERR/, 'the disk reported an error'],
  [/^SQLITE_NOMEM/, 'memory ran out'],
  [/^E[A-Z]+$/, 'the file system refused it'],
];

export const damaged = (file: string, fault: string, cause?: unknown): AppError =>
  new AppError(
    'damaged',
    `The store ${file} is damaged (${fault}); nothing was changed in it. Move it away and restore a backup`,
    { file, hint: 'muster-hub restore FILE' },
    { cause },
  );

const codeOf = (error: unknown): string => String((error as { code?: unknown } | null)?.code ?? '');
export const isDamage = (error: unknown): boolean => DAMAGE.test(codeOf(error));
/** Of the whole file, most likely gone in a while; not of one place in it. */
export const isDiskFault = (error: unknown): boolean => codeOf(error).startsWith('SQLITE_') && !isDamage(error);
export const isFull = (error: unknown): boolean => codeOf(error) === 'SQLITE_FULL';

/** Whatever SQLite or the file system threw, as `damaged` or `storage` naming the file and the reason. */
export const asStoreError = (error: unknown, file: string, doing: string): AppError => {
  if (error instanceof AppError) return error;
  const { code = '', message } = error as { code?: string; message: string };
  if (DAMAGE.test(code)) return damaged(file, message, error);
  const reason = REASONS.find(([pattern]) => pattern.test(code))?.[1];
  if (reason === undefined) return new AppError('internal', `${doing} ${file} failed: ${message}`, { file }, { cause: error });
  return new AppError('storage', `${doing} ${file} failed: ${reason} (${code})`, { file, reason: code }, { cause: error });
};
