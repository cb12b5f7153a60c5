/** The storage thread: an SQLite engine that answers requests. Opens by itself, so that a thread started anew just goes on. */
import { parentPort, workerData } from 'node:worker_threads';
import { assert } from '@muster/shared/errors';
import { type Abort, asWireError, type Reply, type Request } from './channel.js';
import { createDriver } from './driver.js';
import type { SqliteSettings } from './engines/sqlite/index.js';
import { warmUp } from './engines/sqlite/warm.js';
import { createUnpacker, type Packed } from './packed.js';
import { blocksOf, type PackedRecovered } from './recovered.js';
import { untilWhole } from './whole.js';

assert(parentPort, 'store/worker is started as a worker thread');
const port = parentPort;
const settings = workerData as SqliteSettings;
const warming = settings.readonly ? null : warmUp(settings.file);
// Loaded while the file is being read.
const { createSqliteEngine } = await import('./engines/sqlite/index.js');
const engine = createSqliteEngine(settings, Date.now, (notice) => port.postMessage({ id: 0, notice } satisfies Reply));
const driver = createDriver({ work: engine.work, now: Date.now });
const unpacker = createUnpacker();
let opening: Promise<void> | null = null;
/** Until it is asked for: it is large. */
let found: PackedRecovered | null = null;

/** They wait until the driver has read all rows back. */
const NEEDS_HEAD: ReadonlySet<Request['method']> = new Set(['stats', 'slice']);

const load = async (): Promise<void> => {
  await warming;
  found = await engine.recover();
};
const open = (): Promise<void> => {
  opening ??= load().finally(driver.soon);
  opening.catch(() => {
    opening = null;
  });
  return opening;
};

const takeFound = (): PackedRecovered | Promise<PackedRecovered> => {
  const taken = found ?? engine.recover();
  found = null;
  return taken;
};

const run = async ({ method, args }: Request): Promise<unknown> => {
  if (method === 'close') {
    driver.stop();
    return engine.close();
  }
  // Before anything is awaited: what names mean depends on the order of arrival.
  const changes = method === 'commit' ? unpacker.unpack(args[0] as Packed) : null;
  await open();
  if (method === 'recover') return takeFound();
  if (changes) return engine.commit(changes).finally(driver.soon);
  if (NEEDS_HEAD.has(method)) await untilWhole(engine);
  return (engine[method] as (...all: readonly unknown[]) => Promise<unknown>)(...args);
};

const answer = async (request: Request): Promise<Reply> => {
  try {
    return { id: request.id, value: await run(request) };
  } catch (error) {
    return { id: request.id, error: asWireError(error) };
  }
};

/** Of reads that may be called off. */
const aborts = new Map<number, AbortController>();

const abortable = (request: Request): Request => {
  if (!request.abortable) return request;
  const abort = new AbortController();
  aborts.set(request.id, abort);
  const options = { ...(request.args.at(-1) as object), signal: abort.signal };
  return { ...request, args: [...request.args.slice(0, -1), options] };
};

/** Blocks that change hands instead of being copied. */
const movable = (method: Request['method'], value: unknown): ArrayBuffer[] => {
  if (method === 'recover') return blocksOf(value as PackedRecovered);
  return value instanceof Float64Array ? [value.buffer as ArrayBuffer] : [];
};

port.on('message', async (request: Request | Abort) => {
  if ('abort' in request) return aborts.get(request.id)?.abort();
  const reply = await answer(abortable(request));
  aborts.delete(request.id);
  port.postMessage(reply, 'value' in reply ? movable(request.method, reply.value) : []);
});
