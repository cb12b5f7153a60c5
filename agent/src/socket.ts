import { connect as connectPlain, type Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { AppError } from '@muster/shared/errors';
import { pinOf, samePin } from '@muster/shared/pin';

/** A connected socket to the hub; over TLS its key is compared with the pin before anything is written. */
export interface SocketRequest {
  host: string;
  port: number;
  tls: boolean;
  /** Judges the hub by its public key alone, not by names or dates (a Pi boots in the past); null: by the certificate authorities. */
  pin: string | null;
  signal: AbortSignal;
}

export const openSocket = (request: SocketRequest): Promise<Socket> =>
  new Promise((resolve, reject) => {
    const { host, port, tls, signal } = request;
    const socket = tls ? openTls(request) : connectPlain({ host, port });
    const settle = (act: () => void) => {
      signal.removeEventListener('abort', abort);
      socket
        .off('error', fail)
        .off('close', closed)
        .off(tls ? 'secureConnect' : 'connect', ready);
      act();
    };
    const refuse = (error: AppError) =>
      settle(() => {
        socket.on('error', () => {});
        socket.destroy();
        reject(error);
      });
    const fail = (error: NodeJS.ErrnoException) => refuse(connectError(request, error));
    const closed = () => refuse(unreachable(request, 'it closed the connection'));
    const abort = () => refuse(new AppError('timeout', `${host}:${port} did not answer in time`));
    const ready = () => {
      const error = pinError(request, socket);
      if (error) refuse(error);
      else settle(() => resolve(socket.setNoDelay(true)));
    };
    if (signal.aborted) return abort();
    socket
      .once('error', fail)
      .once('close', closed)
      .once(tls ? 'secureConnect' : 'connect', ready);
    signal.addEventListener('abort', abort, { once: true });
  });

/** TLS is loaded when first needed: one MiB that a plain connection does not take (measured). */
const openTls = ({ host, port, pin }: SocketRequest): TLSSocket =>
  process
    .getBuiltinModule('node:tls')
    .connect({ host, port, rejectUnauthorized: pin === null, ...(/^[\d.]+$|:/.test(host) ? {} : { servername: host }) });

const UNKNOWN_AUTHORITY = /^(DEPTH_ZERO_)?SELF_SIGNED|^UNABLE_TO_(GET_ISSUER|VERIFY_LEAF)|^CERT_UNTRUSTED/;

const connectError = (request: SocketRequest, error: NodeJS.ErrnoException): AppError => {
  const { code = error.message } = error;
  if (!UNKNOWN_AUTHORITY.test(code)) return unreachable(request, code, error);
  const why = "its certificate is not signed by a known authority; add the --pin that the hub's invite shows";
  return new AppError('forbidden', `${request.host}:${request.port} is not trusted: ${why}`, {}, { cause: error });
};

const unreachable = ({ host, port }: SocketRequest, why: string, cause?: unknown): AppError =>
  new AppError('unreachable', `${host}:${port} cannot be reached (${why})`, {}, { cause });

const pinError = ({ host, port, tls, pin }: SocketRequest, socket: Socket): AppError | null => {
  if (!tls || pin === null) return null;
  const certificate = (socket as TLSSocket).getPeerX509Certificate();
  const shown = certificate && pinOf(certificate.publicKey.export({ type: 'spki', format: 'der' }));
  if (shown && samePin(shown, pin)) return null;
  return new AppError('forbidden', `${host}:${port} shows another key than the pin says; nothing was sent`, {
    hint: `If the hub was set up anew, join again with its new pin. It shows ${shown ?? 'no certificate'}`,
  });
};
