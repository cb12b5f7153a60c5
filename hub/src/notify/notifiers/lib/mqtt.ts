/** One message to an MQTT broker: connect, publish, wait for its acknowledgement, leave. */
import { randomBytes } from 'node:crypto';
import { rootCertificates } from 'node:tls';
import { AppError, type ErrorCode } from '@muster/shared/errors';
import type { IClientOptions, MqttClient } from 'mqtt';
import type { MqttMessage } from '../../notifier.js';
import { hostOf } from './ask.js';

const TIMEOUT_MS = 15_000;

export const publishMqtt = async (message: MqttMessage, signal: AbortSignal): Promise<void> => {
  // Loaded by the first notice only: it costs 10 MiB.
  const { connect } = (await import('mqtt')).default;
  const where = `The broker ${hostOf(message.server)}`;
  if (signal.aborted) throw new AppError('timeout', `${where} was not asked: the notice was called off`);
  const deadline = AbortSignal.timeout(TIMEOUT_MS);
  const client = connect(message.server, optionsOf(message));
  const called_off = AbortSignal.any([deadline, signal]);
  try {
    await withEnd(client, called_off, () => publish(client, message));
    await leave(client, called_off);
  } catch (error) {
    throw deadline.aborted
      ? new AppError('timeout', `${where} did not answer within ${TIMEOUT_MS} ms`)
      : asMqttError(error, where);
  } finally {
    client.end(true);
  }
};

/** `reconnectPeriod: 0`: the outbox retries, not the client. */
const optionsOf = ({ user, password, ca }: MqttMessage): IClientOptions => ({
  clientId: `muster-${randomBytes(6).toString('hex')}`,
  ...(user !== undefined && { username: user }),
  ...(password !== undefined && { password }),
  ...(ca !== undefined && { ca: [...rootCertificates, ca] }),
  clean: true,
  reconnectPeriod: 0,
  connectTimeout: TIMEOUT_MS,
  writeCache: false,
});

const publish = (client: MqttClient, { topic, payload, qos, retain }: MqttMessage): Promise<void> =>
  new Promise((resolve, reject) => {
    client.once('connect', () => client.publish(topic, payload, { qos, retain }, (error) => (error ? reject(error) : resolve())));
  });

/** Says goodbye behind the message; one of QoS 0 has left only then. */
const leave = (client: MqttClient, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true });
    client.end(false, {}, () => resolve());
  });

const withEnd = (client: MqttClient, signal: AbortSignal, work: () => Promise<void>): Promise<void> =>
  new Promise((resolve, reject) => {
    client.on('error', reject);
    client.once('close', () => reject(new Error('closed')));
    signal.addEventListener('abort', () => reject(new Error('called off')), { once: true });
    work().then(resolve, reject);
  });

/** What CONNACK says, in MQTT 3.1.1 and 5. */
const CODES: Record<number, ErrorCode> = {
  2: 'bad_settings',
  3: 'busy',
  4: 'unauthorized',
  5: 'unauthorized',
  134: 'unauthorized',
  135: 'unauthorized',
};

const asMqttError = (error: unknown, where: string): AppError => {
  const { code } = error as { code?: unknown };
  const known = typeof code === 'number' ? CODES[code] : undefined;
  if (known === 'unauthorized') return new AppError(known, `${where} refused the user name or password`);
  if (typeof code === 'number') return new AppError(known ?? 'bad_reply', `${where} refused the message (${code})`);
  return new AppError('unreachable', `${where} cannot be reached (${typeof code === 'string' ? code : 'closed the connection'})`);
};
