import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const FETCH = fileURLToPath(new URL('../../installer/fetch.mjs', import.meta.url));

/** One file in the ustar form; what reads it looks at name, mode and size only. */
const tarOf = (path: string, content: string): Buffer => {
  const head = Buffer.alloc(512);
  head.write(path, 0);
  head.write('0000644', 100);
  head.write(content.length.toString(8).padStart(11, '0'), 124);
  const body = Buffer.alloc(Math.ceil(content.length / 512) * 512);
  body.write(content);
  return Buffer.concat([head, body, Buffer.alloc(1_024)]);
};

const MANIFEST = '{ "name": "@muster/agent" }';

describe('fetching the agent', () => {
  let folder = '';
  let server: Server;
  let packed: Buffer = Buffer.alloc(0);
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'muster-fetch-'));
    server = createServer((_request, reply) => reply.end(packed)).listen(0, '127.0.0.1');
    await once(server, 'listening');
  });
  afterEach(() => {
    server.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const fetchTo = async (prefix: string): Promise<{ code: number; said: string }> => {
    const hub = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const sha256 = createHash('sha256').update(packed).digest('hex');
    const child = spawn(process.execPath, [FETCH, hub, '', sha256, prefix], { stdio: ['ignore', 'ignore', 'pipe'] });
    let said = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
    const [code] = (await once(child, 'close')) as [number];
    return { code, said };
  };

  it('brings it, and brings it again over itself', async () => {
    packed = gzipSync(tarOf('package/package.json', MANIFEST));
    for (const _time of [1, 2]) expect(await fetchTo(folder)).toEqual({ code: 0, said: '' });
    expect(readFileSync(join(folder, 'app/package.json'), 'utf8')).toBe(MANIFEST);
    expect(existsSync(join(folder, 'app.old'))).toBe(false);
  });

  it('replaces no folder "app" that is somebody else\'s', async () => {
    packed = gzipSync(tarOf('package/package.json', MANIFEST));
    mkdirSync(join(folder, 'app'));
    writeFileSync(join(folder, 'app/index.html'), 'mine');
    const { code, said } = await fetchTo(folder);
    expect(code).toBe(1);
    expect(said).toContain('is not of Muster');
    expect(readFileSync(join(folder, 'app/index.html'), 'utf8')).toBe('mine');
  });

  it.each(['package/../../out', 'package/a\n/../../../out', '/out', 'other/out'])('unpacks nothing to %j', async (path) => {
    packed = gzipSync(tarOf(path, 'x'));
    const { code, said } = await fetchTo(join(folder, 'deep/prefix'));
    expect(code).toBe(1);
    expect(said).toContain('has no place in this file');
    expect(existsSync(join(folder, 'out')) || existsSync(join(folder, 'deep/out'))).toBe(false);
  });
});
