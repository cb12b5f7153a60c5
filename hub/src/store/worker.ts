/** The storage thread: an SQLite engine that answers requests. Opens by itself, so that a thread started anew just goes on. */
import { parentPort, workerData } from 'node:worker_threads';
import { assert } from '@muster/shared/errors';
import { asWireError, type Reply, type Request } from './channel.js';
import { createSqliteEngine, type SqliteSettings } from './engines/sqlite/index.js';
import { createUnpacker, type Packed } from './packed.js';
import type { Recovered } from './store.js';

assert(parentPort, 'store/worker is started as a worker thread');
const port = parentPort;
const engine = createSqliteEngine(workerData as SqliteSettings);
const unpacker = createUnpacker();
let opening: Promise<Recovered> | null = null;

const open = (): Promise<Recovered> => {
  opening ??= engine.open();
  opening.catch(() => {
    opening = null;
  });
  return opening;
};

const run = async ({ method, args }: Request): Promise<unknown> => {
  if (method === 'close') return engine.close();
  // Before anything is awaited: what names mean depends on the order of arrival.
  const changes = method === 'commit' ? unpacker.unpack(args[0] as Packed) : null;
  const recovered = await open();
  if (method === 'open') return recovered;
  if (changes) return engine.commit(changes);
  return (engine[method] as (...all: readonly unknown[]) => Promise<unknown>)(...args);
};

const answer = async (request: Request): Promise<Reply> => {
  try {
    return { id: request.id, value: await run(request) };
  } catch (error) {
    return { id: request.id, error: asWireError(error) };
  }
};

port.on('message', async (request: Request) => port.postMessage(await answer(request)));
