import type { Channel, LiveMessage } from '@muster/shared/wire/live';
import { type Signal, signal } from '@preact/signals';

/** The live channel: connects, subscribes, resumes after the last alert event, and never gives up. */
export interface Socket {
  send(text: string): void;
  close(): void;
  onopen: (() => void) | null;
  onmessage: ((event: { data: unknown }) => void) | null;
  onclose: (() => void) | null;
}
export type LiveStatus = 'idle' | 'connecting' | 'live' | 'down';

export interface LiveNeeds {
  open(): Socket;
  /** Runs a task later; the returned function takes it back. */
  after(ms: number, task: () => void): () => void;
  channels(): Channel[];
  now(): number;
  random(): number;
  /** Last alert event number of this browser; null on its first visit. */
  last(): number | null;
  take(message: LiveMessage): void;
  /** The connection ended: is the session still good? */
  ended(): void;
}

const FIRST_DELAY_MS = 500;
const LONGEST_DELAY_MS = 15_000;

const parse = (data: unknown): LiveMessage | null => {
  try {
    return JSON.parse(String(data)) as LiveMessage;
  } catch {
    return null;
  }
};

export const createLive = (needs: LiveNeeds) => {
  const status: Signal<LiveStatus> = signal('idle');
  /** When the values on the screen were last known to be true. */
  const heard: Signal<number | null> = signal(null);
  let socket: Socket | null = null;
  let failures = 0;
  let cancel = () => {};

  const subscribe = () => {
    const after = needs.last();
    socket?.send(JSON.stringify({ kind: 'subscribe', channels: needs.channels(), ...(after === null ? {} : { after }) }));
  };
  const receive = (data: unknown) => {
    const message = parse(data);
    if (!message) return;
    heard.value = needs.now();
    if (message.kind === 'snapshot') {
      failures = 0;
      status.value = 'live';
    }
    needs.take(message);
  };
  const retry = () => {
    socket = null;
    status.value = 'down';
    needs.ended();
    const longest = Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** failures);
    failures += 1;
    cancel = needs.after(longest * (0.5 + needs.random() / 2), connect);
  };
  const connect = () => {
    cancel();
    if (status.peek() === 'idle') status.value = 'connecting';
    const own = needs.open();
    socket = own;
    own.onopen = () => own === socket && subscribe();
    own.onmessage = (event) => own === socket && receive(event.data);
    own.onclose = () => own === socket && retry();
  };
  const drop = () => {
    cancel();
    const own = socket;
    socket = null;
    own?.close();
  };

  return {
    status,
    heard,
    start: () => {
      if (status.peek() === 'idle') connect();
    },
    stop: () => {
      drop();
      failures = 0;
      status.value = 'idle';
    },
    /** Tries at once when a wait is on: the network came back or the page is looked at again. */
    hurry: () => {
      if (status.peek() === 'down' && socket === null) connect();
    },
  };
};
export type Live = ReturnType<typeof createLive>;
