import { once } from 'node:events';
import { createServer, type Http2Server, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { asAppError } from './errors.js';
import { createGrpc, frame } from './grpc.js';

let server: Http2Server | undefined;
afterEach(() => server?.close());

const serve = async (answer: (stream: ServerHttp2Stream, body: Buffer) => void): Promise<string> => {
  server = createServer();
  server.on('sessionError', () => {});
  server.on('stream', (stream) => {
    const parts: Buffer[] = [];
    stream.on('error', () => {});
    stream.on('data', (part: Buffer) => void parts.push(part));
    stream.on('end', () => answer(stream, Buffer.concat(parts)));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
};
const reply = (stream: ServerHttp2Stream, body: Uint8Array, trailers: Record<string, string>) => {
  stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
  stream.on('wantTrailers', () => stream.sendTrailers(trailers));
  stream.end(body);
};
const ask = (url: string, timeout_ms = 2_000) =>
  createGrpc().unary({ url, path: '/a.b/C', message: Uint8Array.from([1, 2, 3]), timeout_ms });
const codeOf = (asked: Promise<unknown>) =>
  asked.then(
    () => 'none',
    (error) => asAppError(error).code,
  );

describe('a gRPC call', () => {
  it('sends one message in a frame and gives the message of the reply', async () => {
    const url = await serve((stream, body) => reply(stream, frame(body.subarray(5)), { 'grpc-status': '0' }));
    expect([...(await ask(url))]).toEqual([1, 2, 3]);
  });

  it('says what the status of the server means', async () => {
    const url = await serve((stream) => reply(stream, Buffer.alloc(0), { 'grpc-status': '5', 'grpc-message': 'no%20key' }));
    await expect(ask(url)).rejects.toThrow('answered gRPC status 5: no key');
    expect(await codeOf(ask(url))).toBe('not_found');
  });

  it('refuses what is no gRPC, cut, or too late', async () => {
    const page = await serve((stream) => {
      stream.respond({ ':status': 404 });
      stream.end('<html>');
    });
    expect(await codeOf(ask(page))).toBe('bad_reply');
    server?.close();
    const cut = await serve((stream) => reply(stream, frame(Buffer.alloc(9)).subarray(0, 8), { 'grpc-status': '0' }));
    expect(await codeOf(ask(cut))).toBe('bad_reply');
    server?.close();
    const silent = await serve(() => {});
    expect(await codeOf(ask(silent, 100))).toBe('timeout');
    expect(await codeOf(ask('http://127.0.0.1:1'))).toBe('unreachable');
  });
});
