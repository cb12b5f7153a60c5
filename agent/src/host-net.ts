/** What a probe may ask of the network: each question has a deadline, and no answer is an answer. */
import { createSocket } from 'node:dgram';
import { lookup } from 'node:dns/promises';
import { connect } from 'node:net';
import type { Clock } from '@muster/shared/clock';
import { createHttp } from '@muster/shared/http';
import type { Answer, Host, Question } from './probe.js';

const HTTP_MS = 5_000;
const ASK_MS = 3_000;
const RESOLVE_MS = 5_000;
const MOST_BYTES = 1_000_000;

export const createHttpGet = (): Host['http'] => {
  const http = createHttp();
  return async ({ timeout_ms = HTTP_MS, socket, ...request }) => {
    const way = socket === undefined ? {} : { socket };
    try {
      const { status, text } = await http.request({ ...request, ...way, timeout_ms, max_bytes: MOST_BYTES });
      return { status, text };
    } catch {
      return null;
    }
  };
};

export const createResolve =
  (clock: Clock): Host['resolve'] =>
  (name) => {
    const begun = clock.monotonic();
    const found = lookup(name, { all: true }).then(
      (list) => ({ addresses: list.map(({ address }) => address), ms: clock.monotonic() - begun }),
      () => null,
    );
    return within(clock, RESOLVE_MS, (done) => void found.then(done));
  };

export const createAsk =
  (clock: Clock): Host['ask'] =>
  (question) => {
    const begun = clock.monotonic();
    const answer = (text: string, refused = false): Answer => ({ text, refused, ms: clock.monotonic() - begun });
    const way = question.kind === 'tcp' ? askTcp : askUdp;
    return within(clock, question.timeout_ms ?? ASK_MS, (done) => way(question, { answer, done }));
  };

interface Reply {
  answer(text: string, refused?: boolean): Answer;
  done(answer: Answer | null): void;
}

/** What is returned is called once there is an answer or none in time. */
const within = <T>(clock: Clock, ms: number, start: (done: (value: T | null) => void) => undefined | (() => void)) =>
  new Promise<T | null>((resolve) => {
    let end: undefined | (() => void);
    const done = (value: T | null) => {
      cancel();
      end?.();
      resolve(value);
    };
    const cancel = clock.after(ms, () => done(null));
    end = start(done);
  });

const askTcp = ({ host, port, send, until }: Question, { answer, done }: Reply): (() => void) => {
  const socket = connect({ host, port });
  let text = '';
  socket.setEncoding('latin1');
  socket.on('connect', () => {
    if (send === '') done(answer(''));
    else socket.write(send, 'latin1');
  });
  socket.on('data', (part: string) => {
    text += part;
    if ((until !== undefined && text.includes(until)) || text.length > MOST_BYTES) done(answer(text));
  });
  socket.on('end', () => done(answer(text)));
  socket.on('error', ({ code }: NodeJS.ErrnoException) => done(code === 'ECONNREFUSED' ? answer('', true) : null));
  return () => socket.destroy();
};

const askUdp = ({ host, port, send }: Question, { answer, done }: Reply): (() => void) => {
  const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4');
  let open = true;
  socket.on('message', (part) => done(answer(part.toString('latin1'))));
  socket.on('error', ({ code }: NodeJS.ErrnoException) => done(code === 'ECONNREFUSED' ? answer('', true) : null));
  // Connected, so that only the asked host is heard and a refusal is told.
  socket.connect(port, host, (error?: Error) => {
    if (open && !error) socket.send(Buffer.from(send, 'latin1'));
  });
  return () => {
    if (open) socket.close();
    open = false;
  };
};
