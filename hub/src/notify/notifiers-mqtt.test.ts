import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { asAppError } from '@muster/shared/errors';
import { createHttp } from '@muster/shared/http';
import { check } from '@muster/shared/schema';
import { Aedes, type AuthenticateError } from 'aedes';
import { describe, expect, it } from 'vitest';
import mqtt from './notifiers/mqtt.js';
import { NOTICE } from './testing/play.js';

const PASSWORD = 'pass-5ecret-Zq9';

const startBroker = async ({ returnCode = 0 } = {}) => {
  const messages: { topic: string; text: string; qos: number; retain: boolean }[] = [];
  const broker = await Aedes.createBroker({
    authenticate: (_client, user, password, done) => {
      if (user === 'muster' && password?.toString() === PASSWORD && returnCode === 0) return done(null, true);
      done(Object.assign(new Error('no'), { returnCode: returnCode || 4 }) as AuthenticateError, null);
    },
  });
  broker.on('publish', ({ topic, payload, qos, retain }, client) => {
    if (client) messages.push({ topic, text: payload.toString(), qos, retain });
  });
  const server = createServer(broker.handle).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    messages,
    async close() {
      await new Promise<void>((resolve) => broker.close(() => resolve()));
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
};

const sendTo = (port: number, config: Record<string, unknown> = {}, title = NOTICE.title) =>
  mqtt.send({
    config: check(
      mqtt.config,
      { server: `mqtt://127.0.0.1:${port}`, user: 'muster', password: PASSWORD, ...config },
      'the config',
    ),
    notice: { ...NOTICE, title },
    http: createHttp(),
    signal: new AbortController().signal,
  });

const failureOf = async (work: Promise<void>) => {
  const error = await work.then(
    () => null,
    (thrown: unknown) => asAppError(thrown),
  );
  expect(JSON.stringify([String(error), error?.details])).not.toContain('5ecret');
  return error && [error.code, error.retry];
};

describe('MQTT topic, over a real broker', () => {
  it('is there when the send is over', async () => {
    const broker = await startBroker();
    await sendTo(broker.port, {}, 'Räck 🛰️ "7"\u0000 خادم');
    await sendTo(broker.port, { topic: 'home/alerts', qos: 2, retain: true });
    await broker.close();
    expect(broker.messages.map(({ text: _text, ...rest }) => rest)).toEqual([
      { topic: 'muster/notices', qos: 1, retain: false },
      { topic: 'home/alerts', qos: 2, retain: true },
    ]);
    expect(JSON.parse(broker.messages[0]?.text ?? '')).toMatchObject({
      title: 'Räck 🛰️ "7" خادم',
      event: 41,
      idempotency_key: 'n-41-2',
    });
  });

  it('does not retry a wrong password, and shows it nowhere', async () => {
    const broker = await startBroker();
    expect(await failureOf(sendTo(broker.port, { password: 'wrong-5ecret' }))).toEqual(['unauthorized', false]);
    await broker.close();
  });

  it('is retried when the broker is busy, hangs up or is away', async () => {
    const broker = await startBroker({ returnCode: 3 });
    expect(await failureOf(sendTo(broker.port))).toEqual(['busy', true]);
    await broker.close();
    expect(await failureOf(sendTo(broker.port))).toEqual(['unreachable', true]);
    const server = createServer((socket) => socket.destroy()).listen(0, '127.0.0.1');
    await once(server, 'listening');
    expect(await failureOf(sendTo((server.address() as AddressInfo).port))).toEqual(['unreachable', true]);
    server.close();
  });

  it('ends when it is called off', async () => {
    const server = createServer(() => undefined).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const aborted = new AbortController();
    const config = check(mqtt.config, { server: `mqtt://127.0.0.1:${(server.address() as AddressInfo).port}` }, 'the config');
    const sent = mqtt.send({ config, notice: NOTICE, http: createHttp(), signal: aborted.signal });
    server.once('connection', () => aborted.abort());
    expect(await failureOf(sent)).toEqual(['unreachable', true]);
    server.close();
  });
});
