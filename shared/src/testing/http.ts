import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { AppError } from '../errors.js';
import type { Http, HttpReply } from '../http.js';

/** A recorded exchange of a fixture: what is asked and what a real service answers. */
export interface RecordedExchange {
  url: string;
  method?: string;
  /** Text that the body of the request holds: tells calls to one address from each other. */
  asks?: string;
  /** Text, or JSON that is sent as such. Integers beyond 2^53 need the text form. */
  reply?: { status?: number; headers?: Record<string, string>; text?: string; json?: unknown };
  /** The service does not answer. */
  fails?: 'timeout' | 'unreachable';
}

/** An `Http` that answers from recorded exchanges; an unrecorded one is an error that names it. */
export const createRecordedHttp = (exchanges: readonly RecordedExchange[]): Http => ({
  async request({ url, method = 'GET', body = '' }) {
    const fits = (one: RecordedExchange) => one.url === url && (one.method ?? 'GET') === method && body.includes(one.asks ?? '');
    const exchange = exchanges.find(fits);
    if (!exchange) throw new AppError('unreachable', `${method} ${url} ${body.slice(0, 200)} is not recorded in this fixture`);
    if (exchange.fails) throw new AppError(exchange.fails, `${url}: ${exchange.fails}`);
    return asReply(exchange);
  },
});

const asReply = ({ reply = {} }: RecordedExchange): HttpReply => ({
  status: reply.status ?? 200,
  headers: reply.headers ?? {},
  text: reply.text ?? JSON.stringify(reply.json ?? null),
});

/** A real HTTP server on loopback for end-to-end tests; answers by `handle`. */
export const startHttpServer = async (
  handle: (request: IncomingMessage, body: string) => { status?: number; headers?: Record<string, string>; text: string },
): Promise<{ url: string; close: () => Promise<void> }> => {
  const server: Server = createServer(async (request, response) => {
    let body = '';
    for await (const part of request) body += part;
    const reply = handle(request, body);
    response.writeHead(reply.status ?? 200, { 'content-type': 'application/json', ...reply.headers }).end(reply.text);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
};
