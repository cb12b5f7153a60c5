/** The store for the composition root: the engine in its threads, group commits before it, and what the start found. */
import type { Clock } from '@muster/shared/clock';
import type { Log } from '@muster/shared/log';
import { createEngineClient, type EngineClient, type EngineClientSettings } from './client.js';
import { type Committer, type CommitterSettings, createCommitter } from './committer.js';
import type { Recovered } from './store.js';

export interface StoreSettings extends Partial<CommitterSettings>, Omit<EngineClientSettings, 'file'> {}

export interface OpenStore {
  engine: EngineClient;
  writer: Committer;
  recovered: Recovered;
  /** Writes what is queued, then closes; may be called twice. */
  close(): Promise<void>;
}

/** Throws AppError `damaged` or `storage` and leaves nothing running. */
export const openStore = async (
  { file, clock, log }: { file: string; clock: Clock; log: Log },
  settings: StoreSettings = {},
): Promise<OpenStore> => {
  const engine = createEngineClient({ file, ...settings }, ({ text, fields }) => log.warn(text, fields));
  try {
    const recovered = await engine.open();
    const writer = createCommitter({ engine, clock, log, numbers: recovered.numbers }, settings);
    const close = async () => {
      await writer.stop();
      await engine.close();
    };
    return { engine, writer, recovered, close };
  } catch (error) {
    await engine.close();
    throw error;
  }
};
