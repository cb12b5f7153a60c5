import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createSignal, type Signal } from '@muster/shared/signal';
import type { RunningHub } from './processes.js';

/** A real webhook receiver: keeps each notice that it took, with the time of taking. */
export interface TakenNotice {
  at: number;
  key: string;
  event: number;
  title: string;
  text: string;
  resolved: boolean;
  body: string;
}

export interface Receiver {
  url: string;
  /** What it answered 200 to, in order. */
  taken: readonly TakenNotice[];
  /** What it was sent, refused ones included. */
  asked(): number;
  /** Something came, and is not answered yet. */
  came: Signal<string>;
  close(): void;
}

/** `answer`: the status, after as long as it takes. */
export const startReceiver = async (answer: () => Promise<number> | number = () => 200): Promise<Receiver> => {
  const taken: TakenNotice[] = [];
  const came = createSignal<string>();
  let asked = 0;
  const server = createServer(async (request, response) => {
    try {
      let body = '';
      for await (const part of request) body += part;
      asked++;
      came.emit(body);
      const status = await answer();
      if (status === 200) taken.push(noticeOf(request.headers, body));
      response.writeHead(status).end('{}');
    } catch {
      // The hub was killed while it sent.
      response.destroy();
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`,
    taken,
    asked: () => asked,
    came,
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
};

const noticeOf = (headers: Record<string, unknown>, body: string): TakenNotice => {
  const { title, text, resolved } = JSON.parse(body) as Pick<TakenNotice, 'title' | 'text' | 'resolved'>;
  const [key, event] = [String(headers['idempotency-key']), Number(headers['muster-event'])];
  return { at: Date.now(), key, event, title, text, resolved, body };
};

/** The hub tells it of all that its routes tell of. */
export const addReceiver = (hub: RunningHub, { url }: Receiver, more: object = {}): Promise<unknown> =>
  hub.api.put('/notifiers/hook', { kind: 'webhook', config: { url, secret: 'hush-hush-hush-hush' }, ...more });
