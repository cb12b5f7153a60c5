/** Questions about rows in memory wait right after a start until all of them are read back; commits go on meanwhile. */
import { AppError } from '@muster/shared/errors';

export interface Rebuilding {
  readonly whole: boolean;
  /** Why nothing gets done at present. */
  readonly fault: string | null;
}

/** Ends with a clear error where they cannot be read: nobody waits for what may never come. */
export const untilWhole = async (engine: Rebuilding): Promise<void> => {
  while (!engine.whole) {
    if (engine.fault !== null)
      throw new AppError('storage', `Rows of before the start cannot be read back: ${engine.fault}; it is tried again`);
    await new Promise((resolve) => setImmediate(resolve));
  }
};
