/** Calls of an engine that lives in a worker thread: numbered requests, one answer each, none left hanging when the thread dies. */
import { AppError, asAppError, type ErrorCode, type ErrorDetails } from '@muster/shared/errors';
import type { SqliteEngine } from './engines/sqlite/index.js';
import { createPacker, type Packer } from './packed.js';
import type { Change } from './store.js';

/** What can be asked of the engine in the thread. */
export type Remote = Omit<SqliteEngine, 'open' | 'work' | 'whole' | 'fault'>;
export type Method = keyof Remote;
export interface Request {
  id: number;
  method: Method;
  args: readonly unknown[];
  /** The last argument takes a signal, which `Abort` aborts. */
  abortable?: boolean;
}
/** Nobody waits for this answer any more. */
export interface Abort {
  id: number;
  abort: true;
}
export interface WireError {
  code: ErrorCode;
  message: string;
  details: ErrorDetails;
}
/** Something that the thread wants in the log: it has none of its own. */
export interface Notice {
  text: string;
  fields: Record<string, string>;
}
export type Reply = { id: number; value: unknown } | { id: number; error: WireError } | { id: 0; notice: Notice };

export const asWireError = (error: unknown): WireError => {
  const { code, message, details } = asAppError(error);
  return { code, message, details: JSON.parse(JSON.stringify(details)) };
};

/** As much of a worker thread as is needed. */
export interface Thread {
  postMessage(message: Request | Abort, transfer?: readonly ArrayBuffer[]): void;
  on(event: 'message', listener: (reply: Reply) => void): unknown;
  on(event: 'error', listener: (error: Error) => void): unknown;
  on(event: 'exit', listener: (code: number) => void): unknown;
  terminate(): Promise<number>;
}

export interface Channel {
  call<M extends Method>(method: M, ...args: Parameters<Remote[M]>): ReturnType<Remote[M]>;
  /** The same for a read that may be called off; its last argument is an object of options. */
  ask<M extends Method>(question: Question<M>): ReturnType<Remote[M]>;
  /** Calls that wait for their answer. */
  readonly waiting: number;
  /** Ends the thread after what was asked before; later calls are refused. */
  close(): Promise<void>;
}

export interface Question<M extends Method> {
  method: M;
  args: Parameters<Remote[M]>;
  signal?: AbortSignal | undefined;
  /** Changes hands instead of being copied. */
  transfer?: readonly ArrayBuffer[];
}

interface Waiting {
  resolve: (value: unknown) => void;
  reject: (error: AppError) => void;
}

interface State {
  name: string;
  spawn: () => Thread;
  onNotice: (notice: Notice) => void;
  thread: Thread | null;
  /** Names that the present thread knows. */
  packer: Packer;
  waiting: Map<number, Waiting>;
  newest: number;
  closing: Promise<void> | null;
}

/** `spawn` runs at the first call, and again at the first call after the thread died. */
export const createChannel = (name: string, spawn: () => Thread, onNotice: State['onNotice'] = () => {}): Channel => {
  const idle = { thread: null, packer: createPacker(), waiting: new Map(), newest: 0, closing: null };
  const state: State = { name, spawn, onNotice, ...idle };
  return {
    call: <M extends Method>(method: M, ...args: Parameters<Remote[M]>) =>
      (state.closing ? Promise.reject(closed(name)) : send(state, method, args)) as ReturnType<Remote[M]>,
    ask: <M extends Method>(question: Question<M>) =>
      (state.closing ? Promise.reject(closed(name)) : ask(state, question)) as ReturnType<Remote[M]>,
    get waiting() {
      return state.waiting.size;
    },
    close() {
      state.closing ??= end(state);
      return state.closing;
    },
  };
};

const closed = (name: string): AppError => new AppError('storage', `The ${name} is closed`);
const died = (name: string, why: string): AppError =>
  new AppError('storage', `The ${name} ended unexpectedly (${why}); it is started again at the next call`);

const send = (state: State, method: Method, args: readonly unknown[]): Promise<unknown> =>
  new Promise((resolve, reject) => {
    state.thread ??= start(state);
    const id = ++state.newest;
    state.waiting.set(id, { resolve, reject });
    if (method === 'commit') post(state, state.thread, { id, changes: args[0] as readonly Change[] });
    else state.thread.postMessage({ id, method, args });
  });

const ask = <M extends Method>(state: State, { method, args, signal, transfer = [] }: Question<M>): Promise<unknown> =>
  new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    state.thread ??= start(state);
    const { thread } = state;
    const id = ++state.newest;
    const end = () => signal?.removeEventListener('abort', abort);
    const abort = () => {
      if (state.waiting.delete(id)) thread.postMessage({ id, abort: true });
      reject(signal?.reason);
    };
    const settle =
      <T>(how: (value: T) => void) =>
      (value: T) => {
        end();
        how(value);
      };
    state.waiting.set(id, { resolve: settle(resolve), reject: settle(reject) });
    signal?.addEventListener('abort', abort, { once: true });
    thread.postMessage({ id, method, args, abortable: true }, transfer);
  });

/** Rows travel as one block that changes hands instead of being copied. */
const post = (state: State, thread: Thread, { id, changes }: { id: number; changes: readonly Change[] }): void => {
  const packed = state.packer.pack(changes);
  try {
    thread.postMessage({ id, method: 'commit', args: [packed] }, [packed.block.buffer as ArrayBuffer]);
  } catch (error) {
    state.waiting.delete(id);
    state.packer = createPacker();
    throw error;
  }
};

const start = (state: State): Thread => {
  const thread = state.spawn();
  state.packer = createPacker();
  let why = 'no error given';
  thread.on('message', (reply) => settle(state, reply));
  thread.on('error', (error) => {
    why = error.message;
  });
  thread.on('exit', (code) => {
    if (state.thread === thread) lose(state, died(state.name, `${why}, code ${code}`));
  });
  return thread;
};

const settle = ({ waiting, onNotice }: State, reply: Reply): void => {
  if ('notice' in reply) {
    onNotice(reply.notice);
    return;
  }
  const one = waiting.get(reply.id);
  waiting.delete(reply.id);
  if (!one) return;
  if ('error' in reply) one.reject(new AppError(reply.error.code, reply.error.message, reply.error.details));
  else one.resolve(reply.value);
};

const lose = (state: State, error: AppError): void => {
  state.thread = null;
  const lost = [...state.waiting.values()];
  state.waiting.clear();
  for (const { reject } of lost) reject(error);
};

const end = async (state: State): Promise<void> => {
  const { thread } = state;
  if (!thread) return;
  await send(state, 'close', []).catch(() => {});
  await thread.terminate();
  lose(state, closed(state.name));
};
