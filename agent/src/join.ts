import { request as plainRequest } from 'node:http';
import type { Socket } from 'node:net';
import { AppError, ERROR_CODES, type ErrorCode } from '@muster/shared/errors';
import { isPin } from '@muster/shared/pin';
import { check } from '@muster/shared/schema';
import { type About, deviceId } from '@muster/shared/wire/messages';
import * as v from 'valibot';
import type { Identity } from './identity.js';
import { openSocket } from './socket.js';

/** Exchanges an invite for a device key. Over HTTPS the hub's key is compared with the pin before the token leaves. */
export interface JoinRequest {
  /** `https://host:7443`, or plain http on this machine. */
  hub: string;
  token: string;
  pin: string | null;
  device: string;
  about: About;
  timeout_ms?: number;
}

const DEADLINE_MS = 15_000;
const MAX_REPLY_BYTES = 65_536;

const address = v.nullish(v.string(), null);
const answer = v.object({
  device: deviceId,
  key: v.pipe(v.string(), v.minLength(1)),
  mqtt: address,
  mqtts: address,
  pin: address,
});

export const joinHub = async (request: JoinRequest): Promise<Identity> => {
  const hub = hubAddress(request);
  const { token, device, about } = request;
  const reply = await post(hub, request, JSON.stringify({ token, device, about }));
  if (reply.status < 200 || reply.status > 299) throw refusal(reply, hub);
  const given = check(answer, asJson(reply.text), `The answer of ${hub.origin}`, 'bad_reply');
  const pin = given.pin ?? request.pin;
  return { device: given.device, key: given.key, address: mqttAddress(given, hub), pin, hub: hub.origin };
};

const hubAddress = ({ hub, pin }: JoinRequest): URL => {
  const url = URL.canParse(hub) ? new URL(hub) : null;
  if (!url || !/^https?:$/.test(url.protocol)) {
    throw new AppError('bad_request', `--hub "${hub}" is not an address; write https://host:7443`, { path: 'hub' });
  }
  if (url.protocol === 'http:' && !isLoopback(url.hostname)) {
    throw new AppError('needs_https', `${hub} would carry the token in clear; join over https with the pin of the hub`, {
      hint: 'muster-hub invite prints the whole command: --hub https://host:7443 --pin sha256:…',
    });
  }
  if (pin !== null && !isPin(pin))
    throw new AppError('bad_request', `--pin "${pin}" is not a pin; it looks like sha256:…`, { path: 'pin' });
  return url;
};

export const isLoopback = (host: string): boolean => /^(localhost|127(\.\d+){3}|\[?::1\]?)$/i.test(host);

interface Reply {
  status: number;
  text: string;
}

const post = async (hub: URL, { pin, timeout_ms = DEADLINE_MS }: JoinRequest, body: string): Promise<Reply> => {
  const tls = hub.protocol === 'https:';
  const signal = AbortSignal.timeout(timeout_ms);
  const port = Number(hub.port || (tls ? 443 : 80));
  const socket = await openSocket({ host: hub.hostname.replace(/^\[|\]$/g, ''), port, tls, pin, signal });
  return send(socket, hub, body, signal);
};

const send = (socket: Socket, hub: URL, body: string, signal: AbortSignal): Promise<Reply> =>
  new Promise((resolve, reject) => {
    const fail = (cause: Error) =>
      reject(
        signal.aborted
          ? new AppError('timeout', `${hub.origin} did not answer in time`, {}, { cause })
          : new AppError('unreachable', `${hub.origin} broke the connection (${cause.message})`, {}, { cause }),
      );
    const headers = { host: hub.host, 'content-type': 'application/json', 'content-length': `${Buffer.byteLength(body)}` };
    const path = `${hub.pathname.replace(/\/$/, '')}/api/v1/join`;
    const sent = plainRequest({ method: 'POST', path, headers, signal, createConnection: () => socket });
    sent.on('error', fail);
    sent.on('response', async (response) => {
      try {
        let text = '';
        for await (const part of response.setEncoding('utf8')) {
          text += part;
          if (text.length > MAX_REPLY_BYTES) throw new Error('the answer is too long');
        }
        resolve({ status: response.statusCode ?? 0, text });
      } catch (error) {
        fail(error instanceof Error ? error : new Error(String(error)));
      } finally {
        socket.destroy();
      }
    });
    sent.end(body);
  });

const asJson = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};

const errorAnswer = v.object({
  error: v.object({ code: v.string(), message: v.string(), hint: v.optional(v.string()) }),
});

const refusal = ({ status, text }: Reply, hub: URL): AppError => {
  const said = v.safeParse(errorAnswer, asJson(text));
  if (!said.success) return new AppError('bad_reply', `${hub.origin} answered with status ${status}; is this a Muster hub?`);
  const { code, message, hint } = said.output.error;
  const known: ErrorCode = Object.hasOwn(ERROR_CODES, code) ? (code as ErrorCode) : 'bad_reply';
  return new AppError(known, `The hub refused: ${message}`, { hint });
};

/** Plain on this machine, TLS from another; where the hub names an address that means "here", the host that was typed. */
const mqttAddress = ({ mqtt, mqtts }: v.InferOutput<typeof answer>, hub: URL): string => {
  const local = isLoopback(hub.hostname);
  const chosen = local ? (mqtt ?? mqtts) : mqtts;
  if (!chosen || !URL.canParse(chosen)) {
    throw new AppError('bad_reply', `${hub.origin} names no MQTT address that this machine may use`, {
      hint: local ? undefined : 'Start the hub with --lan, or set mqtts.host',
    });
  }
  const url = new URL(chosen);
  const means_here = isLoopback(url.hostname) || /^(0\.0\.0\.0|\[::\])$/.test(url.hostname);
  const host = means_here ? hub.hostname : url.hostname;
  return `${url.protocol}//${host}:${url.port || (url.protocol === 'mqtts:' ? 8883 : 1883)}`;
};
