/** Unary gRPC calls on node:http2, in clear (h2c) or over TLS; messages are bytes, as protobuf makes them. */
import type { ClientHttp2Session, IncomingHttpHeaders } from 'node:http2';
import { AppError, type ErrorCode } from './errors.js';
import { safeAddress } from './http.js';

export interface GrpcRequest {
  /** `http://127.0.0.1:4467`. */
  url: string;
  /** `/helium.local.api/pubkey`. */
  path: string;
  message: Uint8Array;
  headers?: Record<string, string>;
  /** Whole exchange, default 10 s. */
  timeout_ms?: number;
  signal?: AbortSignal;
}

/** The reply's message; throws AppError `timeout`, `unreachable`, `too_large`, `bad_reply`, or what the server's status means. */
export interface Grpc {
  unary(request: GrpcRequest): Promise<Uint8Array>;
}

const TIMEOUT_MS = 10_000;
const MOST_BYTES = 4_000_000;
const FRAME = 5;

export const createGrpc = (): Grpc => ({
  async unary(request) {
    const session = await open(request.url);
    try {
      return await call(session, request);
    } finally {
      session.destroy();
    }
  },
});

/** Loaded when it is needed: most agents never speak gRPC. */
const open = async (url: string): Promise<ClientHttp2Session> => {
  const { connect } = await import('node:http2');
  try {
    return connect(url);
  } catch (error) {
    throw asGrpcError(error, safeAddress(url));
  }
};

const call = (session: ClientHttp2Session, request: GrpcRequest): Promise<Uint8Array> =>
  new Promise((resolve, reject) => {
    const { url, path, message, headers = {}, timeout_ms = TIMEOUT_MS } = request;
    const where = `${safeAddress(url)} ${path}`;
    const deadline = AbortSignal.timeout(timeout_ms);
    const signal = request.signal ? AbortSignal.any([deadline, request.signal]) : deadline;
    const fail = (error: unknown) => reject(asGrpcError(error, where));
    const late = () =>
      fail(
        deadline.aborted
          ? new AppError('timeout', `${where} did not answer within ${timeout_ms} ms`)
          : new AppError('timeout', `${where} was called off`),
      );
    if (signal.aborted) return late();
    signal.addEventListener('abort', late, { once: true });
    session.on('error', fail);
    const stream = session.request({
      ':method': 'POST',
      ':path': path,
      'content-type': 'application/grpc',
      te: 'trailers',
      ...headers,
    });
    const parts: Buffer[] = [];
    let size = 0;
    let said: IncomingHttpHeaders = {};
    const hear = (more: IncomingHttpHeaders) => {
      said = { ...said, ...more };
    };
    stream.on('response', hear).on('trailers', hear).on('error', fail);
    stream.on('data', (part: Buffer) => {
      parts.push(part);
      size += part.length;
      if (size > MOST_BYTES) fail(new AppError('too_large', `${where} answered more than ${MOST_BYTES} bytes`));
    });
    stream.on('end', () => {
      try {
        resolve(readReply(said, Buffer.concat(parts), where));
      } catch (error) {
        fail(error);
      }
    });
    stream.end(frame(message));
  });

/** One message, not compressed. */
export const frame = (message: Uint8Array): Buffer => {
  const head = Buffer.alloc(FRAME);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
};

const CODES: Record<string, ErrorCode> = { 5: 'not_found', 7: 'forbidden', 8: 'too_many', 14: 'unreachable', 16: 'unauthorized' };

const readReply = (said: IncomingHttpHeaders, body: Buffer, where: string): Uint8Array => {
  const http = Number(said[':status']);
  if (http !== 200) throw new AppError('bad_reply', `${where} answered with status ${said[':status']}, which is not gRPC`);
  const status = String(said['grpc-status'] ?? '0');
  if (status !== '0') {
    const text = decodeURIComponentSafely(String(said['grpc-message'] ?? '')).slice(0, 200);
    throw new AppError(CODES[status] ?? 'bad_reply', `${where} answered gRPC status ${status}${text ? `: ${text}` : ''}`);
  }
  if (body.length < FRAME || body[0] !== 0 || body.length < FRAME + body.readUInt32BE(1)) {
    throw new AppError('bad_reply', `${where} answered no whole gRPC message`);
  }
  return body.subarray(FRAME, FRAME + body.readUInt32BE(1));
};

const decodeURIComponentSafely = (text: string): string => {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
};

const asGrpcError = (error: unknown, where: string): AppError => {
  if (error instanceof AppError) return error;
  const why = error instanceof Error ? ((error as NodeJS.ErrnoException).code ?? error.message) : String(error);
  return new AppError('unreachable', `${where} cannot be reached (${why})`, {}, { cause: error });
};
