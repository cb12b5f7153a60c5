import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { createHost } from './host.js';

const folder = mkdtempSync(join(tmpdir(), 'muster-host-net-'));
const host = createHost({ program_folders: [folder] });
const ends: (() => void)[] = [];
afterEach(() => {
  for (const end of ends.splice(0)) end();
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const ask = { host: '127.0.0.1', send: 'VER\n', timeout_ms: 300 } as const;

const tcpServer = async (onLine: (write: (text: string) => void, end: () => void) => void): Promise<number> => {
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.on('data', () =>
      onLine(
        (text) => socket.write(text, 'latin1'),
        () => socket.end(),
      ),
    );
    ends.push(() => socket.destroy());
  });
  server.listen(0, '127.0.0.1');
  ends.push(() => server.close());
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
};

describe('a question over TCP', () => {
  test('ends with the text that ends its answer, or when the other side closes', async () => {
    const port = await tcpServer((write) => write('OK \xff\nmore'));
    expect(await host.ask({ kind: 'tcp', ...ask, port, until: '\n' })).toMatchObject({ text: 'OK \xff\nmore', refused: false });
    const closing = await tcpServer((write, end) => {
      write('bye');
      end();
    });
    expect(await host.ask({ kind: 'tcp', ...ask, port: closing })).toMatchObject({ text: 'bye' });
  });

  test('without text asks only whether the port takes a connection; a refusal is an answer', async () => {
    const port = await tcpServer(() => {});
    expect(await host.ask({ kind: 'tcp', ...ask, port, send: '' })).toMatchObject({ text: '', refused: false });
    for (const end of ends.splice(0)) end();
    expect(await host.ask({ kind: 'tcp', ...ask, port, send: '' })).toMatchObject({ refused: true });
  });

  test('is null when nothing answers in time', async () => {
    const port = await tcpServer(() => {});
    expect(await host.ask({ kind: 'tcp', ...ask, port, until: '\n' })).toBeNull();
  });
});

describe('a question over UDP', () => {
  test('gives the bytes that come back', async () => {
    const server = createSocket('udp4');
    server.on('message', (part, from) => server.send(Buffer.concat([part, Buffer.from([255])]), from.port, from.address));
    server.bind(0, '127.0.0.1');
    ends.push(() => server.close());
    await once(server, 'listening');
    expect(await host.ask({ kind: 'udp', ...ask, port: server.address().port })).toMatchObject({ text: 'VER\n\xff' });
  });
});

describe('a page', () => {
  test('is read over a Unix socket too; null when nothing listens', async () => {
    const socket = join(folder, 'some.sock');
    const server = createHttpServer((request, reply) => reply.end(`page ${request.url}`));
    server.listen(socket);
    ends.push(() => server.close());
    await once(server, 'listening');
    expect(await host.http({ url: 'http://unix/info', socket })).toEqual({ status: 200, text: 'page /info' });
    expect(await host.http({ url: 'http://unix/info', socket: join(folder, 'none.sock') })).toBeNull();
  });
});

describe('a name', () => {
  test('gives its addresses; null when it has none', async () => {
    expect((await host.resolve('localhost'))?.addresses.length).toBeGreaterThan(0);
    expect(await host.resolve('nothing.invalid')).toBeNull();
  });
});

describe('a program run to its end', () => {
  const program = (name: string, script: string) => {
    writeFileSync(join(folder, name), `#!${process.execPath}\n${script}\n`);
    chmodSync(join(folder, name), 0o755);
  };

  test('gives its exit status and text; none on this machine or none in time is null', async () => {
    program('teller', 'process.stdout.write(process.argv[2] ?? ""); process.exitCode = 4;');
    program('sleeper', 'setInterval(() => {}, 1000);');
    expect(await host.run('teller', ['hello'])).toEqual({ code: 4, text: 'hello' });
    expect(await host.run('missing', [])).toBeNull();
    expect(await host.run('sleeper', [], 300)).toBeNull();
  });
});
